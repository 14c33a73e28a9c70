"""Where traffic, identities and references leave a workload: the chat estate with one door opened at a time."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from auditor import audit
from auditor.inputs import read
from auditor.model import Finding, Status
from auditor.rulebook import in_force
from auditor.rulebook.in_force import RuleSet, Selection
from tests.estates.arm import GROUP, SUBSCRIPTION, Body, guid, path, reference, resource
from tests.estates.chat import chat_bodies
from tests.estates.roles import definition

FOREIGN_SUBSCRIPTION = "/subscriptions/00000000-0000-0000-0000-0000000000ee"
FOREIGN = f"{FOREIGN_SUBSCRIPTION}/resourceGroups/rg/providers"
WORKSPACE = path("Microsoft.MachineLearningServices/workspaces", "mlw-chat01")
NETWORK = path("Microsoft.Network/virtualNetworks", "vnet-chat01")
HUB = f"{FOREIGN}/Microsoft.Network/virtualNetworks/vnet-hub"
STORAGE = f"{FOREIGN}/Microsoft.Storage/storageAccounts/stelsewhere"
APP = path("Microsoft.Web/sites", "app-chat01")
APP_IDENTITY = path("Microsoft.ManagedIdentity/userAssignedIdentities", "id-app-chat01")
ALICE = guid("alice")


@cache
def rules(rule: str, *parameters: str) -> RuleSet:
    return in_force.load(Selection(select=[rule], assignments=parameters))


class Judge:
    """Judge the chat estate with more resources by one rule."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "estate.json"

    def __call__(
        self,
        rule: str,
        *more: Body,
        parameters: Sequence[str] = (),
        gaps: Sequence[dict[str, str]] = (),
        complete: bool = True,
    ) -> list[Finding]:
        bodies = {body["id"].lower(): body for body in (*chat_bodies(), *more)}
        document = {"resources": list(bodies.values()), "gaps": list(gaps)}
        self._path.write_text(json.dumps(document), encoding="utf-8")
        terms = audit.Terms(complete=complete, clock=datetime(2024, 3, 1, tzinfo=UTC))
        return list(audit.audit(read.read(str(self._path)), rules(rule, *parameters), terms).findings)


@pytest.fixture
def judge(tmp_path: Path) -> Judge:
    return Judge(tmp_path)


def one_failure(findings: Sequence[Finding]) -> Finding:
    (finding,) = [one for one in findings if one.status is Status.FAIL]
    return finding


def statuses(findings: Sequence[Finding]) -> set[Status]:
    return {one.status for one in findings}


def unread(kind: str, scope: str = "/") -> dict[str, str]:
    return {"scope": scope, "what": kind, "reason": "forbidden", "permission": f"{kind}/read"}


def outbound_rule(target: str) -> Body:
    return resource(
        "Microsoft.MachineLearningServices/workspaces/outboundRules",
        "mlw-chat01",
        "away",
        location=None,
        properties={
            "type": "PrivateEndpoint",
            "category": "UserDefined",
            "status": "Active",
            "destination": {"serviceResourceId": target, "subresourceTarget": "blob"},
        },
    )


