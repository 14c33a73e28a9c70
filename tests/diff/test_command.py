"""`auditor diff` as a user runs it: inputs, the three levels, formats, exit codes, mistakes."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from auditor.network.forwarding import Via
from tests.diff.estates import written
from tests.e2e.command import Ended, in_process, is_one_line, sample, storage
from tests.estates import networks

Body = dict[str, Any]
RG = networks.GROUP


def _diff(folder: Path, old: Iterable[Body], new: Iterable[Body], *options: str, **beside: Any) -> Ended:
    paths = [written(folder, f"{name}.json", bodies, **beside) for name, bodies in (("old", old), ("new", new))]
    return in_process("diff", *paths, *options, at=folder)


def _json(folder: Path, old: Iterable[Body], new: Iterable[Body], *options: str, **beside: Any) -> Any:
    return _diff(folder, old, new, "-o", "json", *options, **beside).report


def _net(*rules: Body, public: bool = False, **route_table: Any) -> list[Body]:
    """Return a subnet with a group, and a machine's interface in it, with a public address if asked for."""
    address = networks.to("publicIPAddresses", "pip")
    own = networks.configuration("s", privateIPAddress="10.0.1.4", **({"publicIPAddress": address} if public else {}))
    table = {"routeTable": networks.to("routeTables", "rt")} if route_table else {}
    bodies = [
        networks.network(networks.subnet("s", group="nsg", **table), networks.subnet("t", "10.0.2.0/24")),
        networks.security_group("nsg", *rules),
        networks.interface("nic", own),
    ]
    bodies += [
        networks.public_address("pip", f"{networks.at('Microsoft.Network/networkInterfaces', 'nic')}/x")
    ] * public
    bodies += [networks.thing("Microsoft.Network/routeTables", "rt", properties=route_table)] if route_table else []
    return bodies


SSH = networks.rule(200, sourceAddressPrefix="Internet", name="ssh")


