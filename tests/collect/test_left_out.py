"""What no rule in force needs is not asked for, and the snapshot says so; asked for everything, all is read."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from auditor import resource_id as ids
from auditor.engine.coverage.needs import needs_of
from auditor.inputs.read import read
from auditor.model import Status
from auditor.rulebook import in_force
from auditor.rulebook.in_force import Selection
from auditor.snapshot.left_out import LEFT_OUT, NOT_NEEDED, calls_in
from tests.collect.conftest import Collect
from tests.collect.test_scan import AT, signed_in
from tests.e2e.command import Ended, in_process, sample
from tests.estates.left_out import without_calls
from tests.simulator.client import Simulator

RULE = "keyvault-secret-expiry-set"
SUB = "c2bcebd9-5f31-496a-a453-37d5bc1c6f9c"


@pytest.fixture
def served(simulator: Simulator) -> Simulator:
    simulator.serve({**sample(), "subscriptions": [{"subscriptionId": SUB, "displayName": "prod"}]})
    return simulator


def run(simulator: Simulator, at: Path, *words: str) -> Ended:
    return in_process(*words, at=at, env=signed_in(simulator))


def statuses(ended: Ended) -> dict[tuple[str, str, str], str]:
    found: dict[tuple[str, str, str], str] = {}
    for one in ended.findings:
        found[one["rule_id"], ids.key(one["resource_id"] or ""), one["sub_object"] or ""] = one["status"]
    return found


def test_a_scan_of_one_rule_asks_for_little_and_answers_as_a_scan_of_everything(
    served: Simulator, tmp_path: Path
) -> None:
    wanted = ("scan", "-q", "-o", "json", "--include-passed", "--select", RULE, *AT)

    thin = run(served, tmp_path, *wanted, "--snapshot", "thin.snapshot")
    few = served.paths()
    full = run(served, tmp_path, *wanted, "--snapshot", "full.snapshot", "--everything")
    many = served.paths()[len(few) :]

    assert thin.code == full.code
    assert statuses(thin) == statuses(full)
    assert len(few) * 2 < len(many)
    assert set(few) <= set(many)
    assert not any(re.search("(?i)budgets|raiPolicies|blobServices", path) for path in few)
    assert any(path.endswith("/secrets") for path in few)
    assert LEFT_OUT not in read(tmp_path / "full.snapshot").metadata.scope


def test_a_snapshot_is_what_is_left_of_a_full_one_without_the_calls_that_it_names(
    served: Simulator, tmp_path: Path
) -> None:
    run(served, tmp_path, "scan", "-q", "--select", RULE, "--snapshot", "thin.snapshot", *AT)
    run(served, tmp_path, "collect", "-q", "-o", "full.snapshot")

    thin, full = read(tmp_path / "thin.snapshot"), read(tmp_path / "full.snapshot")
    left_out = calls_in(thin.metadata.scope)

    assert left_out
    expected = {one.key for one in without_calls(full, left_out).resources}
    inline = {one.key for one in full.resources if one.type_key.endswith("/privateendpointconnections")}
    assert {one.key for one in thin.resources} - inline == expected - inline
    assert thin.gaps == full.gaps == []


def test_judged_by_other_rules_what_was_left_out_is_unknown_and_never_passes(served: Simulator, tmp_path: Path) -> None:
    run(served, tmp_path, "scan", "-q", "--select", "registry-admin-user-off", "--snapshot", "thin.snapshot", *AT)

    later = run(served, tmp_path, "evaluate", "thin.snapshot", "-o", "json", "--include-passed", "--select", RULE, *AT)

    assert later.code == 2
    assert {one["status"] for one in later.findings} == {Status.UNKNOWN}
    assert NOT_NEEDED in json.dumps(later.findings)
    assert "collect it with --everything" in later.out + later.err


def test_collect_reads_everything_unless_it_is_for_one_baseline(served: Simulator, tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(f"name: own\nversion: '1'\nextends: openai-chat\nrules: ['!*', {RULE}]\n", encoding="utf-8")

    all_of_it = run(served, tmp_path, "collect", "-q", "-o", "full.snapshot")
    part = run(served, tmp_path, "collect", "-q", "-o", "thin.snapshot", "--only-for", str(own))
    both = run(served, tmp_path, "collect", "-o", "x.snapshot", "--only-for", str(own), "--everything")

    assert (all_of_it.code, part.code, both.code) == (0, 0, 2)
    assert LEFT_OUT not in read(tmp_path / "full.snapshot").metadata.scope
    assert calls_in(read(tmp_path / "thin.snapshot").metadata.scope)
    assert "one of --everything and --only-for" in both.err


def test_a_collection_that_goes_on_leaves_out_what_it_began_to_leave_out(
    served: Simulator, run_collect: Collect
) -> None:
    rules = in_force.load(Selection(select=[RULE]))
    _, begun = run_collect(needs=needs_of(rules))
    asked = served.paths()

    _, again = run_collect(as_begun=calls_in(begun.metadata.scope))

    assert again.metadata.scope[LEFT_OUT] == begun.metadata.scope[LEFT_OUT]
    assert sorted(served.paths()[len(asked) :]) == sorted(asked)


def test_nothing_but_reads_is_sent_whatever_is_left_out(served: Simulator, run_collect: Collect) -> None:
    run_collect(needs=needs_of(in_force.load(Selection(select=["openai-*"]))))

    sent: list[dict[str, Any]] = [dict(one) for one in served.requests()]
    assert {one["method"] for one in sent} == {"GET", "POST"}
    assert {one["path"].partition("?")[0] for one in sent if one["method"] == "POST"} == {
        "/providers/Microsoft.ResourceGraph/resources"
    }


def test_nothing_is_asked_for_twice(served: Simulator, run_collect: Collect) -> None:
    run_collect()

    asked = Counter(one["path"] for one in served.requests() if one["method"] == "GET")
    assert [path for path, times in asked.items() if times > 1] == []
