"""Counts, zones, scaling, releases, locks and budgets; the jump box; the parts of the workload."""

from __future__ import annotations

from collections.abc import Iterator

from tests.estates.arm import GROUP, resource
from tests.estates.draft import Change, Draft
from tests.estates.faults.fault import Fault, all_of, drops, removes, sets
from tests.estates.faults.openness import ACCOUNT, ENDPOINT, REGISTRY, SEARCH, SITES, STORAGE, VAULT, WORKSPACE

PLAN = "serverfarms/asp-app-chat01"
SCALE, MODEL_SCALE = "autoscalesettings/asp-app-chat01-autoscale", "autoscalesettings/ept-chat01-autoscale"
DEPLOYMENT = f"{ENDPOINT}/deployments/ept-chat01"
MACHINE = "virtualMachines/vm-jmp-chat01"
NETWORK = "virtualNetworks/vnet-chat01"


def _sku(end: str, **values: object) -> Change:
    return lambda draft: draft[end]["sku"].update(values)


def _without_direction(end: str, direction: str) -> Change:
    def make(draft: Draft) -> None:
        [profile] = draft[end]["properties"]["profiles"]
        profile["rules"] = [each for each in profile["rules"] if each["scaleAction"]["direction"] != direction]

    return make


def _counts() -> Iterator[Fault]:
    least = "profiles__0__capacity__"
    yield Fault("the plan is in one zone", ("APP-REL-001",), sets(PLAN, zoneRedundant=False))
    for number in ("1", "2"):
        fewer = sets(SCALE, **{f"{least}minimum": number})
        yield Fault(f"the plan scales in to {number}", ("APP-REL-002",), fewer)
        few = sets(MODEL_SCALE, **{f"{least}minimum": number})
        yield Fault(f"the deployment scales in to {number}", ("AML-REL-001",), few)
    yield Fault("the plan starts with one", ("APP-REL-002",), sets(SCALE, **{f"{least}default": "1"}))
    yield Fault("the plan cannot grow", ("APP-REL-003",), sets(SCALE, **{f"{least}maximum": "3"}))
    for direction in ("Increase", "Decrease"):
        one_way = _without_direction(SCALE, direction)
        yield Fault(f"the plan has no rule to {direction}", ("APP-REL-003", "REL-AUTO-001"), one_way)
        one_way = _without_direction(MODEL_SCALE, direction)
        yield Fault(f"the deployment has no rule to {direction}", ("AML-REL-002", "REL-AUTO-001"), one_way)
    yield Fault("the plan's scaling is off", ("APP-REL-003",), sets(SCALE, enabled=False))
    yield Fault("the plan does not scale", ("APP-REL-003",), removes(SCALE))
    yield Fault("the deployment's scaling is off", ("AML-REL-002",), sets(MODEL_SCALE, enabled=False))
    fixed = all_of(removes(SCALE), _sku(PLAN, capacity=2))
    yield Fault("the plan stays at two", ("APP-REL-002", "APP-REL-003"), fixed)
    fixed = all_of(removes(MODEL_SCALE), _sku(DEPLOYMENT, capacity=1))
    yield Fault("the deployment stays at one", ("AML-REL-001", "AML-REL-002"), fixed)

    def foreign_metric(draft: Draft) -> None:
        for rule in draft[SCALE]["properties"]["profiles"][0]["rules"]:
            rule["metricTrigger"]["metricResourceUri"] = draft[VAULT]["id"]

    yield Fault("the plan follows the vault's metric", ("REL-AUTO-001",), foreign_metric)
    for number in (1, 2):
        yield Fault(f"AI Search has {number} replicas", ("SRCH-REL-001",), sets(SEARCH, replicaCount=number))
    for tier in ("basic", "free"):
        yield Fault(f"AI Search is {tier}", ("SRCH-REL-001",), _sku(SEARCH, name=tier))
    yield Fault("AI Search is standard2", (), _sku(SEARCH, name="standard2"))
    for end in STORAGE:
        for kind in ("LRS", "GRS"):
            yield Fault(f"{end} is Standard_{kind}", ("STOR-REL-001",), _sku(end, name=f"Standard_{kind}"))
        yield Fault(f"{end} is Standard_GZRS", (), _sku(end, name="Standard_GZRS"))
    # Azure spreads registries over zones by itself
    yield Fault("the registry says that it is in one zone", (), sets(REGISTRY, zoneRedundancy="Disabled"))
    yield Fault("the registry is Standard", ("ACR-NET-002",), _sku(REGISTRY, name="Standard", tier="Standard"))
    # two marks of the reference implementation's profile for development, each a fault by itself
    cheap = all_of(
        _sku(PLAN, name="S1", tier="Standard"),
        sets(PLAN, zoneRedundant=False),
        sets(NETWORK, enableDdosProtection=False),
    )
    yield Fault("it is deployed for development", ("GOV-ENV-001", "APP-REL-001", "NET-DDOS-001"), cheap)


def _second_deployment(draft: Draft) -> None:
    made = {"createdAt": "2023-11-01T00:00:00Z", "createdByType": "Application", "lastModifiedByType": "Application"}
    kind = "Microsoft.MachineLearningServices/workspaces/onlineEndpoints/deployments"
    old = resource(kind, "mlw-chat01", "ept-chat01", "old", kind="Managed", sku={"name": "Default", "capacity": 3})
    old |= {"systemData": made}
    old["properties"] = {
        "provisioningState": "Succeeded",
        "endpointComputeType": "Managed",
        "instanceType": "Standard_DS2_v2",
    }
    draft.add(old)


