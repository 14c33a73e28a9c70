"""A scan of Azure keeps what it found, as an evaluation does."""

from __future__ import annotations

from pathlib import Path

from tests.collect.test_scan import scan
from tests.e2e.command import sample
from tests.history.scans import asked, day
from tests.simulator.client import Simulator


def test_two_scans_of_one_state_have_nothing_new(simulator: Simulator, tmp_path: Path) -> None:
    simulator.serve(sample())
    changes = []
    for number in range(2):
        ended = scan(simulator, tmp_path, "--history", "history.db", "--as-of", day(number))
        changes.append({one.get("change") for one in ended.findings if one["status"] == "fail"})
    assert changes == [{"new"}, {"unchanged"}]
    first, second = asked(tmp_path, "history.db", "trend")["runs"]
    assert (first["open"], first["new"]) == (second["open"], first["open"])
    assert (second["new"], second["reopened"], second["resolved"]) == (0, 0, 0)