class TestManagedEndpoints:
    RULE = "ml-managed-endpoints-lead-to-workload"

    def test_those_of_the_estate_lead_to_the_workload(self, judge: Judge) -> None:
        assert statuses(judge(self.RULE)) == {Status.PASS}

    def test_a_target_elsewhere_fails_and_is_named(self, judge: Judge) -> None:
        finding = one_failure(judge(self.RULE, outbound_rule(STORAGE)))
        assert "stelsewhere" in finding.message
        assert finding.workload == "mlw-chat01"

    @pytest.mark.parametrize(
        "declared",
        [
            STORAGE,
            STORAGE.upper(),
            FOREIGN_SUBSCRIPTION,
            FOREIGN_SUBSCRIPTION.rpartition("/")[2],
            f"{FOREIGN_SUBSCRIPTION}/resourceGroups/RG",
        ],
    )
    def test_a_target_can_be_declared_by_itself_its_group_or_its_subscription(
        self, declared: str, judge: Judge
    ) -> None:
        parameters = [f"managed_endpoint_targets={json.dumps([declared])}"]
        assert statuses(judge(self.RULE, outbound_rule(STORAGE), parameters=parameters)) == {Status.PASS}

    def test_a_name_that_only_begins_like_a_declared_one_is_not_declared(self, judge: Judge) -> None:
        parameters = [f"managed_endpoint_targets={json.dumps([STORAGE[:-1]])}"]
        assert one_failure(judge(self.RULE, outbound_rule(STORAGE), parameters=parameters))

    def test_another_resource_in_the_subscription_is_the_workloads(self, judge: Judge) -> None:
        other = f"{SUBSCRIPTION}/resourceGroups/rg-data/providers/Microsoft.Storage/storageAccounts/stdata"
        assert statuses(judge(self.RULE, outbound_rule(other))) == {Status.PASS}

    def test_an_id_without_subscription_leaves_the_owner_open(self, judge: Judge) -> None:
        assert Status.UNKNOWN in statuses(judge(self.RULE, outbound_rule("stelsewhere")))

    def test_rules_that_were_not_read_leave_it_open(self, judge: Judge) -> None:
        gap = unread("Microsoft.MachineLearningServices/workspaces/outboundRules", WORKSPACE)
        (unknown,) = [one for one in judge(self.RULE, gaps=[gap]) if one.status is Status.UNKNOWN]
        assert unknown.missing_permission == "Microsoft.MachineLearningServices/workspaces/outboundRules/read"


def search(**properties: Any) -> list[Body]:
    """Return a search service with a shared private link."""
    service = resource("Microsoft.Search/searchServices", "srch-chat01", sku={"name": "standard"}, properties={})
    link = resource(
        "Microsoft.Search/searchServices/sharedPrivateLinkResources",
        "srch-chat01",
        "blob",
        location=None,
        properties={"groupId": "blob", **properties},
    )
    return [service, link]


class TestSharedPrivateLinks:
    RULE = "search-shared-links-lead-to-workload"
    OWN = path("Microsoft.Storage/storageAccounts", "stmlchat01")

    @pytest.mark.parametrize(
        ("target", "status", "expected"),
        [
            (OWN, "Approved", Status.PASS),
            (OWN, "Pending", Status.FAIL),
            (OWN, "Rejected", Status.FAIL),
            (STORAGE, "Approved", Status.FAIL),
        ],
    )
    def test_target_and_state_decide(self, target: str, status: str, expected: Status, judge: Judge) -> None:
        findings = judge(self.RULE, *search(privateLinkResourceId=target, status=status))
        assert statuses(findings) == {expected}

    def test_links_that_were_not_listed_are_unknown_at_the_service(self, judge: Judge) -> None:
        (finding,) = judge(self.RULE, search()[0], complete=False)
        assert (finding.status, finding.resource_type) == (Status.UNKNOWN, "Microsoft.Search/searchServices")


def peering(remote: str, **properties: Any) -> Body:
    return resource(
        "Microsoft.Network/virtualNetworks/virtualNetworkPeerings",
        "vnet-chat01",
        "to-other",
        location=None,
        properties={
            "remoteVirtualNetwork": reference(remote),
            "remoteAddressSpace": {"addressPrefixes": ["10.9.0.0/16"]},
            "peeringState": "Connected",
            "allowVirtualNetworkAccess": True,
            **properties,
        },
    )