def _releases() -> Iterator[Fault]:
    yield Fault("half of the traffic goes nowhere", ("AML-REL-007",), sets(ENDPOINT, traffic={"ept-chat01": 50}))
    yield Fault("no traffic is taken", ("AML-REL-003",), sets(ENDPOINT, traffic={"ept-chat01": 0}))
    gone = sets(ENDPOINT, traffic={"ept-chat01": 90, "gone": 10})
    yield Fault("traffic goes to a deployment that is gone", ("AML-REL-007",), gone)
    yield Fault("an old deployment was left", ("AML-REL-006",), _second_deployment)

    def by_hand(end: str) -> Change:
        def make(draft: Draft) -> None:
            draft[end]["systemData"]["lastModifiedByType"] = "User"

        return make

    for end in (ENDPOINT, DEPLOYMENT, f"{ACCOUNT}/deployments/gpt35"):
        yield Fault(f"a person changed {end}", ("OPS-CICD-001",), by_hand(end))
    for site in SITES:
        yield Fault(f"{site} has no slot", ("APP-DEP-001",), _without_slot(site))
    monitor = sets(f"{WORKSPACE}/schedules/drift", isEnabled=False)
    yield Fault("the monitor is off", ("AML-MON-001",), monitor)
    yield Fault("nothing monitors the endpoint", ("AML-MON-001",), removes(f"{WORKSPACE}/schedules/drift"))


def _without_slot(site: str) -> Change:
    def make(draft: Draft) -> None:
        name = site.rpartition("/")[2]
        interface = draft[f"privateEndpoints/pep-{name}-staging"]["properties"]["networkInterfaces"][0]["id"]
        draft.remove(f"{site}/slots/staging", f"privateEndpoints/pep-{name}-staging", interface.removeprefix("/"))

    return make


def _governance() -> Iterator[Fault]:
    yield Fault("the lock is gone", ("OPS-LOCK-001",), removes("locks/keep"))
    # who may only read may not delete either
    yield Fault("the lock is on everything", (), sets("locks/keep", level="ReadOnly"))
    yield Fault("the budget is gone", ("COST-BUD-001",), removes("budgets/monthly"))
    mute = sets("budgets/monthly", notifications__actual80__enabled=False)
    yield Fault("the budget tells nobody", ("COST-BUD-001",), mute)
    over = sets("budgets/monthly", timePeriod={"startDate": "2023-01-01T00:00:00Z", "endDate": "2024-01-01T00:00:00Z"})
    yield Fault("the budget's time is over", ("COST-BUD-001",), over)
    yield Fault("Defender is at its free tier", ("APP-SEC-003",), sets("pricings/AppServices", pricingTier="Free"))
    for name in ("storage-keys", "secrets"):
        yield Fault(f"no policy watches {name}", ("KEY-ROT-004",), removes(f"policyAssignments/{name}"))
    out = all_of(*(sets(f"policyAssignments/{name}", notScopes=[GROUP]) for name in ("storage-keys", "secrets")))
    yield Fault("policies leave the group out", ("GOV-POL-001", "KEY-ROT-004"), out)
    yield Fault("policies only report", (), sets("policyAssignments/secrets", enforcementMode="DoNotEnforce"))


def _jump_box() -> Iterator[Fault]:
    profile = "securityProfile__"
    off = {f"{profile}encryptionAtHost": False}
    yield Fault("the jump box is not encrypted at its host", ("JMP-SEC-002",), sets(MACHINE, **off))
    yield Fault(
        "the jump box boots anything",
        ("JMP-SEC-002",),
        sets(MACHINE, **{f"{profile}uefiSettings__secureBootEnabled": False}),
    )
    yield Fault(
        "the jump box has no vTPM", ("JMP-SEC-002",), sets(MACHINE, **{f"{profile}uefiSettings__vTpmEnabled": False})
    )
    yield Fault(
        "the jump box is no trusted machine", ("JMP-SEC-002",), sets(MACHINE, **{f"{profile}securityType": "Standard"})
    )
    yield Fault("no agent runs", ("OPS-AGENT-001",), removes("virtualMachineScaleSets/vmss-agents"))


def _parts() -> Iterator[Fault]:
    parts = (
        WORKSPACE,
        STORAGE[1],
        VAULT,
        REGISTRY,
        SEARCH,
        ACCOUNT,
        PLAN,
        MACHINE,
        ENDPOINT,
        "components/appi-chat01",
        "bastionHosts/ab-chat01",
        "applicationGateways/agw-chat01",
        "Microsoft.OperationalInsights/workspaces/log-chat01",
    )
    for end in parts:
        yield Fault(f"{end} failed to deploy", ("GOV-INV-001",), sets(end, provisioningState="Failed"))
    # traffic goes to it
    failed = sets(DEPLOYMENT, provisioningState="Failed")
    yield Fault("the deployment failed", ("GOV-INV-001", "AML-REL-007"), failed)
    yield Fault(
        "the workspace has no Application Insights",
        ("GOV-INV-001", "MON-APPI-001"),
        drops(WORKSPACE, "applicationInsights"),
    )
    yield Fault("the workspace is in its old mode", ("AML-CFG-001",), sets(WORKSPACE, v1LegacyMode=True))
    yield Fault("datastores use keys", ("AML-IAM-005",), sets(WORKSPACE, systemDatastoresAuthMode="AccessKey"))
    kind = "Microsoft.MachineLearningServices/registries"
    shared = resource(
        kind, "mlr-chat01", properties={"publicNetworkAccess": "Enabled", "provisioningState": "Succeeded"}
    )
    # it also has no private endpoint, and answers the Internet
    yield Fault("a registry of models is public", ("OPS-REG-001", "NET-ENTRY-001"), lambda draft: draft.add(shared))


FAULTS = (*_counts(), *_releases(), *_governance(), *_jump_box(), *_parts())
