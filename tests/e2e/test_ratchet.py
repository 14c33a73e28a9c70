"""An estate with many failures is adopted: what is known does not fail, what is new or has grown does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.checkout import SAMPLE
from tests.e2e.command import GROUP, Ended, estate, in_process, storage

_TLS = ("--select", "storage-minimum-tls", "--complete")
_WEAK = storage("st1", minimumTlsVersion="TLS1_1")
_OPENED = "subnet-jump-box-inbound-restricted"


def _sample(folder: Path, name: str, *replaced: tuple[str, str]) -> Path:
    text = SAMPLE.read_text(encoding="utf-8")
    for old, new in replaced:
        assert old in text
        text = text.replace(old, new)
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def _rule(port: str, source: str = "Internet") -> tuple[str, str]:
    """Return the change of the sample's security rule that lets a vendor in."""
    spelled = '"sourcePortRange": "*",\n       "destinationPortRange": "{}",\n       "sourceAddressPrefix": "{}"'
    return spelled.format("22", "Internet"), spelled.format(port, source)


def _gate(folder: Path, given: Path, *arguments: str | Path) -> Ended:
    return in_process("evaluate", given, "--known", "known.json", "-o", "json", "-q", *arguments, at=folder)


def _changes(ended: Ended) -> dict[str, str]:
    return {each["rule_id"]: each["change"] for each in ended.findings if each.get("change") in {"new", "widened"}}


@pytest.fixture(scope="module")
def adopted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("adopted")
    ended = in_process("ratchet", "write", _sample(folder, "estate.json"), "-o", "known.json", at=folder)
    assert ended.code == 0, ended.err
    return folder


def test_an_estate_against_its_own_ratchet_or_report_of_either_version_has_nothing_new(adopted: Path) -> None:
    for version in ("1", "2"):
        name = f"report-{version}.json"
        first = in_process("evaluate", "estate.json", "-o", f"json={name}", "--json-version", version, "-q", at=adopted)
        again = in_process("evaluate", "estate.json", "--known", name, "-o", "json", "-q", at=adopted)
        assert (first.code, again.code, _changes(again)) == (1, 0, {})
    written = (adopted / "known.json").read_bytes()
    for given in ("estate.json", "report-2.json"):
        assert in_process("ratchet", "update", given, "--known", "known.json", at=adopted).code == 0
        assert (adopted / "known.json").read_bytes() == written


def test_one_port_that_becomes_every_port_has_grown_though_its_fingerprint_stays(adopted: Path) -> None:
    ended = _gate(adopted, _sample(adopted, "worse.json", _rule("*")))

    assert (ended.code, _changes(ended)[_OPENED]) == (1, "widened")
    [finding] = [each for each in ended.findings if each["rule_id"] == _OPENED]
    assert finding["message"].endswith("Wider than known: was TCP 22, is now TCP every port.")
    assert ended.report["summary"]["by_change"] == {"new": 0, "widened": 2, "known": 77}


def test_the_same_opening_by_another_rule_or_for_fewer_is_nothing_new(adopted: Path) -> None:
    narrower = _gate(adopted, _sample(adopted, "narrower.json", _rule("22", "203.0.113.0/28")))
    renamed = _gate(adopted, _sample(adopted, "renamed.json", ("tmp-ssh-vendor", "vendor-access")))

    assert (narrower.code, _changes(narrower)) == (0, {})
    assert _OPENED not in _changes(renamed)


def test_a_failing_filter_that_gets_weaker_has_grown(adopted: Path) -> None:
    ended = _gate(
        adopted, _sample(adopted, "weaker.json", ('"allowedContentLevel": "Medium"', '"allowedContentLevel": "High"'))
    )

    assert ended.code == 1
    assert _changes(ended).get("openai-filter-harm-strict") == "widened"


