"""Exemptions stand beside a failure, for as long as they last."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from auditor.engine.accepted import exemption_findings, exemptions
from auditor.engine.accepted.known import KnownFailure, KnownFailures
from auditor.errors import ContentError
from auditor.model import Defect, Exemption, Finding, ItemSet, PacketBox, PacketSet, Severity, Status

RULES = ("thing-is-red",)
GROUP = "/subscriptions/s1/resourceGroups/rg"
ENTRY = {
    "id": "e1", "rule": "thing-*", "scope": GROUP, "reason": "old", "approved_by": "me", "ticket": "T-1",
    "expires_on": "2024-03-01",
}  # fmt: skip


def finding(status: Status = Status.FAIL, resource_id: str | None = f"{GROUP}/providers/C.T/things/t1") -> Finding:
    return Finding("thing-is-red", Severity.HIGH, status, resource_id, None, "")


def finding_of(rule: str, resource_id: str) -> Finding:
    return Finding(rule, Severity.HIGH, Status.FAIL, resource_id, None, "")


def exemption(**changed: str) -> Exemption:
    return Exemption(**{**ENTRY, **changed})


def notices(matched: exemptions.Matched) -> list[str]:
    return [notice for defect in Defect if (notice := matched.notice(defect))]


def test_an_exemption_is_given_to_failures_below_its_scope_and_to_nothing_else() -> None:
    found = [
        finding(),
        finding(resource_id=f"{GROUP.upper()}/PROVIDERS/C.T/THINGS/T2"),
        finding(Status.PASS),
        finding(Status.UNKNOWN),
        finding(resource_id=f"{GROUP}-2/providers/C.T/things/t1"),
        finding(resource_id=None),
    ]

    matched = exemptions.match(found, [exemption()], date(2024, 3, 1))

    assert matched.exempted == {0: exemption(), 1: exemption()}
    assert notices(matched) == ["1 exemption expires within 30 days: e1 (T-1) on 2024-03-01"]
    assert [one.status for one in found][:2] == [Status.FAIL] * 2


def test_an_expired_exemption_has_no_effect_and_is_reported() -> None:
    matched = exemptions.match([finding()], [exemption()], date(2024, 3, 2))

    assert matched.exempted == {}
    assert notices(matched) == ["1 exemption has expired: e1 (T-1) on 2024-03-01"]


@pytest.mark.parametrize("changed", [{"rule": "other-*"}, {"scope": "/subscriptions/s2"}, {"rule": "thing"}])
def test_an_exemption_that_matches_no_failure_is_reported(changed: dict[str, str]) -> None:
    matched = exemptions.match([finding()], [exemption(**changed)], date(2024, 1, 1))

    assert matched.exempted == {}
    assert "1 exemption matches no failure: e1 (T-1)" in notices(matched)


PLACES = (None, "/subscriptions/s1", GROUP, f"{GROUP}/providers/C.T/things/t1", f"{GROUP}-2/providers/C.T/things/t1")
found_somewhere = st.builds(
    Finding,
    st.sampled_from(["thing-is-red", "thing-is-blue", "other"]),
    st.just(Severity.HIGH),
    st.sampled_from(Status),
    st.sampled_from(PLACES),
    st.none(),
    st.just(""),
)


@given(
    st.lists(found_somewhere, max_size=4),
    st.sampled_from(["thing-*", "thing-is-red", "other", "*"]),
    st.sampled_from([place for place in PLACES if place]),
    st.sets(st.sampled_from(["thing-is-red", "other"]), max_size=1),
)
def test_no_exemption_is_unused_that_what_is_unknown_or_was_not_asked_may_need(
    found: list[Finding], rule: str, scope: str, unasked: set[str]
) -> None:
    one = exemption(rule=rule, scope=scope)
    asked = [each for each in found if each.rule_id not in unasked]
    worst = [replace(each, status=Status.FAIL) if each.status is Status.UNKNOWN else each for each in asked]
    worst += [finding_of(name, scope) for name in sorted(unasked)]

    [now] = defects(exemptions.match(asked, [one], ANY_DAY, unasked=unasked))
    [then] = defects(exemptions.match(worst, [one], ANY_DAY))

    assert Defect.UNUSED not in now or Defect.UNUSED in then
    if not unasked and Status.UNKNOWN not in {each.status for each in asked}:
        assert (Defect.UNUSED in now) == (Defect.UNUSED in then)


@pytest.mark.parametrize("place", [None, "/subscriptions/s1", GROUP, f"{GROUP}/providers/C.T/things/t1"])
def test_what_is_unknown_at_or_above_a_scope_may_be_what_an_exemption_is_about(place: str | None) -> None:
    one = exemption(scope=f"{GROUP}/providers/C.T/things/t1")

    assert defects(exemptions.match([finding(Status.UNKNOWN, place)], [one], ANY_DAY)) == [[]]
    elsewhere = finding(Status.UNKNOWN, f"{GROUP}/providers/C.T/things/t2")
    assert Defect.UNUSED in defects(exemptions.match([elsewhere], [one], ANY_DAY))[0]


def test_the_first_exemption_in_force_wins() -> None:
    accepted = [exemption(id="old", expires_on="2020-01-01"), exemption(id="first"), exemption(id="second")]

    matched = exemptions.match([finding()], accepted, date(2024, 1, 1))

    assert {number: one.id for number, one in matched.exempted.items()} == {0: "first"}
    assert len(notices(matched)) == 1


def write(folder: Path, **changed: str) -> Path:
    lines = [f"{key}: {value}" for key, value in {**ENTRY, **changed}.items() if value != "-"]
    path = folder / "exemptions.yaml"
    path.write_text("exemptions:\n- " + "\n  ".join(lines) + "\n")
    return path


def test_an_exemption_file_is_read(tmp_path: Path) -> None:
    assert exemptions.load(write(tmp_path), RULES) == [exemption()]
    [named] = exemptions.load(write(tmp_path, id="-", ticket="4711"), RULES)
    [renewed] = exemptions.load(write(tmp_path, id="-", ticket="4711", expires_on="2030-01-01"), RULES)
    [other] = exemptions.load(write(tmp_path, id="-", ticket="4712"), RULES)
    assert named.id == renewed.id != other.id
    assert named == exemption(id=named.id, ticket="4711")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"expires_on": "-"}, ":2:3: an exemption needs 'expires_on'"),
        ({"reason": "-"}, ":2:3: an exemption needs 'reason'"),
        ({"approved_by": ""}, ":6:15: approved_by must be text, not nothing"),
        ({"scope": "''"}, ":4:10: scope must be text, not empty text"),
        ({"scope": "[a]"}, ":4:10: scope must be text, not a list"),
        ({"rule": "5"}, ":3:9: rule must be text, not a number"),
        ({"expires_on": "soon"}, ":8:15: 'soon' is no date"),
        ({"expires_on": "2024-02-30"}, ":8:15: '2024-02-30' is no date"),
        ({"expires_on": "20240301"}, ":8:15: expires_on must be text"),
        ({"expires_on": "2024-W09-5"}, ":8:15: '2024-W09-5' is no date"),
        ({"ticket": "x\n  tiket: y"}, ":8:3: unknown key 'tiket'"),
    ],
)
def test_a_mistake_in_an_exemption_is_an_error_with_its_place(
    tmp_path: Path, changed: dict[str, str], message: str
) -> None:
    path = write(tmp_path, **changed)

    with pytest.raises(ContentError) as raised:
        exemptions.load(path, RULES)

    assert raised.value.message.startswith(f"{path}{message}")


def test_an_exemption_of_a_rule_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    path = write(tmp_path, rule="thnig-is-red")

    with pytest.raises(ContentError) as raised:
        exemptions.load(path, RULES)

    assert raised.value.message == f"{path}:3:9: there is no rule 'thnig-is-red'"
    assert raised.value.hint == "did you mean 'thing-is-red'?"


def test_an_exemption_of_a_retired_rule_names_its_successor(tmp_path: Path) -> None:
    with pytest.raises(ContentError) as raised:
        exemptions.load(write(tmp_path, rule="app-slot-https-only"), RULES)

    assert raised.value.hint == "'app-slot-https-only' is retired: 'app-https-only' asks its question now"


PORT_22 = PacketSet((PacketBox(("203.0.113.0/25",), ("10.0.0.4",), ("Tcp",), ("22",), ("0-65535",)),))
ALL_PORTS = PacketSet((PacketBox(("203.0.113.0/25",), ("10.0.0.4",), ("Tcp",), ("0-65535",), ("0-65535",)),))
ANY_DAY = date(2024, 1, 1)


def reaching(packets: PacketSet | None, fingerprint: str = "f1", **named: str) -> Finding:
    return replace(finding(), rests_on=packets, fingerprint=fingerprint, **named)


def defects(matched: exemptions.Matched) -> list[list[Defect]]:
    return [list(state.defects) for state in matched.states]


def test_an_exemption_covers_no_more_than_it_accepted() -> None:
    accepted = replace(exemption(), fingerprint="f1", accepts=PORT_22)

    narrow = exemptions.match([reaching(PORT_22)], [accepted], ANY_DAY)
    wide = exemptions.match([reaching(ALL_PORTS)], [accepted], ANY_DAY)

    assert narrow.exempted == {0: accepted}
    assert wide.exempted == {}
    assert notices(wide) == [
        "1 exemption does not cover what has grown: e1 (T-1): thing-is-red: was TCP 22, is now TCP every port"
    ]


def test_what_is_known_and_what_is_accepted_cover_a_failure_together() -> None:
    half = [replace(PORT_22.boxes[0], ports=(span,)) for span in ("0-1023", "1024-65535")]
    accepted = replace(exemption(), fingerprint="f1", accepts=PacketSet((half[0],)))
    known = KnownFailures.of([KnownFailure("f1", "thing-is-red", None, "", PacketSet((half[1],)))])

    assert exemptions.match([reaching(ALL_PORTS)], [accepted], ANY_DAY, known).exempted == {0: accepted}
    assert exemptions.match([reaching(ALL_PORTS)], [accepted], ANY_DAY).exempted == {}


def test_without_a_limit_whatever_grows_is_covered_and_that_is_said() -> None:
    matched = exemptions.match([reaching(ALL_PORTS)], [exemption()], ANY_DAY)

    assert matched.exempted == {0: exemption()}
    assert notices(matched) == [
        "1 exemption does not say how far it goes, so that whatever comes to be wrong there is accepted, too: e1 (T-1)"
    ]


def test_without_a_limit_what_is_known_is_covered_and_its_growth_is_not() -> None:
    known = KnownFailures.of([KnownFailure("f1", "thing-is-red", None, "", PORT_22)])

    assert exemptions.match([reaching(PORT_22)], [exemption()], ANY_DAY, known).exempted == {0: exemption()}
    grown = exemptions.match([reaching(ALL_PORTS)], [exemption()], ANY_DAY, known)
    assert grown.exempted == {}
    assert Defect.OUTGROWN in defects(grown)[0]


def test_exemptions_are_findings_one_for_each_kind_of_defect() -> None:
    old = [exemption(id=f"e{number}", expires_on="2020-01-01", rule="other") for number in range(9)]
    wide = exemption(id="wide", rule="*", expires_on="2024-01-20")
    matched = exemptions.match([finding()], [*old, wide], ANY_DAY)

    found = {each.rule_id: each for each in exemption_findings.findings(matched)}

    assert {name: each.severity for name, each in found.items()} == {
        "exemption-expired": Severity.LOW,
        "exemption-expiring": Severity.INFO,
        "exemption-too-wide": Severity.MEDIUM,
        "exemption-unused": Severity.INFO,
    }
    assert all(each.status is Status.FAIL for each in found.values())
    assert found["exemption-expired"].message.startswith("9 exemptions have expired: e0 (T-1) on 2020-01-01, ")
    assert found["exemption-expired"].rests_on == ItemSet("exemptions", tuple(f"e{number}" for number in range(9)))
    later = exemption_findings.findings(exemptions.match([finding()], old[:2], date(2024, 1, 2)))
    assert [each.fingerprint for each in later] == [found[each.rule_id].fingerprint for each in later]
    assert exemption_findings.rules("ours.yaml").keys() >= found.keys()


@pytest.mark.parametrize(
    ("narrowed", "covered"),
    [
        ({}, ["a", "b", "c"]),
        ({"part": "A"}, ["a"]),
        ({"part": "rules[*"}, []),
        ({"part": "[ab]"}, ["a", "b"]),
        ({"component": "open*"}, ["b"]),
        ({"fingerprint": "c"}, ["c"]),
        ({"fingerprint": "c", "rule": "other"}, []),
        ({"scope": "*/things/T?"}, ["a", "b", "c"]),
        ({"scope": "/subscriptions/*/resourcegroups/other*"}, []),
    ],
)
def test_an_exemption_is_about_a_part_a_component_a_failure_or_a_glob(
    narrowed: dict[str, str], covered: list[str]
) -> None:
    failures = [
        reaching(None, "a", sub_object="a"),
        reaching(None, "b", sub_object="b", component="openai"),
        reaching(None, "c", component="search"),
    ]

    matched = exemptions.match(failures, [exemption(**narrowed)], ANY_DAY)

    assert [failures[number].fingerprint for number in sorted(matched.exempted)] == covered


@pytest.mark.parametrize(
    ("changed", "is_too_wide"),
    [
        ({"rule": "*"}, True),
        ({"rule": "*", "fingerprint": "f1"}, False),
        ({"rule": "*-*"}, True),
        ({"rule": "[a-z]*"}, True),
        ({"rule": "??*"}, True),
        ({"rule": "storage-*"}, False),
        ({"rule": "*-tls*"}, False),
        ({"scope": "/"}, True),
        ({"scope": "/subscriptions/s1"}, True),
        ({"scope": "/subscriptions/s1", "component": "openai"}, False),
        ({"scope": "/providers/Microsoft.Management/managementGroups/mg"}, True),
        ({"scope": "/subscriptions/s1/providers/Microsoft.Authorization/roleAssignments/r"}, False),
        ({"scope": "/subscriptions/s1/resourceGroups/*"}, True),
        ({"scope": "/subscriptions/s1/resourceGroups/rg-*"}, True),
        ({"scope": "/subscriptions/s1/resourceGroups/??*/providers/x.y/things/t"}, True),
        ({"scope": "/subscriptions/*/resourceGroups/rg"}, True),
        ({"scope": "*/providers/Microsoft.Storage/storageAccounts/*"}, True),
        ({"scope": "*/providers/Microsoft.Storage/storageAccounts/*", "component": "openai"}, False),
        ({"scope": "/subscriptions/s1/resourceGroups/rg/*"}, False),
        ({"scope": "/subscriptions/s1/resourceGroups/rg/providers/x.y/things/t?"}, False),
        ({}, False),
    ],
)
def test_every_rule_or_a_whole_subscription_is_too_wide(changed: dict[str, str], *, is_too_wide: bool) -> None:
    [found] = defects(exemptions.match([], [exemption(**changed)], ANY_DAY))

    assert (Defect.TOO_WIDE in found) == is_too_wide


def test_each_defect_is_one_line_whatever_the_number_of_exemptions() -> None:
    old = [exemption(id=f"e{number}", expires_on="2020-01-01", rule="other") for number in range(9)]

    assert notices(exemptions.match([finding()], old, ANY_DAY)) == [
        f"9 exemptions have expired: {', '.join(f'e{n} (T-1) on 2020-01-01' for n in range(5))} and 4 more",
        f"9 exemptions match no failure: {', '.join(f'e{n} (T-1)' for n in range(5))} and 4 more",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("fingerprint: f1\n  accepts: {kind: stars}", ":9:12: accepts: stars is no kind of set"),
        (
            (
                "fingerprint: f1\n  accepts: {kind: packets, boxes: [{sources: [x], destinations: [x], protocols: [Tcp],"
                " ports: ['1'], source_ports: ['1']}]}"
            ),
            ":9:12: accepts: x is not an address range",
        ),
        ("accepts: 5", ":8:12: accepts must be a mapping, not a number"),
    ],
)
def test_a_set_that_cannot_be_read_accepts_nothing(tmp_path: Path, text: str, message: str) -> None:
    path = write(tmp_path, expires_on=f"2024-03-01\n  {text}", id="-")

    with pytest.raises(ContentError) as raised:
        exemptions.load(path, RULES)

    assert str(raised.value).startswith(f"{path}{message}")


def test_the_same_exemption_twice_is_a_mistake(tmp_path: Path) -> None:
    path = write(tmp_path, id="-")
    path.write_text(path.read_text() + path.read_text().removeprefix("exemptions:\n"))

    with pytest.raises(ContentError, match=r"the exemption 'ex-[0-9a-f]{8}' stands here twice"):
        exemptions.load(path, RULES)


def test_an_exemption_names_a_failure_or_a_rule_and_a_scope(tmp_path: Path) -> None:
    with pytest.raises(ContentError, match=r":2:3: an exemption needs 'scope' \(or a 'fingerprint'\)"):
        exemptions.load(write(tmp_path, scope="-"), RULES)
    [by_fingerprint] = exemptions.load(write(tmp_path, scope="-", rule="-", ticket="T-1\n  fingerprint: f1"), RULES)
    assert (by_fingerprint.fingerprint, by_fingerprint.rule, by_fingerprint.scope) == ("f1", "*", "/")