class TestEffect:
    def test_a_rule_that_opens_a_port_is_told_with_packets_witness_and_rule(self, tmp_path: Path) -> None:
        found = _json(tmp_path, _net(public=True), _net(SSH, public=True))
        (plain, public) = sorted(found["effect"]["network"]["gained"], key=lambda one: one["door"] or "")
        assert (plain["door"], public["door"]) == (None, "public-address")
        assert (public["from"], public["to"]) == ("Internet", f"{networks.NETWORK}/subnets/s")
        assert public["certain"] is True
        assert public["witness"] == {
            "source": "8.8.8.8",
            "destination": "10.0.1.4",
            "protocol": "Tcp",
            "port": 22,
        }
        assert [(box["destinations"], box["protocols"], box["ports"]) for box in public["packets"]] == [
            (["10.0.1.4"], ["Tcp"], ["22"])
        ]
        group = networks.at("Microsoft.Network/networkSecurityGroups", "nsg")
        assert public["by"] == [{"resource_id": group, "rule": "ssh", "change": "added"}]
        assert found["effect"]["network"]["lost"] == []

    def test_without_a_public_address_no_door_opens(self, tmp_path: Path) -> None:
        ended = _diff(tmp_path, _net(), _net(SSH), "--fail-on", "gained-exposure")
        assert ended.code == 0, ended.err
        assert _diff(tmp_path, _net(), _net(SSH), "--fail-on", "gained-reach").code == 1

    def test_an_address_is_what_opens_the_door(self, tmp_path: Path) -> None:
        ended = _diff(tmp_path, _net(SSH), _net(SSH, public=True), "-o", "json", "--fail-on", "gained-exposure")
        assert ended.code == 1
        (gained,) = ended.report["effect"]["network"]["gained"]
        assert (gained["door"], gained["packets"][0]["ports"]) == ("public-address", ["22"])

    def test_an_appliance_in_the_way_is_not_certain(self, tmp_path: Path) -> None:
        def led(to: str) -> list[Body]:
            own = {"addressPrefix": "10.0.2.0/24", "nextHopType": "VirtualAppliance", "nextHopIpAddress": to}
            return _net(routes=[{"name": "r", "properties": own}])

        direct = _net(routes=[])
        ended = _diff(tmp_path, direct, led("10.0.9.4"), "-o", "json")
        assert ended.code == 2
        (lost,) = ended.report["effect"]["network"]["lost"]
        assert (lost["certain"], len(lost["assuming"])) == (False, 1)
        assert "lets through" in lost["assuming"][0]
        assert ended.report["effect"]["network"]["gained"] == []
        assert _json(tmp_path, led("10.0.9.4"), led("10.0.9.4"))["effect"]["is_none"]
        assert Via.APPLIANCE.value == "appliance"

    def test_members_of_a_tag_are_not_certain(self, tmp_path: Path) -> None:
        tagged = networks.rule(200, sourceAddressPrefix="AzureMonitor", name="afd")
        found = _diff(tmp_path, _net(), _net(tagged), "-o", "json")
        (gained,) = found.report["effect"]["network"]["gained"]
        assert gained["certain"] is False
        assert gained["assuming"] == ["source is in AzureMonitor"]

    def test_a_service_whose_firewall_opens(self, tmp_path: Path) -> None:
        shut = storage(publicNetworkAccess="Disabled", networkAcls={"defaultAction": "Deny"})
        some = storage(
            publicNetworkAccess="Enabled", networkAcls={"defaultAction": "Deny", "ipRules": [{"value": "9.9.9.9"}]}
        )
        everybody = storage(publicNetworkAccess="Enabled", networkAcls={"defaultAction": "Allow"})
        (gained,) = _json(tmp_path, [shut], [some])["effect"]["network"]["gained"]
        assert (gained["from"], gained["to"], gained["door"]) == ("Internet", shut["id"], "service")
        assert gained["witness"] == {"source": "9.9.9.9", "destination": shut["id"], "protocol": "Tcp", "port": 443}
        assert gained["packets"][0]["sources"] == ["9.9.9.9"]
        (gained,) = _json(tmp_path, [some], [everybody])["effect"]["network"]["gained"]
        assert not any(prefix.startswith("9.9.9.9") for prefix in gained["packets"][0]["sources"])
        ended = _diff(tmp_path, [everybody], [shut], "--fail-on", "gained-exposure")
        assert ended.code == 0

    def test_what_alters_nothing_is_said_to(self, tmp_path: Path) -> None:
        shadow = networks.rule(300, sourceAddressPrefix="Internet", name="again")
        ended = _diff(tmp_path, _net(SSH), _net(SSH, shadow))
        assert ended.code == 1
        assert "alter nothing in effect" in ended.out
        renamed = copy.deepcopy(SSH) | {"name": "secure-shell"}
        found = _json(tmp_path, _net(SSH), _net(renamed))
        assert found["effect"]["is_none"]
        (change,) = found["changes"]
        assert change["properties"] == [{"path": "name", "old": "ssh", "new": "secure-shell"}]


class TestFiltersAndNames:
    @pytest.fixture
    def bodies(self) -> list[Body]:
        return copy.deepcopy(sample()["resources"])

    def test_a_weaker_filter(self, tmp_path: Path, bodies: list[Body]) -> None:
        old = copy.deepcopy(bodies)
        policy = next(one for one in _all(bodies) if str(one.get("type", "")).lower().endswith("/raipolicies"))
        entry = next(one for one in policy["properties"]["contentFilters"] if one["name"].lower() == "violence")
        level = next(name for name in ("severityThreshold", "allowedContentLevel") if name in entry)
        before, entry[level] = entry[level], "High"
        found = _json(tmp_path, old, bodies, "--complete")["effect"]["filters"]
        assert found
        for one in found:
            assert (one["filter"].lower(), one["source"], one["direction"]) == ("violence", entry["source"], "weaker")
            assert (one["old"], one["new"]) == (before, "High")
            assert one["by"]
        back = _json(tmp_path, bodies, old, "--complete")["effect"]["filters"]
        assert {one["direction"] for one in back} == {"stricter"}

    def test_a_link_that_goes_breaks_names(self, tmp_path: Path, bodies: list[Body]) -> None:
        links = [one for one in bodies if one["type"].lower().endswith("/virtualnetworklinks")]
        found = _json(tmp_path, bodies, [one for one in bodies if one not in links], "--complete")["effect"]["names"]
        assert found
        assert {one["direction"] for one in found} == {"broken"}
        assert all(one["name"].endswith(one["zone"]) and one["by"] for one in found)
        back = _json(tmp_path, [one for one in bodies if one not in links], bodies, "--complete")["effect"]["names"]
        assert {one["direction"] for one in back} == {"mended"}