def test_the_number_only_falls(adopted: Path, tmp_path: Path) -> None:
    (tmp_path / "known.json").write_bytes((adopted / "known.json").read_bytes())
    mended = ('"mode": "Detection"', '"mode": "Prevention"')
    better = _sample(tmp_path, "better.json", mended)
    both = _sample(tmp_path, "both.json", mended, _rule("*"))

    def ratchet(verb: str, given: Path, *options: str) -> tuple[int, int]:
        ended = in_process("ratchet", verb, given, "--known", "known.json", *options, at=tmp_path)
        return ended.code, json.loads((tmp_path / "known.json").read_text())["count"]

    assert ratchet("update", both) == (1, 79)
    assert ratchet("prune", both) == (0, 78)
    assert _gate(tmp_path, both).code == 1, "pruning hides nothing"
    assert ratchet("update", better) == (0, 78)
    assert _gate(tmp_path, _sample(tmp_path, "estate.json")).code == 1, "what was mended is new when it comes back"
    assert ratchet("update", both, "--allow-growth") == (0, 78)
    assert _gate(tmp_path, both).code == 0


def test_an_exemption_of_a_failure_ends_where_the_failure_grows(adopted: Path) -> None:
    report = in_process("evaluate", "estate.json", "-o", "json", "-q", at=adopted).findings
    fingerprints = [each["fingerprint"] for each in report if each["status"] == "fail" and "jump" in each["message"]]
    told = ("--reason", "r", "--approved-by", "J. Doe", "--ticket", "T-1", "--expires-on", "2024-06-30")
    added = in_process(
        "exemption", "add", *fingerprints, "--input", "estate.json", "--exemptions", "ex.yaml", *told, at=adopted
    )
    assert added.code == 0, added.err

    def accepted(given: Path, *options: str) -> set[str]:
        ended = in_process("evaluate", given, "--exemptions", "ex.yaml", "-o", "json", "-q", *options, at=adopted)
        return {each["rule_id"] for each in ended.findings if each["exemption"]}

    assert _OPENED in accepted(adopted / "estate.json")
    worse = _sample(adopted, "worse.json", _rule("*"))
    assert _OPENED not in accepted(worse)
    assert accepted(adopted / "estate.json", "--as-of", "2024-07-01") == set()
    checked = in_process("exemption", "check", worse, "--exemptions", "ex.yaml", "-o", "json", at=adopted)
    defects = {each["rule"]: each["defects"] for each in json.loads(checked.out)["exemptions"]}
    assert (checked.code, defects[_OPENED]) == (1, ["outgrown"])
    assert in_process("exemption", "check", "estate.json", "--exemptions", "ex.yaml", at=adopted).code == 0


def test_an_exemption_by_rule_and_resource_hides_no_new_hole(adopted: Path) -> None:
    (adopted / "wide.yaml").write_text(
        "exemptions:\n- {rule: subnet-*, scope: '*/subnets/snet-jump', reason: r, approved_by: a, ticket: T-1,"
        " expires_on: 2024-12-31}\n"
    )
    worse = _sample(adopted, "worse.json", _rule("*"))
    options = ("--exemptions", "wide.yaml", "-o", "json", "-q", "--select", "subnet-*")

    def judged(given: Path, *more: str) -> Ended:
        return in_process("evaluate", given, *options, *more, at=adopted)

    def covered(ended: Ended) -> bool:
        [found] = [each for each in ended.findings if each["rule_id"] == _OPENED]
        return bool(found["exemption"])

    alone = judged(worse)
    assert covered(alone)
    assert {each["rule_id"]: each["severity"] for each in alone.findings if "exemption-" in each["rule_id"]} == {
        "exemption-too-wide": "medium"
    }
    assert alone.code == 1, "what nobody has looked at is not accepted in silence"
    assert covered(judged(adopted / "estate.json", "--known", "known.json"))
    grown = judged(worse, "--known", "known.json")
    assert (grown.code, covered(grown), _changes(grown)[_OPENED]) == (1, False, "widened")
    checked = in_process("exemption", "check", worse, "--exemptions", "wide.yaml", at=adopted)
    assert (checked.code, "does not say how far it goes" in " ".join(checked.out.split())) == (1, True)


