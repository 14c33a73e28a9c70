"""Show traffic and the rules that decide about it, as facts hold it."""

from __future__ import annotations

from collections.abc import Iterable

from auditor.analysis.fact import Record, record
from auditor.network.describe import Sentence


@record
class DecidedTraffic(Record):
    """Traffic and who decides about it."""

    traffic: str
    """the traffic, in words"""
    rules: tuple[str, ...]
    """the rules that let it through"""


@record
class StoppedTraffic(Record):
    """Traffic that the table requires and that is stopped."""

    traffic: str
    """what is stopped, in words"""
    rules: tuple[str, ...]
    """the rules that stop it"""
    why: str
    """what it is required for"""


def decided(lines: Iterable[Sentence]) -> tuple[DecidedTraffic, ...]:
    """Return the lines of a verdict on what passes, as a fact holds them."""
    return tuple(DecidedTraffic(traffic=line.traffic, rules=_names(line)) for line in lines)


def stopped(lines: Iterable[Sentence], why: str) -> tuple[StoppedTraffic, ...]:
    """Return the lines of a verdict on what is stopped and is required for `why`, as a fact holds them."""
    return tuple(StoppedTraffic(traffic=line.traffic, rules=_names(line), why=why) for line in lines)


def _names(line: Sentence) -> tuple[str, ...]:
    return tuple(name for _, name in line.rules)
