"""Editions are recognised by what an estate is made of, and a report by another edition says so first."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

import auditor
from auditor.cli.app import command_line
from auditor.errors import AuditorError
from tests.estates import agents
from tests.estates.arm import Body, resource
from tests.estates.chat import chat_document

_NOW = datetime(2026, 7, 16, 12, tzinfo=UTC)


def written(folder: Path, document: Body) -> Path:
    path = folder / "estate.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def as_in_2025(document: Body) -> Body:
    """Give the project an identity that goes with it, and take the locks away."""
    for body in document["resources"]:
        if body["id"] == agents.PROJECT:
            body["identity"] = {"type": "SystemAssigned", "principalId": agents.principal("id-desk")}
    kept = [body for body in document["resources"] if body["type"] != "Microsoft.Authorization/locks"]
    return {**document, "resources": kept}


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (chat_document(), "openai-chat"),
        (agents.agent_document(), "foundry-chat"),
        (as_in_2025(agents.agent_document()), "foundry-chat@2025-07"),
    ],
    ids=["2024-02", "2026-07", "2025-07"],
)
def test_auto_picks_the_edition_that_fits(document: Body, expected: str, tmp_path: Path) -> None:
    report = auditor.evaluate(auditor.load(written(tmp_path, document)), "auto", complete=True, as_of=_NOW)
    assert report.baseline_name == expected
    assert report.misfit == ""


def test_auto_picks_nothing_where_nothing_tells(tmp_path: Path) -> None:
    account = resource("Microsoft.Storage/storageAccounts", "st", properties={})
    with pytest.raises(AuditorError, match="nothing in the estate tells which baseline fits it"):
        auditor.evaluate(auditor.load(written(tmp_path, {"resources": [account]})), "auto")


@pytest.mark.parametrize(
    ("document", "baseline", "looks_like"),
    [
        (agents.agent_document(), "openai-chat", "foundry-chat@2026-07"),
        (chat_document(), "foundry-chat", "openai-chat@2024-02"),
        (as_in_2025(agents.agent_document()), "foundry-chat", "foundry-chat@2025-07"),
    ],
    ids=["2026-07 by 2024-02", "2024-02 by 2026-07", "2025-07 by 2026-07"],
)
def test_a_report_by_another_edition_says_so_and_what_comes_from_that_alone(
    document: Body, baseline: str, looks_like: str, tmp_path: Path
) -> None:
    snapshot = auditor.load(written(tmp_path, document))
    report = auditor.evaluate(snapshot, baseline, complete=True, as_of=_NOW)
    fitting = auditor.evaluate(snapshot, looks_like, complete=True, as_of=_NOW)
    failing, others = (
        {(each.rule_id, each.resource_id, each.sub_object) for each in one.findings if each.status == "fail"}
        for one in (report, fitting)
    )
    assert report.misfit == (
        f"the estate looks like {looks_like} and is judged by {baseline}: "
        f"{len(failing - others)} of {len(failing)} failures come from that alone"
    )
    assert report.misfit in report.notices
    assert fitting.misfit == ""


@pytest.mark.parametrize("baseline", ["azure-openai-minimum", "foundry-chat"])
def test_nothing_is_said_where_the_baseline_fits_or_is_for_any(baseline: str, tmp_path: Path) -> None:
    snapshot = auditor.load(written(tmp_path, agents.agent_document()))
    assert auditor.evaluate(snapshot, baseline, complete=True, as_of=_NOW).misfit == ""


@pytest.mark.parametrize("name", ["table", "markdown"])
def test_it_is_the_first_line_of_what_people_read(name: str, tmp_path: Path) -> None:
    source = written(tmp_path, agents.agent_document())
    arguments = ["evaluate", str(source), "--complete", "--as-of", "2026-07-16T12:00:00Z", "-o", name]
    first = CliRunner().invoke(command_line(), arguments, env={"COLUMNS": "200"}).stdout.splitlines()[0]
    assert first.startswith("the estate looks like foundry-chat")
    assert "2026-07 and is judged by openai-chat: " in first