def _all(bodies: Iterable[Body]) -> Iterable[Body]:
    for body in bodies:
        yield body
        for value in body.get("properties", {}).values() if isinstance(body.get("properties"), dict) else ():
            if isinstance(value, list):
                yield from _all(one for one in value if isinstance(one, dict))


class TestConfiguration:
    @pytest.mark.parametrize(
        "change",
        [
            lambda body: body.update(etag='W/"2"'),
            lambda body: body["properties"].update(provisioningState="Updating"),
            lambda body: body.update(id=body["id"].upper()),
            lambda body: body["properties"]["networkAcls"]["ipRules"].reverse(),
            lambda body: body["properties"]["networkAcls"]["virtualNetworkRules"][0].update(id=f"{RG}/X/Y".upper()),
        ],
        ids=["etag", "provisioning state", "case of its id", "order", "case of an id"],
    )
    def test_noise_is_no_change(self, tmp_path: Path, change: Callable[[Body], None]) -> None:
        rules = {"ipRules": [{"value": "1.2.3.4"}, {"value": "5.6.7.8"}], "virtualNetworkRules": [{"id": f"{RG}/x/y"}]}
        old = storage(provisioningState="Succeeded", networkAcls=rules)
        new = copy.deepcopy(old)
        change(new)
        ended = _diff(tmp_path, [old], [new], "-o", "json")
        assert (ended.code, ended.report["changes"]) == (0, [])

    def test_tags_are_a_change_without_effect(self, tmp_path: Path) -> None:
        old, new = storage(), storage() | {"tags": {"owner": "ops"}}
        found = _json(tmp_path, [old], [new])
        assert found["changes"] == [
            {
                "resource_id": old["id"],
                "change": "changed",
                "properties": [{"path": "tags", "old": None, "new": {"owner": "ops"}}],
            }
        ]
        assert found["effect"]["is_none"]

    def test_a_secret_is_told_to_have_changed_and_never_shown(self, tmp_path: Path) -> None:
        kind = "Microsoft.Web/sites/config"
        own_id = f"{RG}/providers/Microsoft.Web/sites/app/config/appsettings"

        def settings(secret: str) -> Body:
            return {"id": own_id, "name": "app/appsettings", "type": kind, "properties": {"DB_PASSWORD": secret}}

        ended = _diff(
            tmp_path, [settings("hunter2-hunter2")], [settings("Tr0ub4dor&3-xyz")], "-o", "json", "-o", "table"
        )
        assert "hunter2" not in ended.out + ended.err
        assert "Tr0ub4dor" not in ended.out + ended.err
        assert ended.out.count("redacted") >= 2
        again = _diff(tmp_path, [settings("hunter2-hunter2")], [settings("hunter2-hunter2")], "-o", "json")
        assert again.report["changes"] == []

    def test_who_made_a_change_and_when(self, tmp_path: Path) -> None:
        told = {"lastModifiedBy": "mallory@contoso.com", "lastModifiedAt": "2024-03-01T08:00:00Z"}
        new = storage(minimumTlsVersion="TLS1_0") | {"systemData": told}
        (change,) = _json(tmp_path, [storage()], [new])["changes"]
        assert (change["who"], change["when"]) == ("mallory@contoso.com", "2024-03-01T08:00:00Z")


BEFORE, AFTER = "2024-03-01T00:00:00Z", "2024-03-02T00:00:00Z"


def _event(who: str, at: str, operation: str, on: str, status: str = "Succeeded") -> Body:
    """Return an entry as `az monitor activity-log list` prints it."""
    return {
        "eventTimestamp": at,
        "operationName": {"value": operation},
        "status": {"value": status},
        "resourceId": on,
        "caller": who,
    }


def _row(who: str, at: str, operation: str, on: str, status: str = "Success") -> Body:
    """Return a row of the table AzureActivity."""
    names = ("Caller", "TimeGenerated", "OperationNameValue", "_ResourceId", "ActivityStatusValue")
    return dict(zip(names, (who, at, operation.upper(), on.lower(), status), strict=True))


