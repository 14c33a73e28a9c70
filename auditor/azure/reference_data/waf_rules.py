"""Know which attacks the managed rules of a web application firewall look for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache, lru_cache
from typing import Final

from auditor.azure.reference_data.files import DataFile, read

_FILE: Final = "waf_rules.yaml"
_PREFIX: Final = 3  # 942… are the rules on SQL injection, in every version and under every name of their group


def attacks() -> tuple[str, ...]:
    """Return the kinds of attack, in the order of the file."""
    return tuple(read(_FILE).body["attacks"])


def attacks_of(group: str, rule: str = "") -> frozenset[str]:
    """Return the attacks that a group, or one rule of it, looks for; none where neither is known.

    A rule in a group that is not known belongs where the rules of its number do.
    """
    return _by_group().get(_normal(group)) or _by_prefix().get(rule[:_PREFIX], frozenset())


def groups(set_type: str, version: str) -> Mapping[str, frozenset[str] | None] | None:
    """Return the rules of each group of a rule set, None for a group of which they are not listed.

    None for a set or version that is not listed at all.
    """
    return _sets().get((set_type.lower(), version.lower()))


def is_replaced(set_type: str, rule: str) -> bool:
    """Whether Microsoft says to turn a rule off, since another of the same set does its work."""
    return rule in _replaced().get(set_type.lower(), ())


def is_same_group(left: str, right: str) -> bool:
    """Whether two names are of one group: case, dashes and blanks do not matter."""
    return _normal(left) == _normal(right)


@lru_cache(maxsize=1024)
def _normal(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())


@cache
def _by_group() -> Mapping[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for attack, names in read(_FILE).body["attacks"].items():
        for name in names:
            found.setdefault(_normal(name), set()).add(attack)
    return {name: frozenset(looked_for) for name, looked_for in found.items()}


@cache
def _by_prefix() -> Mapping[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for known in _sets().values():
        for group, rules in known.items():
            for rule in rules or ():
                found.setdefault(rule[:_PREFIX], _by_group().get(_normal(group), frozenset()))
    return found


@cache
def _sets() -> Mapping[tuple[str, str], Mapping[str, frozenset[str] | None]]:
    return {
        (set_type.lower(), version.lower()): {
            group: None if rules is None else frozenset(map(str, rules)) for group, rules in listed.items()
        }
        for set_type, versions in read(_FILE).body["sets"].items()
        for version, listed in versions.items()
    }


@cache
def _replaced() -> Mapping[str, frozenset[str]]:
    return {name.lower(): frozenset(map(str, rules)) for name, rules in read(_FILE).body["replaced"].items()}


def _rows() -> Iterator[tuple[str, ...]]:
    for set_type, versions in read(_FILE).body["sets"].items():
        for version, listed in versions.items():
            for group, rules in listed.items():
                looked_for = ", ".join(sorted(attacks_of(group))) or "none"
                shown = "not listed" if rules is None else ", ".join(map(str, rules))
                yield f"{set_type} {version}", group, looked_for, shown


def table() -> tuple[DataFile, tuple[str, ...], Sequence[tuple[str, ...]]]:
    """Return the file with its entries as a table."""
    return read(_FILE), ("rule set", "group", "attacks", "rules"), tuple(_rows())
