"""A type that nobody modelled may face the Internet, whatever its namespace, until a baseline says why it does not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import auditor
from auditor.analysis.contract import Context
from auditor.analysis.exposure.analysis import entries
from auditor.analysis.exposure.entry import EntryState
from auditor.network.subnets import Subnets
from tests.checkout import SAMPLE

KINDS = ["Microsoft.Web/somethingNew", "Microsoft.Network/somethingNew", "Microsoft.Insights/new", "Contoso.X/things"]
REASON = "a catalogue of prices, read by us"


def stranger(kind: str) -> dict[str, object]:
    return {"id": f"/subscriptions/s/resourceGroups/rg/providers/{kind}/n", "name": "n", "type": kind, "properties": {}}


@pytest.mark.parametrize("kind", KINDS)
def test_an_unmodelled_type_is_a_way_in_that_is_not_known(kind: str, make: Callable[..., Context]) -> None:
    context = make([stranger(kind)])
    [entry] = entries(context, Subnets(context.estate))
    assert entry.state is EntryState.UNKNOWN


@pytest.mark.parametrize("kind", KINDS)
def test_a_baseline_can_declare_it_harmless_with_a_reason(kind: str, make: Callable[..., Context]) -> None:
    context = make([stranger(kind)], parameters={"harmless_types": {kind.upper(): REASON}})
    [entry] = entries(context, Subnets(context.estate))
    assert entry.state is EntryState.CLOSED
    assert REASON in entry.by


def test_the_report_shows_what_was_declared_harmless_and_why(tmp_path: Path) -> None:
    document = json.loads(SAMPLE.read_text())
    source = tmp_path / "estate.json"
    source.write_text(json.dumps({**document, "resources": [*document["resources"], stranger(KINDS[0])]}))
    report = auditor.evaluate(auditor.load(source), parameters={"harmless_types": {KINDS[0]: REASON}})
    assert [notice for notice in report.notices if REASON in notice and KINDS[0].lower() in notice]
