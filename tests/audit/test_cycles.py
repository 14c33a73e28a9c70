"""What judging makes is let go when nobody has it: the collector is told to spare it, and would never find it in a cycle."""

from __future__ import annotations

import gc
from datetime import UTC, datetime

import pytest

from auditor import audit
from auditor.analysis.fact import Fact
from auditor.estate.graph import Estate
from auditor.inputs import read
from auditor.model import Finding, Resource
from auditor.network.filter_chain import FilterChain
from auditor.network.search import Search
from auditor.network.trace import DecidedPackets
from tests.audit.judging import shipped, written
from tests.checkout import SAMPLE

LARGE = (Estate, Resource, Fact, Finding, Search, FilterChain, DecidedPackets)


@pytest.mark.parametrize("written_as", ["json", "csv"])
def test_nothing_large_lies_in_a_cycle(written_as: str) -> None:
    snapshot, rules = read.read(SAMPLE), shipped()
    gc.collect()
    gc.disable()
    try:
        written(audit.audit(snapshot, rules, audit.Terms(as_of=datetime(2024, 3, 1, tzinfo=UTC))), written_as)
        gc.unfreeze()  # else what was to be spared would not be looked at
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        found = {type(each).__name__ for each in gc.garbage if isinstance(each, LARGE)}
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()

    assert found == set()
