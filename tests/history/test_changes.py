"""What is new, came back or is gone, from run to run; what nobody looked at changes nothing."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.e2e.command import GROUP, in_process
from tests.history.scans import ONLY, account, asked, change_of, day, scan


def listed(folder: Path, place: str, name: str) -> dict[str, object]:
    findings = asked(folder, place, "list", "--state", "all")["findings"]
    found: dict[str, object] = next(one for one in findings if str(one["resource_id"]).endswith(f"/{name}"))
    return found


def test_a_failure_is_new_then_known_then_resolved_then_back(tmp_path: Path, place: str) -> None:
    first = scan(tmp_path, place, day(0), account("st1"))
    assert (first.code, change_of(first, "st1")) == (1, (day(0), "new"))
    assert change_of(first, "always-good") == ("", "")
    assert change_of(scan(tmp_path, place, day(1), account("st1")), "st1") == (day(0), "unchanged")
    mended = scan(tmp_path, place, day(2), account("st1", "TLS1_3"))
    assert (mended.code, change_of(mended, "st1")) == (0, (day(0), "resolved"))
    assert change_of(scan(tmp_path, place, day(3), account("st1", "TLS1_3")), "st1") == ("", "")
    assert change_of(scan(tmp_path, place, day(5), account("st1")), "st1") == (day(0), "reopened")

    one = listed(tmp_path, place, "st1")
    assert (one["first_seen"], one["last_seen"], one["open_since"]) == (day(0), day(5), day(5))
    assert (one["age_days"], one["open_days"], one["reopened"], one["state"]) == (5, 0, 1, "open")


def test_the_same_run_twice_is_one_run_and_the_same_report(tmp_path: Path, place: str) -> None:
    first = scan(tmp_path, place, day(0), account("st1"))
    assert scan(tmp_path, place, day(0), account("st1")).out == first.out
    assert len(asked(tmp_path, place, "trend")["runs"]) == 1


def test_what_is_deleted_is_gone(tmp_path: Path, place: str) -> None:
    scan(tmp_path, place, day(0), account("st1"), account("st2"))
    scan(tmp_path, place, day(1), account("st2"))
    one = listed(tmp_path, place, "st1")
    assert (one["state"], one["how_resolved"], one["resolved_at"], one["age_days"]) == ("resolved", "gone", day(1), 1)


_OPEN = {"gaps": [{"scope": f"{GROUP}", "what": "*/*", "reason": "forbidden"}]}
_NO_STORAGE = {"gaps": [{"scope": "/", "what": "Microsoft.Storage/storageAccounts", "reason": "forbidden"}]}


@pytest.mark.parametrize("beside", [_OPEN, _NO_STORAGE], ids=["inventory", "type"])
def test_what_may_be_there_all_the_same_stays_open(tmp_path: Path, place: str, beside: dict[str, object]) -> None:
    scan(tmp_path, place, day(0), account("st1"))
    scan(tmp_path, place, day(1), beside=beside)
    one = listed(tmp_path, place, "st1")
    assert (one["state"], one["last_seen"], one["age_days"]) == ("open", day(0), 1)


def test_an_unknown_answer_ends_nothing(tmp_path: Path, place: str) -> None:
    scan(tmp_path, place, day(0), account("st1"))
    gap = {"scope": account("st1")["id"], "what": "properties.minimumTlsVersion", "reason": "masked"}
    ended = scan(tmp_path, place, day(1), account("st1"), beside={"gaps": [gap]})
    assert (ended.code, change_of(ended, "st1")) == (2, (day(0), "unchanged"))
    one = listed(tmp_path, place, "st1")
    assert (one["state"], one["status"], one["last_seen"]) == ("open", "unknown", day(0))


def test_an_estate_of_another_subscription_ends_nothing(tmp_path: Path, place: str) -> None:
    scan(tmp_path, place, day(0), account("st1", subscription="b2"))
    scan(tmp_path, place, day(1))
    assert listed(tmp_path, place, "st1")["state"] == "open"


def test_a_run_of_other_rules_ends_nothing(tmp_path: Path, place: str) -> None:
    scan(tmp_path, place, day(0), account("st1"))
    scan(tmp_path, place, day(1), options=("--ignore", ONLY[1], "--select", "storage-https-*"))
    assert listed(tmp_path, place, "st1")["state"] == "open"


def test_an_exported_fragment_ends_nothing(tmp_path: Path, place: str) -> None:
    scan(tmp_path, place, day(0), account("st1"))
    (tmp_path / "part.json").write_text(f'[{{"id": "{GROUP}/providers/Microsoft.KeyVault/vaults/kv"}}]')
    in_process("evaluate", "part.json", "--as-of", day(1), "--history", place, "-o", "csv", at=tmp_path)
    assert listed(tmp_path, place, "st1")["state"] == "open"


def test_owners_come_from_a_tag_and_filter(tmp_path: Path, place: str) -> None:
    scan(tmp_path, place, day(0), account("st1", owner="Ada"), account("st2", owner="Grace"), account("st3"))

    def names(*options: str) -> list[str]:
        return sorted(
            one["resource_id"].rpartition("/")[2] for one in asked(tmp_path, place, "list", *options)["findings"]
        )

    assert names("--owner", "ada") == ["st1"]
    assert names("--owner", "") == ["st3"]
    assert names("--owner", "ada", "--owner-tag", "team") == []
    point = asked(tmp_path, place, "trend")["runs"][0]
    assert point["by_owner"] == {"": 1, "Ada": 1, "Grace": 1}
    assert asked(tmp_path, place, "trend", "--owner", "Ada")["runs"][0]["open"] == 1


def test_json_says_the_same_in_both_versions(tmp_path: Path, place: str) -> None:
    scan(tmp_path, place, day(0), account("st1"))
    for version in ("1", "2"):
        options = ("-o", "json=r.json", "--json-version", version)
        scan(tmp_path, place, day(1), account("st1"), options=options)
        text = (tmp_path / "r.json").read_text()
        assert f'"first_seen":{" " if version == "1" else ""}"{day(0)}"' in text


def test_show_tells_each_time_that_it_failed(tmp_path: Path, place: str) -> None:
    for number, tls in enumerate(["TLS1_0", "TLS1_2", "TLS1_0", "TLS1_0"]):
        scan(tmp_path, place, day(number), account("st1", tls))
    fingerprint = str(listed(tmp_path, place, "st1")["fingerprint"])
    told = asked(tmp_path, place, "show", fingerprint[:8])
    assert [(one["opened_at"], one["closed_at"], one["days"]) for one in told["episodes"]] == [
        (day(0), day(1), 1),
        (day(2), None, 1),
    ]
    for wrong, reason in (("zzzzzz", "no finding"), ("ab", "too short")):
        ended = in_process("history", "show", wrong, "--history", place, at=tmp_path)
        assert (ended.code, reason in ended.err) == (2, True)


def test_a_failure_that_grows_is_widened_and_says_how(tmp_path: Path, place: str) -> None:
    versions = ["TLS1_1", "TLS1_0", "TLS1_0"]
    runs = [scan(tmp_path, place, day(number), account("st1", tls)) for number, tls in enumerate(versions)]
    assert [change_of(run, "st1")[1] for run in runs] == ["new", "widened", "unchanged"]
    message = next(row["message"] for row in runs[1].rows if row["resource_name"] == "st1")
    assert message.endswith("Wider than at the run before: properties.minimumTlsVersion was TLS1_1, is now TLS1_0.")
    assert "1 widened" in runs[1].err

    one = listed(tmp_path, place, "st1")
    assert (one["widened"], one["widened_at"], one["reopened"], one["open_since"]) == (1, day(1), 0, day(0))
    [episode] = asked(tmp_path, place, "show", str(one["fingerprint"]))["episodes"]
    assert episode["widened"] == [{"at": day(1), "how": "properties.minimumTlsVersion was TLS1_1, is now TLS1_0"}]
    shown = in_process("history", "show", str(one["fingerprint"]), "--history", place, at=tmp_path).out
    assert "properties.minimumTlsVersion was TLS1_1" in " ".join(shown.split())
    assert [each["widened"] for each in asked(tmp_path, place, "trend")["runs"]] == [0, 1, 0]


def test_what_an_exemption_without_a_limit_covers_does_not_grow(tmp_path: Path, place: str) -> None:
    (tmp_path / "exemptions.yaml").write_text(
        f"exemptions:\n- {{rule: {ONLY[1]}, scope: '{account('st1')['id']}', reason: old client, approved_by: Ada,"
        " ticket: T-1, expires_on: 2026-12-31}\n"
    )
    exempted = []
    for number, tls in enumerate(["TLS1_1", "TLS1_1", "TLS1_0", "TLS1_0", "TLS1_1"]):
        options = ("--exemptions", "exemptions.yaml")
        ended = scan(tmp_path, place, day(number), account("st1", tls), options=options)
        row = next(row for row in ended.rows if row["resource_name"] == "st1")
        exempted.append(row["exempted"])
        if number == 3:
            assert row["message"].endswith(
                "Wider than when it was accepted: properties.minimumTlsVersion was TLS1_1, is now TLS1_0."
            )
    assert exempted == ["true", "true", "false", "false", "true"]


@pytest.mark.parametrize("blind", ["unknown", "another rule"])
def test_an_earlier_run_that_comes_late_is_not_closed_by_one_that_could_not_see(
    tmp_path: Path, place: str, blind: str
) -> None:
    gap = {"scope": account("st1")["id"], "what": "properties.minimumTlsVersion", "reason": "masked"}
    if blind == "unknown":
        scan(tmp_path, place, day(3), account("st1"), beside={"gaps": [gap]})
    else:
        scan(tmp_path, place, day(3), account("st1"), options=("--ignore", ONLY[1], "--select", "storage-https-*"))
    late = scan(tmp_path, place, day(1), account("st1"))
    assert change_of(late, "st1") == (day(1), "new")
    one = listed(tmp_path, place, "st1")
    assert (one["state"], one["open_since"], one["status"]) == ("open", day(1), blind if blind == "unknown" else "fail")


def test_prune_takes_what_is_old_and_resolved_and_never_what_is_open(tmp_path: Path, place: str) -> None:
    scan(tmp_path, place, day(0), account("st1"), account("st2"))
    scan(tmp_path, place, day(1), account("st1"), account("st2", "TLS1_2"))
    scan(tmp_path, place, day(20), account("st1"))
    rehearsed = in_process("history", "prune", "--older-than", "10", "--dry-run", "--history", place, at=tmp_path)
    assert "2 runs and 1 findings" in rehearsed.err
    assert len(asked(tmp_path, place, "trend")["runs"]) == 3
    in_process("history", "prune", "--older-than", "10", "--history", place, at=tmp_path)
    assert [one["at"] for one in asked(tmp_path, place, "trend")["runs"]] == [day(20)]
    kept = asked(tmp_path, place, "list", "--state", "all")["findings"]
    assert [(one["first_seen"], one["age_days"]) for one in kept] == [(day(0), 20)]


def test_a_trend_is_a_page_with_a_chart_and_no_script(tmp_path: Path) -> None:
    place = "his<script>tory & co.db"
    for number, names in enumerate([["st1"], ["st1", "st2"], ["st2"]]):
        scan(tmp_path, place, day(number), *map(account, names))
    page = in_process("history", "trend", "--history", place, "-o", "html", at=tmp_path).out
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "")
    chart = ET.fromstring(page[page.index("<svg") : page.index("</svg>") + 6])  # noqa: S314 - our own
    assert chart.attrib["aria-label"] == "3 runs; at the last one 1 findings were open, at most 2."
    tops = [
        min(float(point.partition(",")[2]) for point in area.attrib["points"].split()) for area in chart.iter("polygon")
    ]
    assert len(tops) == 5
    assert min(tops) == 48.0  # two findings, as high as the scale goes
    rows = re.findall(r"<tr><td>(.*?)</td></tr>", page)
    assert [row.split("</td><td>")[1] for row in rows] == ["1", "2", "1"]


def test_lists_are_tables_and_csv_too(tmp_path: Path) -> None:
    scan(tmp_path, "h.db", day(0), account("st1", owner="=cmd()"))
    for question in ("list", "trend"):
        assert in_process("history", question, "--history", "h.db", at=tmp_path).code == 0
    row = in_process("history", "list", "--history", "h.db", "-o", "csv", at=tmp_path).rows[0]
    assert (row["state"], row["age_days"], row["owner"], row["exempted"]) == ("open", "0", "'=cmd()", "false")
    point = in_process("history", "trend", "--history", "h.db", "-o", "csv", at=tmp_path).rows[0]
    assert (point["open"], point["new"]) == ("1", "1")
