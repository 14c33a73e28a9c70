"""What the later state did not look at is neither resolved nor known to be gone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.diff import states
from auditor.inputs import read
from auditor.model import Status
from auditor.rulebook import in_force
from auditor.rulebook.in_force import Selection
from tests.diff.test_left_out import audited
from tests.e2e.command import Ended, in_process, is_one_line, storage

Body = dict[str, Any]
AT = ("--as-of", "2024-05-01")
WEAK = {"minimumTlsVersion": "TLS1_0", "supportsHttpsTrafficOnly": False}


def _account(name: str, **properties: object) -> Body:
    body = storage(**properties)
    return {**body, "name": name, "id": body["id"].rpartition("/")[0] + f"/{name}"}


def _written(folder: Path, name: str, bodies: list[Body], **beside: object) -> Path:
    path = folder / name
    path.write_text(json.dumps({"resources": bodies, **beside}), encoding="utf-8")
    return path


def _report(folder: Path, state: Path, *options: str) -> Path:
    path = folder / f"{state.stem}-report.json"
    in_process("evaluate", state, *AT, *options, "-o", f"json={path}", at=folder)
    return path


def _resolved(ended: Ended) -> set[str]:
    return {each["rule_id"] for each in ended.report["findings"]["resolved"]}


class TestResolved:
    @pytest.mark.parametrize("is_report", [False, True])
    def test_what_an_export_that_is_not_complete_does_not_hold_is_not_resolved(
        self, tmp_path: Path, *, is_report: bool
    ) -> None:
        old = _written(tmp_path, "old.json", [_account("weak", **WEAK), _account("other")], complete=True)
        new = _written(tmp_path, "new.json", [_account("other")])
        pair = [_report(tmp_path, each) if is_report else each for each in (old, new)]
        ended = in_process("diff", *pair, "-o", "json", *AT, at=tmp_path)
        assert ended.code == 2
        assert is_one_line(ended.err)
        assert not ended.report["findings"]["resolved"]
        assert any(
            "weak still fails storage-https-only (the export does not say that it is complete)" in line
            for line in ended.report["undecided"]
        )

    @pytest.mark.parametrize("gone", [1, 2, 40])
    def test_all_that_is_missing_for_one_reason_is_one_line(self, tmp_path: Path, gone: int) -> None:
        many = [_account(f"gone{number}") for number in range(gone)]
        old = _written(tmp_path, "old.json", [*many, _account("other")], complete=True)
        new = _written(tmp_path, "new.json", [_account("other")])
        told = in_process("diff", old, new, "-o", "json", *AT, at=tmp_path).report["undecided"]
        lines = [each for each in told if " in the new state (" in each]
        assert len(lines) == 1, lines
        assert ("gone0" if gone == 1 else f"{gone} resources ({gone} of Microsoft.Storage/storageAccounts)") in lines[0]

    @pytest.mark.parametrize("is_report", [False, True])
    def test_what_a_complete_one_does_not_hold_is(self, tmp_path: Path, *, is_report: bool) -> None:
        old = _written(tmp_path, "old.json", [_account("weak", **WEAK), _account("other")], complete=True)
        new = _written(tmp_path, "new.json", [_account("other")], complete=True)
        pair = [_report(tmp_path, each) if is_report else each for each in (old, new)]
        ended = in_process("diff", *pair, "-o", "json", *AT, at=tmp_path)
        assert ended.code == 1
        assert "storage-https-only" in _resolved(ended)

    @pytest.mark.parametrize("options", [("--select", "storage-minimum-tls"), ("--ignore", "storage-https-only")])
    def test_a_rule_that_was_not_asked_resolves_nothing(self, tmp_path: Path, options: tuple[str, ...]) -> None:
        state = _written(tmp_path, "one.json", [_account("weak", **WEAK)], complete=True)
        again = _written(tmp_path, "two.json", [_account("weak", **WEAK)], complete=True)
        old, new = _report(tmp_path, state), _report(tmp_path, again, *options)
        asked = json.loads(new.read_text(encoding="utf-8"))["rules"].keys()
        ended = in_process("diff", old, new, "-o", "json", at=tmp_path)
        assert _resolved(ended) <= asked
        assert "storage-https-only" not in _resolved(ended)
        assert ended.code == 2
        assert any("the rule was not asked" in line for line in ended.report["undecided"])

    def test_a_scan_of_another_subscription_or_group_resolves_nothing(self, tmp_path: Path) -> None:
        old = _report(tmp_path, _written(tmp_path, "old.json", [_account("weak", **WEAK)], complete=True))
        new = _report(tmp_path, _written(tmp_path, "new.json", [_account("weak")], complete=True))
        for scope in ({"subscriptions": ["other"]}, {"resource_groups": ["other"]}, {"tags": ["team=a"]}):
            report = json.loads(new.read_text(encoding="utf-8"))
            report["snapshot"]["scope"] = scope
            report["findings"] = [
                {**each, "resource_id": None, "fingerprint": f"{number}"}
                for number, each in enumerate(report["findings"])
            ]
            part = tmp_path / "part.json"
            part.write_text(json.dumps(report), encoding="utf-8")
            ended = in_process("diff", old, part, "-o", "json", at=tmp_path)
            assert (ended.code, _resolved(ended)) == (2, set())

    def test_an_exemption_that_was_taken_out_is_told_of(self, tmp_path: Path) -> None:
        state = _written(tmp_path, "one.json", [_account("weak", **WEAK)], complete=True)
        entry = {"rule": "storage-https-only", "scope": _account("weak")["id"], "reason": "r", "approved_by": "a"}
        ends = ("2024-04-30", "2025-01-01")
        reports = []
        for day in ends:
            exemptions = tmp_path / "exemptions.yaml"
            exemptions.write_text(
                json.dumps({"exemptions": [{**entry, "ticket": "T-1", "expires_on": day}]}), encoding="utf-8"
            )
            report = _report(tmp_path, state, "--exemptions", str(exemptions))
            reports.append(report.rename(tmp_path / f"{day}.json"))
        ended = in_process("diff", *reports, "-o", "json", at=tmp_path)
        assert _resolved(ended) == {"exemption-expired"}


NAMES = ("a", "b", "c")
ACCOUNTS = st.dictionaries(
    st.sampled_from(NAMES),
    st.fixed_dictionaries({"minimumTlsVersion": st.sampled_from(["TLS1_0", "TLS1_2"])}),
    min_size=1,
)


@settings(max_examples=15, deadline=None)
@given(before=ACCOUNTS, after=ACCOUNTS, is_complete=st.booleans())
def test_only_what_was_seen_resolves_a_failure(
    tmp_path_factory: pytest.TempPathFactory, *, before: dict[str, Any], after: dict[str, Any], is_complete: bool
) -> None:
    """Each failure that is none any more is resolved where it was seen to be, and else undecided: never neither, nor both."""
    folder = tmp_path_factory.mktemp("law")
    rules = in_force.load(Selection(select=["storage-minimum-tls"]))
    old, new = (
        audited(
            read.read(
                _written(folder, name, [_account(each, **told) for each, told in state.items()], complete=complete)
            ),
            rules,
            complete=complete,
        )
        for name, state, complete in (("old.json", before, True), ("new.json", after, is_complete))
    )
    drift = states.compare(old, new)

    failed, still = (
        {name for name, told in state.items() if told["minimumTlsVersion"] == "TLS1_0"} for state in (before, after)
    )
    gone = failed - still
    seen = {name for name in gone if name in after or is_complete}
    assert {each.finding.resource_id.rpartition("/")[2] for each in drift.findings.resolved} == seen
    undecided = {line.split()[1] for line in drift.findings.undecided if "still fails" in line}
    assert undecided == gone - seen
    assert all(each.finding.status is Status.FAIL for each in drift.findings.resolved)