class TestAuthors:
    WRITE = "Microsoft.Storage/storageAccounts/write"
    DELETE = "Microsoft.Storage/storageAccounts/delete"

    def _told(
        self, folder: Path, old: Iterable[Body], new: Iterable[Body], events: Iterable[Body], *, before: str = BEFORE
    ) -> list[tuple[str | None, str | None]]:
        """Return who changed what and when, by a log beside the new state."""
        source = {"source": {"snapshotAt": before}} if before else {}
        first = written(folder, "old.json", old, **source)
        (folder / "new").mkdir()
        written(folder / "new", "estate.json", new, source={"snapshotAt": AFTER})
        (folder / "new" / "log.json").write_text(json.dumps(list(events)), encoding="utf-8")
        found = in_process("diff", first, folder / "new", "-o", "json", at=folder).report
        return [(one.get("who"), one.get("when")) for one in found["changes"]]

    @pytest.mark.parametrize("event", [_event, _row])
    def test_the_activity_log_tells_who_wrote_what(self, event: Callable[..., Body], tmp_path: Path) -> None:
        old, new = storage(minimumTlsVersion="TLS1_2"), storage(minimumTlsVersion="TLS1_0")
        log = [
            event("zoe@contoso.com", "2024-02-28T10:00:00Z", self.WRITE, old["id"]),  # before the old state
            event("ben@contoso.com", "2024-03-01T08:00:00Z", self.WRITE, old["id"], "Failed"),
            event("anna@contoso.com", "2024-03-01T09:00:00.1234567Z", self.WRITE, old["id"], "Accepted"),
            event("anna@contoso.com", "2024-03-01T09:00:01.1234567Z", self.WRITE, old["id"]),
            event("ben@contoso.com", "2024-03-01T10:00:00Z", self.DELETE, f"{old['id']}x"),
            event(
                "ben@contoso.com",
                "2024-03-01T11:00:00Z",
                "Microsoft.Storage/storageAccounts/listKeys/action",
                old["id"],
            ),
            event("zoe@contoso.com", "2024-03-03T10:00:00Z", self.WRITE, old["id"]),  # after the new state
        ]
        assert self._told(tmp_path, [old], [new], log) == [("anna@contoso.com", "2024-03-01T09:00:01.1234567Z")]

    def test_several_writers_are_all_told(self, tmp_path: Path) -> None:
        old, new = storage(minimumTlsVersion="TLS1_2"), storage(minimumTlsVersion="TLS1_0")
        people = ["eve@contoso.com", "anna@contoso.com", "ben@contoso.com", "Anna@contoso.com", "dan@contoso.com"]
        log = [_event(who, f"2024-03-01T0{hour}:00:00Z", self.WRITE, old["id"]) for hour, who in enumerate(people)]
        assert self._told(tmp_path, [old], [new], log[1:3]) == [("one of anna@contoso.com, ben@contoso.com", None)]

    def test_of_many_writers_some_are_told(self, tmp_path: Path) -> None:
        old, new = storage(minimumTlsVersion="TLS1_2"), storage(minimumTlsVersion="TLS1_0")
        people = ["eve", "anna", "ben", "Anna", "dan"]
        log = [_event(who, f"2024-03-01T0{hour}:00:00Z", self.WRITE, old["id"]) for hour, who in enumerate(people)]
        assert self._told(tmp_path, [old], [new], log) == [("one of Anna, ben, dan and 1 more", None)]

    def test_what_was_removed_was_deleted_or_went_with_what_it_lay_in(self, tmp_path: Path) -> None:
        body, other = storage(), networks.security_group("nsg", SSH)
        group = other["id"]
        kind = "Microsoft.Network/networkSecurityGroups"
        log = [
            _event("anna@contoso.com", "2024-03-01T09:00:00Z", self.DELETE, body["id"]),
            _event("ben@contoso.com", "2024-03-01T08:00:00Z", self.WRITE, body["id"]),
            _event("carl@contoso.com", "2024-03-01T09:00:00Z", f"{kind}/write", group),
        ]
        told = self._told(tmp_path, [body, other], [networks.security_group("nsg")], log)
        assert ("anna@contoso.com", "2024-03-01T09:00:00Z") in told
        assert ("carl@contoso.com", "2024-03-01T09:00:00Z") in told
        assert not any(who and "ben" in who for who, _ in told)

    def test_where_it_is_not_known_what_was_between_the_states_the_log_tells_nothing(self, tmp_path: Path) -> None:
        old, new = storage(minimumTlsVersion="TLS1_2"), storage(minimumTlsVersion="TLS1_0")
        log = [_event("anna@contoso.com", "2024-03-01T09:00:00Z", self.WRITE, old["id"])]
        assert self._told(tmp_path, [old], [new], log, before="") == [(None, None)]

    def test_a_change_record_comes_first(self, tmp_path: Path) -> None:
        old, new = storage(minimumTlsVersion="TLS1_2"), storage(minimumTlsVersion="TLS1_0")
        told = {"changedBy": "mallory@contoso.com", "timestamp": "2024-03-01T07:00:00Z"}
        record = {
            "id": f"{new['id']}/providers/Microsoft.Resources/changes/c1",
            "name": "c1",
            "type": "Microsoft.Resources/changes",
            "properties": {"targetResourceId": new["id"], "changeAttributes": told},
        }
        log = [_event("anna@contoso.com", "2024-03-01T09:00:00Z", self.WRITE, old["id"])]
        assert self._told(tmp_path, [old], [new, record], log) == [("mallory@contoso.com", "2024-03-01T07:00:00Z")]