class TestPeerings:
    RULE = "vnet-peerings-declared"

    def test_a_foreign_network_fails_with_the_addresses_that_it_adds(self, judge: Judge) -> None:
        finding = one_failure(judge(self.RULE, peering(HUB)))
        assert "VirtualNetwork takes in 10.9.0.0/16" in finding.message
        assert "neither the workload's nor declared" in finding.message

    @pytest.mark.parametrize("declared", [HUB, "VNET-HUB", {"network": HUB}])
    def test_a_declared_network_passes(self, declared: object, judge: Judge) -> None:
        parameters = [f"peered_networks={json.dumps([declared])}"]
        assert statuses(judge(self.RULE, peering(HUB), parameters=parameters)) == {Status.PASS}

    @pytest.mark.parametrize("use", ["allowForwardedTraffic", "allowGatewayTransit", "useRemoteGateways"])
    def test_more_than_access_is_declared_with_the_network(self, use: str, judge: Judge) -> None:
        body = peering(HUB, **{use: True})
        finding = one_failure(judge(self.RULE, body, parameters=["peered_networks=[vnet-hub]"]))
        assert use in finding.message
        uses = [f"peered_networks={json.dumps([{'network': 'vnet-hub', 'uses': [use.upper()]}])}"]
        assert statuses(judge(self.RULE, body, parameters=uses)) == {Status.PASS}

    @pytest.mark.parametrize("off", [{"peeringState": "Disconnected"}, {"allowVirtualNetworkAccess": False}])
    def test_a_peering_without_access_adds_nothing(self, off: dict[str, Any], judge: Judge) -> None:
        assert statuses(judge(self.RULE, peering(HUB, **off))) == {Status.NOT_APPLICABLE}

    @pytest.mark.parametrize(
        ("subnet", "expected"), [("snet-agents", Status.FAIL), ("snet-gone", Status.NOT_APPLICABLE)]
    )
    def test_a_peering_of_subnets_counts_by_those_that_are_there(
        self, subnet: str, expected: Status, judge: Judge
    ) -> None:
        prefixes = [one["properties"]["addressPrefix"] for one in subnets() if one["name"] == subnet] or ["10.8.0.0/24"]
        spaces = {"localAddressSpace": {"addressPrefixes": prefixes}}
        body = peering(HUB, peerCompleteVnets=False, localSubnetNames=[subnet], remoteSubnetNames=["shared"], **spaces)
        assert statuses(judge(self.RULE, body)) == {expected}

    def test_a_network_of_the_scope_that_was_not_read_may_be_the_workloads(self, judge: Judge) -> None:
        near = path("Microsoft.Network/virtualNetworks", "vnet-two")
        gap = unread("Microsoft.Network/virtualNetworks", near)
        assert Status.UNKNOWN in statuses(judge(self.RULE, peering(near), gaps=[gap]))


def subnets() -> list[Body]:
    """Return the subnets of the chat estate's network."""
    (network,) = [body for body in chat_bodies() if body["id"] == NETWORK]
    listed: list[Body] = network["properties"]["subnets"]
    return listed


def routed(name: str, hop: str = "Internet", **properties: Any) -> list[Body]:
    """Return the chat estate's network with a default route at one of its subnets."""
    table = resource("Microsoft.Network/routeTables", "rt-out")
    route = {"name": "all", "properties": {"addressPrefix": "0.0.0.0/0", "nextHopType": hop}}
    table["properties"] = {"routes": [{**route, "id": f"{table['id']}/routes/all"}]}
    (network,) = [json.loads(json.dumps(body)) for body in chat_bodies() if body["id"] == NETWORK]
    (subnet,) = [one for one in network["properties"]["subnets"] if one["name"] == name]
    subnet["properties"] |= {"routeTable": reference(table["id"]), **properties}
    return [network, table]


NAT = resource(
    "Microsoft.Network/natGateways",
    "ng-out",
    properties={"publicIpAddresses": [reference(path("Microsoft.Network/publicIPAddresses", "pip-out"))]},
)
BEHIND_NAT = {"defaultOutboundAccess": False, "natGateway": reference(NAT["id"])}


