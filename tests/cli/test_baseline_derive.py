"""An overlay derived from an estate: what it pins changes no verdict, and what a person confirms fails no more."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from auditor import shipped
from tests.e2e.command import Ended, in_process, is_one_line
from tests.estates.chat import chat_document

ESTATES = {
    "chat": lambda: json.dumps(chat_document()),
    "sample": lambda: (shipped.folder("samples") / "chat.json").read_text(encoding="utf-8"),
}


@pytest.fixture(params=sorted(ESTATES))
def at(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    (tmp_path / "estate.json").write_text(ESTATES[request.param](), encoding="utf-8")
    return tmp_path


def _verdicts(ended: Ended) -> Counter[tuple[Any, ...]]:
    return Counter(
        (each["rule_id"], each["resource_id"], each["sub_object"], each["status"]) for each in ended.findings
    )


def _evaluate(at: Path, *more: str) -> Ended:
    return in_process("evaluate", "estate.json", "--complete", "-o", "json", *more, at=at)


def _confirmed(text: str) -> str:
    """Remove the sign before all that a person may accept."""
    return re.sub(r"(?m)^#(?= ?settings:|   )", "", text).replace("\n settings:", "\nsettings:")


def test_the_same_estate_is_judged_by_it_as_before(at: Path) -> None:
    derived = in_process("baseline", "derive", "estate.json", "--complete", "-o", "own.yaml", at=at)
    assert (derived.code, derived.err) == (0, "")
    assert _verdicts(_evaluate(at, "--baseline", "own.yaml")) == _verdicts(_evaluate(at))


def test_what_is_confirmed_fails_no_more(at: Path) -> None:
    derived = in_process("baseline", "derive", "estate.json", "--complete", at=at).out
    (at / "own.yaml").write_text(_confirmed(derived), encoding="utf-8")
    ended = _evaluate(at, "--baseline", "own.yaml", "--allow-incomplete")
    assert ended.code == 0, ended.err
    assert not [each for each in ended.findings if each["status"] == "fail"]


def test_what_is_bound_is_pinned_with_the_address_plan(tmp_path: Path) -> None:
    (tmp_path / "estate.json").write_text(ESTATES["chat"](), encoding="utf-8")
    text = in_process("baseline", "derive", "estate.json", "--complete", "--name", "contoso", at=tmp_path).out
    assert 'name: "contoso"' in text
    assert re.search(r'^    gateway: "agw-', text, re.MULTILINE)
    assert re.search(r'^    appGateway: "snet-appGateway"  # 10\.0\.1\.0/24$', text, re.MULTILINE)
    assert re.search(r"^  # accepts \d+ of \d+ failures of ", text, re.MULTILINE)


def test_a_name_that_breaks_out_of_its_line_stays_in_it(tmp_path: Path) -> None:
    document = json.dumps(chat_document()).replace("snet-training", 'snet-training\\nrules: [\\"!*\\"]\\n#')
    (tmp_path / "estate.json").write_text(document, encoding="utf-8")
    in_process("baseline", "derive", "estate.json", "--complete", "-o", "own.yaml", at=tmp_path)
    assert in_process("baseline", "validate", "own.yaml", at=tmp_path).code == 0
    assert not [line for line in (tmp_path / "own.yaml").read_text().splitlines() if line.startswith("rules")]


def test_a_file_in_which_people_confirmed_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "estate.json").write_text(ESTATES["chat"](), encoding="utf-8")
    (tmp_path / "own.yaml").write_text("kept")
    ended = in_process("baseline", "derive", "estate.json", "-o", "own.yaml", at=tmp_path)
    assert (ended.code, (tmp_path / "own.yaml").read_text()) == (2, "kept")
    assert is_one_line(ended.err)
