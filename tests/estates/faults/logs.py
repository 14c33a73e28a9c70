"""Logs that are not kept: each setting gone, off, cut down, or sent to nobody; and what watches over the rest."""

from __future__ import annotations

from collections.abc import Iterator

from tests.estates.arm import GROUP
from tests.estates.draft import Change, Draft
from tests.estates.faults.fault import Fault, removes, sets
from tests.estates.faults.openness import ACCOUNT, ENDPOINT, REGISTRY, SEARCH, SITES, SLOTS, VAULT, WORKSPACE
from tests.estates.repaired.governance import WATCHED

_NETWORK = "MON-DIAG-012"
# what keeps logs, the control for it, and one category that is then kept alone
KEPT: dict[str, tuple[tuple[str, ...], str]] = {
    ACCOUNT: (("MON-DIAG-002",), "Audit"),
    WORKSPACE: (("MON-DIAG-003",), "AmlComputeClusterEvent"),
    ENDPOINT: (("MON-DIAG-004",), "AmlOnlineEndpointTrafficLog"),
    **dict.fromkeys((*SITES, *SLOTS), (("MON-DIAG-005",), "AppServiceHTTPLogs")),
    VAULT: (("MON-DIAG-006",), "AuditEvent"),
    REGISTRY: (("MON-DIAG-007",), "ContainerRegistryLoginEvents"),
    "storageAccounts/stchat01/blobServices/default": (("MON-DIAG-008",), "StorageRead"),
    "storageAccounts/stmlchat01/blobServices/default": (("MON-DIAG-008",), "StorageRead"),
    "storageAccounts/stmlchat01/fileServices/default": (("MON-DIAG-008",), "StorageRead"),
    "applicationGateways/agw-chat01": (("MON-DIAG-009",), "ApplicationGatewayAccessLog"),
    # AI Search has one category only, and its load is watched by its logs, too
    SEARCH: (("MON-DIAG-011", "SRCH-REL-002"), ""),
    "bastionHosts/ab-chat01": (("MON-DIAG-010",), ""),
    "virtualNetworks/vnet-chat01": ((_NETWORK,), ""),
    "publicIPAddresses/pip-chat01": ((_NETWORK,), "DDoSProtectionNotifications"),
    "publicIPAddresses/pip-ab-chat01": ((_NETWORK,), "DDoSProtectionNotifications"),
    "networkSecurityGroups/nsg-appGatewaySubnet": ((_NETWORK,), "NetworkSecurityGroupEvent"),
    "networkSecurityGroups/nsg-jumpboxSubnet": ((_NETWORK,), "NetworkSecurityGroupEvent"),
    "networkSecurityGroups/nsg-agentsSubnet": ((_NETWORK,), "NetworkSecurityGroupEvent"),
}
GONE = f"{GROUP}/providers/Microsoft.OperationalInsights/workspaces/log-gone"
LOGS = "Microsoft.OperationalInsights/workspaces/log-chat01"


def _setting(end: str) -> str:
    return f"{end}/providers/Microsoft.Insights/diagnosticSettings/default"


def _off(end: str) -> Change:
    def make(draft: Draft) -> None:
        for log in draft[_setting(end)]["properties"]["logs"]:
            log["enabled"] = False

    return make


def _settings() -> Iterator[Fault]:
    for end, (controls, category) in KEPT.items():
        setting = _setting(end)
        # no log of it is kept at all: that is also what every service is asked for
        yield Fault(f"the logs of {end} are kept by nobody", ("MON-DIAG-001", *controls), removes(setting))
        yield Fault(f"the logs of {end} are off", ("MON-DIAG-001", *controls), _off(end))
        # a destination that is gone is also no declared one; where its holder plays a part, a reference that leads nowhere
        lost = () if end.startswith(("publicIPAddresses", "networkSecurityGroups")) else ("GOV-REF-001",)
        dead = ("MON-DIAG-001", "MON-LAW-001", *lost, *controls)
        yield Fault(f"the logs of {end} go nowhere", dead, sets(setting, workspaceId=GONE))
        if category:
            part = sets(setting, logs=[{"category": category, "enabled": True}])
            # which categories of a workspace are audit logs only Azure's own list of them tells, which is not here
            told = ((), controls) if end == WORKSPACE else (controls, ())
            yield Fault(f"of the logs of {end} a part is kept", told[0], part, told[1])


def _monitoring() -> Iterator[Fault]:
    yield Fault("logs are kept for a week", ("MON-LAW-001",), sets(LOGS, retentionInDays=7))
    yield Fault("logs stop at a quota", ("MON-LAW-001",), sets(LOGS, workspaceCapping__dailyQuotaGb=1.0))

    def classic(draft: Draft) -> None:
        draft.drop("components/appinsights-app-chat01", "WorkspaceResourceId")

    yield Fault("the apps' Application Insights keeps its own data", ("MON-APPI-001",), classic)
    for end in WATCHED:
        name = end.rpartition("/")[2]
        # Azure OpenAI has another alert, on its use
        missed = () if name == "oai-chat01" else ("MON-ALERT-001",)
        yield Fault(f"the alert on {name} is gone", missed, removes(f"metricAlerts/alert-{name}"))
        yield Fault(f"the alert on {name} is off", missed, sets(f"metricAlerts/alert-{name}", enabled=False))
    # also an action group that reaches nobody
    mute = sets("actionGroups/ag-kv-chat01", enabled=False)
    yield Fault("the group that an alert notifies is off", ("MON-ALERT-001",), mute)
    nobody = sets("actionGroups/ag-kv-chat01", emailReceivers=[])
    yield Fault("the group that an alert notifies has no members", ("MON-ALERT-001",), nobody)
    yield Fault("the use of the model is not watched", ("AOAI-MON-001",), removes("metricAlerts/alert-tokens"))
    load = removes("metricAlerts/alert-search")
    yield Fault("the load of AI Search is not watched", ("SRCH-REL-002", "MON-ALERT-001"), load)
    link = removes("dataCollectionRuleAssociations/dcra-vminsights")
    yield Fault("nothing collects the jump box's logs", ("JMP-SEC-002", "MON-DIAG-014"), link)
    agent = removes("extensions/AzureMonitorWindowsAgent")
    yield Fault("the jump box has no agent", ("JMP-SEC-002", "MON-DIAG-014"), agent)


FAULTS = (*_settings(), *_monitoring())