class TestRoutes:
    """A route to the Internet counts by where its packets end."""

    RULE = "subnet-internet-routes-declared"

    @pytest.mark.parametrize(
        ("name", "properties", "expected"),
        [
            ("snet-agents", {}, Status.FAIL),
            ("snet-agents", {"defaultOutboundAccess": False}, Status.PASS),
            ("snet-agents", BEHIND_NAT, Status.FAIL),
            ("snet-privateEndpoints", {}, Status.PASS),
        ],
    )
    def test_packets_need_somebody_who_sends_them_and_a_door(
        self, name: str, properties: Body, expected: Status, judge: Judge
    ) -> None:
        findings = judge(self.RULE, *routed(name, **properties), NAT)
        (own,) = [one for one in findings if (one.resource_id or "").endswith(f"/{name}")]
        assert own.status is expected

    def test_a_route_that_drops_what_it_matches_leads_nowhere(self, judge: Judge) -> None:
        assert statuses(judge(self.RULE, *routed("snet-agents", "None"))) == {Status.PASS}

    def test_whether_a_private_subnet_has_a_door_is_open_where_machines_were_not_read(self, judge: Judge) -> None:
        gap = unread("Microsoft.Network/networkInterfaces")
        findings = judge(self.RULE, *routed("snet-agents", defaultOutboundAccess=False), gaps=[gap])
        assert {one.status for one in findings if (one.resource_id or "").endswith("/snet-agents")} == {Status.UNKNOWN}


def federated(subject: str) -> Body:
    return resource(
        "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials",
        "id-app-chat01",
        "pipeline",
        location=None,
        properties={
            "issuer": "https://token.example.org",
            "subject": subject,
            "audiences": ["api://AzureADTokenExchange"],
        },
    )


class TestFederatedCredentials:
    RULE = "identity-federation-declared"
    DECLARED = "federated_subjects=[{issuer: 'https://token.example.org', subject: 'repo:contoso/chat:*'}]"

    def test_an_estate_without_any_passes(self, judge: Judge) -> None:
        assert statuses(judge(self.RULE)) == {Status.PASS}

    def test_a_credential_that_nobody_declared_fails_at_its_identity(self, judge: Judge) -> None:
        finding = one_failure(judge(self.RULE, federated("repo:contoso/chat:ref:refs/heads/main")))
        assert finding.resource_id == APP_IDENTITY

    def test_a_declared_one_passes_and_a_wider_one_fails(self, judge: Judge) -> None:
        declared = [self.DECLARED]
        assert statuses(judge(self.RULE, federated("repo:contoso/chat:x"), parameters=declared)) == {Status.PASS}
        assert one_failure(judge(self.RULE, federated("repo:contoso/*"), parameters=declared))

    def test_a_list_that_was_not_read_is_unknown(self, judge: Judge) -> None:
        assert statuses(judge(self.RULE, complete=False)) == {Status.UNKNOWN}

    def test_a_credential_of_an_identity_that_may_do_nothing_is_a_note(self, judge: Judge) -> None:
        idle = path("Microsoft.ManagedIdentity/userAssignedIdentities", "id-idle")
        kind, name = "Microsoft.ManagedIdentity/userAssignedIdentities", "id-idle"
        trusted = federated("repo:x")
        bodies = [
            resource(kind, name, properties={"principalId": guid("id-idle")}),
            trusted | {"id": f"{idle}/federatedIdentityCredentials/pipeline"},
        ]
        assert statuses(judge(self.RULE, *bodies)) == {Status.PASS}
        finding = one_failure(judge("identity-federation-powerless", *bodies))
        assert (finding.resource_id, finding.severity.value) == (idle, "info")
        held = grant("Reader", GROUP, guid("id-idle"), "ServicePrincipal")
        assert one_failure(judge(self.RULE, *bodies, *held)).resource_id == idle


def grant(role: str, scope: str, principal: str = ALICE, kind: str = "User") -> list[Body]:
    known = definition(role)
    properties = {"principalId": principal, "principalType": kind, "roleDefinitionId": known["id"], "scope": scope}
    name = guid(f"{principal} {role} {scope}")
    assignment = resource(
        "Microsoft.Authorization/roleAssignments", name, below=scope, location=None, properties=properties
    )
    return [known, assignment]


def deny(*actions: str, scope: str = GROUP, **properties: Any) -> Body:
    everyone = {"id": "00000000-0000-0000-0000-000000000000", "type": "SystemDefined"}
    return resource(
        "Microsoft.Authorization/denyAssignments",
        guid("stack"),
        below=scope,
        location=None,
        properties={
            "scope": scope,
            "permissions": [{"actions": list(actions), "notActions": []}],
            "principals": [everyone],
            "excludePrincipals": [],
            **properties,
        },
    )