def _account(*prefixes: str) -> dict[str, Any]:
    return storage("st1", networkAcls={"ipRules": [{"value": each, "action": "Allow"} for each in prefixes]})


def test_the_sixth_element_of_a_list_is_seen_to_be_new(tmp_path: Path) -> None:
    """A person is shown five of them; what is known holds all."""
    rule = tmp_path / "rules" / "storage-no-rules.yaml"
    rule.parent.mkdir()
    rule.write_text(
        "id: storage-no-rules\ntitle: No rules\nseverity: low\nrationale: r\nremediation: {text: t}\n"
        "controls: {own: [A-1]}\napplies: {type: Microsoft.Storage/storageAccounts}\n"
        "require: {none: {in: 'properties.networkAcls.ipRules[*]', "
        "where: {field: 'properties.networkAcls.ipRules[*].action', equals: Allow}}}\n"
        "examples:\n- {name: a, resource: {properties: {networkAcls: {ipRules: []}}}, verdict: pass}\n"
        "- {name: b, resource: {properties: {networkAcls: {ipRules: [{action: Allow}]}}}, verdict: fail}\n"
    )
    options = ("--rules", "rules", "--select", "storage-no-rules", "--complete")
    many = [f"203.0.113.{number}" for number in range(6)]
    estate(tmp_path, _account(*many))
    wrote = in_process("ratchet", "write", "estate.json", "-o", "known.json", *options, at=tmp_path)
    assert wrote.code == 0, wrote.err

    for prefixes, code in (
        (reversed(many), 0),
        (many[1:], 0),
        ([*many, "203.0.113.9"], 1),
        ([*many[1:], "203.0.113.9"], 1),
    ):
        assert _gate(tmp_path, estate(tmp_path, _account(*prefixes), name="later.json"), *options).code == code


def test_a_failure_that_cannot_be_seen_any_more_stays_known(tmp_path: Path) -> None:
    given = estate(tmp_path, _WEAK)
    assert in_process("ratchet", "write", given, "-o", "known.json", *_TLS, at=tmp_path).code == 0
    gap = {"scope": _WEAK["id"], "what": "properties.minimumTlsVersion", "reason": "forbidden", "permission": "st/read"}
    unseen = estate(tmp_path, storage("st1"), name="unseen.json", gaps=[gap])
    ended = in_process("ratchet", "update", unseen, "--known", "known.json", *_TLS, at=tmp_path)

    assert ended.code == 0
    assert json.loads((tmp_path / "known.json").read_text())["count"] == 1
    assert _gate(tmp_path, unseen, *_TLS).code == 2, "what is unknown is no known failure"


@pytest.mark.parametrize(
    ("scope", "count"),
    [({"subscriptions": ["another"]}, 1), ({"resource_groups": ["another"]}, 1), ({"tags": ["a=b"]}, 1), ({}, 0)],
)
def test_what_was_not_asked_for_stays_known(tmp_path: Path, scope: dict[str, list[str]], count: int) -> None:
    given = estate(tmp_path, _WEAK)
    assert in_process("ratchet", "write", given, "-o", "known.json", *_TLS, at=tmp_path).code == 0
    elsewhere = {**storage("st9"), "id": storage("st9")["id"].replace("/subscriptions/", "/subscriptions/other-")}
    later = estate(tmp_path, elsewhere, name="later.json")
    in_process("evaluate", later, "-o", "json=report.json", *_TLS, at=tmp_path)
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    report["snapshot"]["scope"] = scope
    (tmp_path / "report.json").write_text(json.dumps(report), encoding="utf-8")

    assert in_process("ratchet", "prune", "report.json", "--known", "known.json", at=tmp_path).code == 0

    assert json.loads((tmp_path / "known.json").read_text(encoding="utf-8"))["count"] == count


