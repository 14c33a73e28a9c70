"""See at a glance what an entry of an export may hold, so that it is looked for only where it may be: nearly nowhere."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final, TypeVar

from msgspec import Struct

from auditor.inputs import twins
from auditor.redaction.harmless import are_harmless, are_plain, is_harmless
from auditor.snapshot.normalise import DEPTH_KEPT

T = TypeVar("T")
Names = tuple[str, ...]

_CUT_OFF: Final = ("@{", "System.")
"""How texts begin that PowerShell wrote for what it did not print."""
_REMEMBERED: Final = 50_000
_LONGEST: Final = 400
_ORDINARY_TEXTS: Final[set[str]] = set()
_ORDINARY_NAMES: Final[set[Names]] = set()
"""What was looked at and is nothing that is looked for, texts and names that stand together: estates repeat themselves."""


class Glance(Struct, frozen=True):
    """What may be in an entry: what is not seen here is not in it, and what is has to be looked for.

    `has_twins`: something is stated twice. `is_cut_off`: it is not whole. `is_deep`: it is nested more deeply than is kept.
    `is_harmless`: no secret is in anything that it is made of, wherever that stands.
    """

    has_twins: bool = False
    is_cut_off: bool = False
    is_deep: bool = False
    is_harmless: bool = True


_NOTHING_SEEN: Final = Glance()


def glance(entry: dict[str, object]) -> Glance:
    """Look at an object of JSON: at its texts, at the names in each object of it, and at how many parts it has.

    It is the inmost of reading an estate, and therefore one loop that asks only what it did not see before.
    """
    texts: list[str] = []
    names: set[Names] = set()
    names_above: set[Names] = set()  # of objects with others in them
    waiting: list[Any] = [entry]
    known = _ORDINARY_TEXTS
    for value in waiting:  # it grows meanwhile
        parts, is_object = len(waiting), type(value) is dict
        for member in value.values() if is_object else value:
            kind = type(member)
            if kind is str:
                if member not in known:
                    texts.append(member)
            elif kind is dict or kind is list:
                waiting.append(member)
        if is_object:
            (names_above if len(waiting) > parts else names).add(tuple(value))
    odd_texts = _odd_texts(texts) if texts else texts
    unknown_names = (names | names_above) - _ORDINARY_NAMES
    odd_names = _odd_names(unknown_names) if unknown_names else unknown_names
    if not odd_texts and not odd_names and len(waiting) <= DEPTH_KEPT:
        return _NOTHING_SEEN
    return Glance(
        has_twins=any(map(twins.are_among, odd_names)),
        is_cut_off=any(text.startswith(_CUT_OFF) for text in odd_texts),
        is_deep=len(waiting) > DEPTH_KEPT,
        is_harmless=all(map(is_harmless, odd_texts))
        and all(are_harmless(each, is_lowest=each not in names_above) for each in odd_names),
    )


def _odd_texts(texts: Sequence[str]) -> Collection[str]:
    """Return which of some texts are not ordinary, and remember those that are."""
    odd = (
        set[str]()
        if are_plain(texts)
        else {text for text in texts if text.startswith(_CUT_OFF) or not is_harmless(text)}
    )
    _remember(_ORDINARY_TEXTS, [text for text in texts if len(text) <= _LONGEST and text not in odd])
    return odd


def _odd_names(unknown: Collection[Names]) -> Collection[Names]:
    """Return which sets of names are not ordinary, and remember those that are."""
    odd = {names for names in unknown if twins.are_among(names) or not are_harmless(names, is_lowest=False)}
    _remember(_ORDINARY_NAMES, [names for names in unknown if names not in odd])
    return odd


def _remember(ordinary: set[T], more: Collection[T]) -> None:
    if len(ordinary) + len(more) > _REMEMBERED:
        ordinary.clear()
    if len(more) <= _REMEMBERED:
        ordinary.update(more)