class TestActors:
    RULE = "access-act-as-workload-only"

    def failures(self, findings: Sequence[Finding]) -> set[str]:
        return {(one.resource_id or "").rpartition("/")[2] for one in findings if one.status is Status.FAIL}

    def test_nobody_acts_as_the_identities_of_the_estate(self, judge: Judge) -> None:
        assert statuses(judge(self.RULE)) == {Status.PASS}

    def test_who_publishes_to_the_app_acts_as_its_identity(self, judge: Judge) -> None:
        findings = judge(self.RULE, *grant("Website Contributor", APP))
        assert self.failures(findings) == {"id-app-chat01"}
        assert "run code on app-chat01 (Microsoft.Web/sites/write)" in one_failure(findings).message
        assert ALICE in one_failure(findings).message

    def test_who_may_assign_the_identity_acts_as_it(self, judge: Judge) -> None:
        findings = judge(self.RULE, *grant("Managed Identity Operator", APP_IDENTITY))
        assert self.failures(findings) == {"id-app-chat01"}
        assert (
            "assign the identity (Microsoft.ManagedIdentity/userAssignedIdentities/any/assign/action)"
            in one_failure(findings).message
        )

    def test_who_deploys_models_acts_as_the_endpoint(self, judge: Judge) -> None:
        endpoint = f"{WORKSPACE}/onlineEndpoints/ept-chat01"
        findings = judge(self.RULE, *grant("Contributor", endpoint, kind="ServicePrincipal"))
        assert self.failures(findings) == {"id-amlonlineendpoint"}

    def test_people_with_the_roles_of_authors_run_code_in_the_workspace(self, judge: Judge) -> None:
        assert statuses(judge(self.RULE, *grant("AzureML Data Scientist", WORKSPACE))) == {Status.PASS}
        robot = judge(self.RULE, *grant("AzureML Data Scientist", WORKSPACE, kind="ServicePrincipal"))
        assert self.failures(robot) == {"id-amlworkspace", "id-amlonlineendpoint"}
        assert "id-amlworkspace" in self.failures(judge(self.RULE, *grant("Contributor", GROUP)))

    def test_a_reader_acts_as_nobody(self, judge: Judge) -> None:
        assert statuses(judge(self.RULE, *grant("Reader", SUBSCRIPTION))) == {Status.PASS}

    def test_a_role_elsewhere_is_no_door(self, judge: Judge) -> None:
        elsewhere = f"{SUBSCRIPTION}/resourceGroups/rg-data"
        assert statuses(judge(self.RULE, *grant("Owner", elsewhere))) == {Status.PASS}

    def test_a_deny_assignment_closes_the_door(self, judge: Judge) -> None:
        closed = deny("*", scope=APP)
        assert statuses(judge(self.RULE, *grant("Website Contributor", APP), closed)) == {Status.PASS}

    def test_denies_that_were_not_read_leave_it_open(self, judge: Judge) -> None:
        gap = unread("Microsoft.Authorization/denyAssignments")
        assert Status.UNKNOWN in statuses(judge(self.RULE, *grant("Website Contributor", APP), gaps=[gap]))

    def test_assignments_that_were_not_read_leave_it_open(self, judge: Judge) -> None:
        gap = unread("Microsoft.Authorization/roleAssignments")
        assert statuses(judge(self.RULE, gaps=[gap])) == {Status.UNKNOWN}

    def test_an_actor_that_was_seen_decides_whatever_else_there_is(self, judge: Judge) -> None:
        gap = unread("Microsoft.Authorization/roleAssignments")
        findings = judge(self.RULE, *grant("Website Contributor", APP), gaps=[gap])
        assert self.failures(findings) == {"id-app-chat01"}


def lock(scope: str, level: str = "CanNotDelete") -> Body:
    return resource("Microsoft.Authorization/locks", "keep", below=scope, location=None, properties={"level": level})