def test_a_failure_that_an_exemption_covers_is_not_mended(tmp_path: Path) -> None:
    given = estate(tmp_path, _WEAK)
    entry = {"rule": "storage-minimum-tls", "scope": _WEAK["id"], "reason": "r", "approved_by": "J. Doe"}
    entry |= {"ticket": "T-1", "expires_on": "2030-01-01"}
    (tmp_path / "ex.yaml").write_text(json.dumps({"exemptions": [entry]}), encoding="utf-8")
    for verb in ("update", "prune"):
        in_process("ratchet", "write", given, "-o", f"{verb}.json", *_TLS, at=tmp_path)
        before = (tmp_path / f"{verb}.json").read_bytes()
        options = ("--known", f"{verb}.json", "--exemptions", "ex.yaml", "--as-of", "2024-05-01")
        ended = in_process("ratchet", verb, given, *options, *_TLS, at=tmp_path)
        assert (ended.code, "0 mended" in ended.out) == (0, True)
        assert (tmp_path / f"{verb}.json").read_bytes() == before


def test_nothing_is_accepted_until_a_day_that_is_over(tmp_path: Path) -> None:
    given = estate(tmp_path, _WEAK)
    [failure] = [
        each["fingerprint"]
        for each in in_process("evaluate", given, "-o", "json", *_TLS, at=tmp_path).findings
        if each["status"] == "fail"
    ]

    def add(day: str) -> Ended:
        told = ("--reason", "r", "--approved-by", "J. Doe", "--ticket", "T-1", "--expires-on", day)
        where = ("--input", given, "--exemptions", "ex.yaml", "--complete", "--as-of", "2024-05-01")
        return in_process("exemption", "add", failure, *where, *told, at=tmp_path)

    assert add("2024-04-30").code == 2
    assert "that day is over" in add("2024-04-30").err
    assert not (tmp_path / "ex.yaml").exists()
    assert add("2024-05-01").code == 0


def test_line_ends_of_a_file_of_exemptions_stay(tmp_path: Path) -> None:
    path = tmp_path / "ex.yaml"
    entry = "- rule: storage-minimum-tls\r\n  scope: /subscriptions/s/resourceGroups/rg\r\n  reason: r\r\n"
    entry += "  approved_by: J. Doe\r\n  ticket: T-{0}\r\n  expires_on: 202{0}-01-01\r\n"
    path.write_bytes(f"# ours\r\nexemptions:\r\n{entry.format(4)}{entry.format(8)}".encode())

    assert in_process("exemption", "prune", "--exemptions", path, "--as-of", "2025-05-01", at=tmp_path).code == 0

    assert path.read_bytes() == f"# ours\r\nexemptions:\r\n{entry.format(8)}".encode()


def test_a_ratchet_is_not_written_over_and_a_wrong_one_is_refused(tmp_path: Path) -> None:
    given = estate(tmp_path, _WEAK)
    (tmp_path / "known.json").write_text("{}")
    written = in_process("ratchet", "write", given, "-o", "known.json", *_TLS, at=tmp_path)
    judged = _gate(tmp_path, given, *_TLS)

    assert (written.code, judged.code) == (2, 2)
    assert "is there already" in written.err
    assert "is neither a JSON report nor a file of known failures" in judged.err


def test_what_azure_calls_exempt_is_told_and_decides_nothing(tmp_path: Path) -> None:
    exemption = {
        "id": f"{GROUP}/providers/Microsoft.Authorization/policyExemptions/legacy",
        "name": "legacy",
        "type": "Microsoft.Authorization/policyExemptions",
        "properties": {
            "exemptionCategory": "Waiver",
            "expiresOn": "2030-01-01T00:00:00Z",
            "displayName": "Old scanner",
        },
    }
    tagged = storage("st2", minimumTlsVersion="TLS1_1") | {"tags": {"audit-exempt": "yes", "owner": "a"}}
    ended = in_process("evaluate", estate(tmp_path, _WEAK, tagged, exemption), *_TLS, "-o", "json", at=tmp_path)

    waiver = "Azure Policy exemption Old scanner (Waiver, until 2030-01-01)"
    assert ended.code == 1
    assert [each["claims"] for each in ended.findings] == [[waiver], [waiver, "tag audit-exempt=yes"]]
    assert any(waiver in notice for notice in ended.report["notices"])