class TestFindings:
    def test_new_resolved_and_what_made_them(self, tmp_path: Path) -> None:
        weak, strong = storage(minimumTlsVersion="TLS1_0"), storage(minimumTlsVersion="TLS1_2")
        found = _json(tmp_path, [strong], [weak], "--fail-on", "new")["findings"]
        tls = [one for one in found["new"] if "tls" in one["rule_id"]]
        assert tls
        assert tls[0]["by"] == [
            {"resource_id": weak["id"], "property": "properties.minimumTlsVersion", "change": "changed"}
        ]
        back = _json(tmp_path, [weak], [strong])["findings"]
        assert {one["fingerprint"] for one in tls} <= {one["fingerprint"] for one in back["resolved"]}
        assert all(one["since"] for one in found["failing"])

    def test_a_failure_about_more_packets_is_widened(self, tmp_path: Path) -> None:
        wide = networks.rule(200, sourceAddressPrefix="Internet", name="ssh", destinationPortRange="*")
        found = _json(tmp_path, _net(SSH, public=True), _net(wide, public=True))["findings"]
        assert found["widened"]
        assert all(one["grew"]["kind"] == "packets" for one in found["widened"] if one["rule_id"].startswith("subnet"))

    def test_two_reports_give_findings_alone(self, tmp_path: Path) -> None:
        weak, strong = storage(minimumTlsVersion="TLS1_0"), storage(minimumTlsVersion="TLS1_2")
        whole = _json(tmp_path, [strong], [weak])["findings"]
        for version in ("1", "2"):
            for name in ("old", "new"):
                output = ("-o", f"json={name}-report.json", "--json-version", version)
                in_process("evaluate", f"{name}.json", *output, at=tmp_path)
            ended = in_process("diff", "old-report.json", "new-report.json", "-o", "json", at=tmp_path)
            assert (ended.code, "changes" in ended.report, "effect" in ended.report) == (1, False, False)
            assert [one["fingerprint"] for one in ended.report["findings"]["new"]] == [
                one["fingerprint"] for one in whole["new"]
            ]
            asked = in_process("diff", "old-report.json", "new-report.json", "--fail-on", "gained-reach", at=tmp_path)
            assert asked.code == 2
            assert is_one_line(asked.err)

    def test_sarif_holds_the_new_ones(self, tmp_path: Path) -> None:
        weak, strong = storage(minimumTlsVersion="TLS1_0"), storage(minimumTlsVersion="TLS1_2")
        log = _diff(tmp_path, [strong], [weak], "-o", "sarif").report
        new = _json(tmp_path, [strong], [weak])["findings"]["new"]
        assert len(log["runs"][0]["results"]) == len(new)