class TestDeleteGuards:
    RULE = "workload-foundation-delete-locked"

    def guarded(self, findings: Sequence[Finding]) -> int:
        assert statuses(findings) <= {Status.PASS, Status.FAIL}
        return sum(one.status is Status.PASS for one in findings)

    @pytest.mark.parametrize(
        ("guard", "kept"),
        [
            (lock(WORKSPACE), 1),
            (lock(GROUP.upper(), "ReadOnly"), 7),
            (lock(SUBSCRIPTION), 7),
            (lock(f"{GROUP}-other"), 0),
            (lock(GROUP, "NotSpecified"), 0),
            (deny("*/delete"), 7),
            (deny("*/delete", principals=[{"id": ALICE, "type": "User"}]), 0),
            (deny("*/delete", doNotApplyToChildScopes=True), 0),
            (deny("*/delete", scope=WORKSPACE, doNotApplyToChildScopes=True), 1),
            (deny("*/write"), 0),
        ],
    )
    def test_what_keeps_components(self, guard: Body, kept: int, judge: Judge) -> None:
        findings = judge(self.RULE, guard)
        assert len(findings) == 7
        assert self.guarded(findings) == kept

    @pytest.mark.parametrize("kind", ["Microsoft.Authorization/locks", "Microsoft.Authorization/denyAssignments"])
    def test_guards_that_were_not_read_leave_it_open(self, kind: str, judge: Judge) -> None:
        assert statuses(judge(self.RULE, gaps=[unread(kind)])) == {Status.UNKNOWN}
        assert statuses(judge(self.RULE, lock(SUBSCRIPTION), gaps=[unread(kind)])) == {Status.PASS}


class TestReferences:
    RULE = "workload-named-resources-exist"
    LOG = path("Microsoft.OperationalInsights/workspaces", "log-gone")

    def setting(self, target: str) -> Body:
        return resource(
            "Microsoft.Insights/diagnosticSettings",
            "more",
            below=APP,
            location=None,
            properties={"workspaceId": target},
        )

    def test_all_that_the_estate_names_exists(self, judge: Judge) -> None:
        findings = judge(self.RULE)
        assert statuses(findings) == {Status.PASS}
        assert len(findings) > 30

    def test_a_setting_whose_target_is_gone_fails_with_its_property(self, judge: Judge) -> None:
        finding = one_failure(judge(self.RULE, self.setting(self.LOG)))
        assert "log-gone (properties.workspaceId)" in finding.message

    def test_a_part_of_a_resource_exists_with_it(self, judge: Judge) -> None:
        gateway = path("Microsoft.Network/applicationGateways", "agw-chat01")
        part = f"{gateway}/sslCertificates/agw-chat01-ssl-certificate"
        assert statuses(judge(self.RULE, self.setting(part))) == {Status.PASS}

    @pytest.mark.parametrize(
        "target",
        [
            f"{GROUP}/providers/Contoso.Unheard/things/gone",
            f"{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{guid('role')}",
            f"{GROUP}/providers/Microsoft.OperationalInsights/workspaces",
            f"{SUBSCRIPTION}/resourceGroups/*/providers/Microsoft.OperationalInsights/workspaces/*",
        ],
    )
    def test_what_no_list_would_hold_is_not_missed(self, target: str, judge: Judge) -> None:
        assert statuses(judge(self.RULE, self.setting(target))) == {Status.PASS}

    def test_what_lies_outside_of_what_was_read_is_unknown(self, judge: Judge) -> None:
        elsewhere = f"{FOREIGN}/Microsoft.OperationalInsights/workspaces/log-central"
        assert Status.UNKNOWN in statuses(judge(self.RULE, self.setting(elsewhere), complete=False))

    def test_a_reference_known_to_be_lost_fails_beside_one_that_is_not_known(self, judge: Judge) -> None:
        body = self.setting(self.LOG)
        body["properties"]["storageAccountId"] = STORAGE
        assert one_failure(
            judge(self.RULE, body, gaps=[unread("Microsoft.Storage/storageAccounts", FOREIGN_SUBSCRIPTION)])
        )
