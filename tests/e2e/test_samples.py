"""The estates that ship: judged by name, written to a file, and made as their maker makes them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.checkout import ROOT
from tests.e2e.command import in_process, is_one_line
from tests.estates.landing_zone import document

LANDING_ZONE = ROOT / "samples" / "landing-zone.json"


def test_the_landing_zone_is_what_its_maker_makes() -> None:
    assert json.loads(LANDING_ZONE.read_text(encoding="utf-8")) == document(), "python -m tests.estates.landing_zone"
    assert LANDING_ZONE.stat().st_size < 150_000


def test_the_demo_judges_the_estate_that_is_named(tmp_path: Path) -> None:
    ended = in_process("demo", "--estate", "landing-zone", "-o", "json", at=tmp_path)
    assert ended.code == 0
    failed = {finding["rule_id"] for finding in ended.report["findings"] if finding["status"] == "fail"}
    assert "subnet-guarded-ports-closed" in failed


@pytest.mark.parametrize("name", ["chat", "landing-zone"])
def test_a_sample_is_written_to_a_file_as_it_ships(name: str, tmp_path: Path) -> None:
    ended = in_process("demo", "--estate", name, "--save", "mine.json", at=tmp_path)
    assert (ended.code, ended.out) == (0, "")
    assert (tmp_path / "mine.json").read_bytes() == (ROOT / "samples" / f"{name}.json").read_bytes()


def test_a_file_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    ended = in_process("demo", "--save", str(tmp_path / "none" / "mine.json"), at=tmp_path)
    assert ended.code == 2
    assert is_one_line(ended.err)


def test_an_estate_that_does_not_ship_is_refused(tmp_path: Path) -> None:
    ended = in_process("demo", "--estate", "nothing", at=tmp_path)
    assert ended.code == 2
    assert "landing-zone" in ended.err