class TestEnds:
    def test_one_state_with_itself_is_no_drift(self, tmp_path: Path) -> None:
        bodies = sample()["resources"]
        ended = _diff(tmp_path, bodies, bodies, "-o", "json", "--complete")
        assert ended.code == 0
        assert ended.report["effect"]["is_none"]
        assert not any(ended.report["findings"][name] for name in ("new", "resolved", "widened", "changed"))

    def test_what_is_equally_unknown_on_both_sides_is_none(self, tmp_path: Path) -> None:
        gap = {"scope": "/", "what": "Microsoft.KeyVault/vaults", "reason": "forbidden"}
        ended = _diff(tmp_path, [storage()], [storage()], gaps=[gap])
        assert ended.code == 0, ended.err

    def test_what_could_not_be_read_any_more_is_not_gone(self, tmp_path: Path) -> None:
        gap = {"scope": "/", "what": "Microsoft.Storage/storageAccounts", "reason": "forbidden"}
        old = written(tmp_path, "old.json", [storage(), *_net()])
        new = written(tmp_path, "new.json", _net(), gaps=[gap])
        ended = in_process("diff", old, new, at=tmp_path)
        assert ended.code == 2
        assert is_one_line(ended.err)
        assert in_process("diff", old, new, "--allow-incomplete", at=tmp_path).code == 1

    def test_the_same_inputs_give_the_same_bytes(self, tmp_path: Path) -> None:
        runs = [
            _diff(tmp_path, _net(), _net(SSH, public=True), "-o", "json", "--as-of", "2024-03-01").out for _ in range(2)
        ]
        assert runs[0] == runs[1]

    @pytest.mark.parametrize(
        "arguments",
        [
            ("old.json", "missing.json"),
            ("old.json", "empty.json"),
            ("old.json", "old.json", "-o", "csv"),
            ("old.json", "old.json", "--as-of", "yesterday"),
            ("old.json", "old.json", "-o", "json=nowhere/x.json"),
            ("old.json", "broken-report.json"),
        ],
    )
    def test_mistakes_are_one_line(self, tmp_path: Path, arguments: tuple[str, ...]) -> None:
        written(tmp_path, "old.json", [storage()])
        (tmp_path / "empty.json").write_text("")
        broken = {"schema_version": 2, "tool": {}, "baseline": {}, "findings": [{"rule_id": "x"}]}
        (tmp_path / "broken-report.json").write_text(json.dumps(broken))
        ended = in_process("diff", *arguments, at=tmp_path)
        assert ended.code == 2
        assert is_one_line(ended.err)


class TestComment:
    """Markdown is a comment on a pull request: bounded, found again, and of no markup but ours."""

    def test_what_to_look_at_is_open_and_the_rest_folded(self, tmp_path: Path) -> None:
        told = _diff(tmp_path, _net(public=True), _net(SSH, public=True), "-o", "markdown").out
        assert told.splitlines()[:2] == ["<!-- auditor:drift -->", "## Drift"]
        is_open, _, folded = told.partition("<details>")
        assert "### Reach gained" in is_open
        assert "<summary>Changed configuration (1)</summary>" in folded
        assert told.count("<details>") == told.count("</details>")

    @pytest.mark.parametrize("sign", ["@", "[", "x"])
    def test_it_fits_a_comment_whatever_there_is_to_tell(self, tmp_path: Path, sign: str) -> None:
        many = [storage(f"st{number}", minimumTlsVersion="TLS1_0") for number in range(60)]
        for each in many:
            each["name"] = each["name"] + sign * 800
            each["id"] = each["id"].rpartition("/")[0] + f"/{each['name']}"
        mended = copy.deepcopy(many[:30])
        for each in mended:
            each["properties"]["minimumTlsVersion"] = "TLS1_2"
        ended = _diff(tmp_path, many[:45], [*mended, *many[45:]], "-o", "markdown", "--select", "storage-*")
        assert 5_000 < len(ended.out) <= 65_000
        assert ended.out.startswith("<!-- auditor:drift -->\n## Drift\n\n60 changes.")
        assert ended.out.count("<details>") == ended.out.count("</details>")
        assert re.search(r"and \d+ more|does not fit here", ended.out)
