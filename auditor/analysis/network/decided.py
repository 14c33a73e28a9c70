"""Show traffic and the rules that decide about it, as facts hold it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from auditor.analysis.fact import Record, record
from auditor.network.describe import Sentence
from auditor.network.verdicts import TrafficVerdict


@record
class DecidedTraffic(Record, frozen=True, kw_only=True):
    """Traffic and who decides about it."""

    traffic: str
    """the traffic, in words"""
    rules: tuple[str, ...]
    """the rules that let it through"""


@record
class StoppedTraffic(Record, frozen=True, kw_only=True):
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


def rules_first(verdicts: Iterable[TrafficVerdict], inputs: Sequence[tuple[str, str]]) -> Sequence[tuple[str, str]]:
    """Return the rules that decide about what answers as inputs, then those of the inputs that are no rules.

    Where no rule decides, each rule of a group may be why, and all inputs are returned.
    """
    deciding = list(dict.fromkeys(rule for verdict in verdicts for rule in verdict.deciding_rules()))
    if not deciding:
        return inputs
    return [*((rule, "properties") for rule in deciding), *(each for each in inputs if each[1] != "properties")]


def witness_of(verdicts: Iterable[TrafficVerdict]) -> Mapping[str, object] | None:
    """Return an example of a packet that answers, as JSON, from the first verdict that has one."""
    packet = next((packet for verdict in verdicts if (packet := verdict.witness())), None)
    return None if packet is None else packet.as_json()


def _names(line: Sentence) -> tuple[str, ...]:
    return tuple(name for _, name in line.rules)
