"""A report made by hand, with the names that strangers could choose."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from auditor.model import (
    ControlCoverage,
    Coverage,
    DrawnCall,
    DrawnComponent,
    Evidence,
    Exemption,
    Finding,
    Gap,
    NetworkPair,
    OpenGap,
    Report,
    RuleInfo,
    SettlingPermission,
    Severity,
    SnapshotIdentity,
    Status,
    TypeCoverage,
    WorkloadPicture,
)

SUBSCRIPTION = "00000000-0000-4000-8000-0000000000A1"
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-chat"
ACCOUNTS = f"{GROUP}/providers/Microsoft.CognitiveServices/accounts"
VAULTS = f"{GROUP}/providers/Microsoft.KeyVault/vaults"

NASTY_NAMES = (
    "|a|b|",
    "<script>alert(1)</script>",
    "`tick` and ``two``",
    "@octocat #1 https://evil.example www.evil.example",
    "[click](javascript:alert(1))",
    "=HYPERLINK(1)",
    "esc\x1b[31mred\x1b]8;;x\x07",
    "line\r\nbreak\u2028and\u2029more",
    "\u202egnp.exe",
    "検索サービス",
    "back\\slash\\|",
    "</details>",
)

PUBLIC = Evidence(
    path="properties.publicNetworkAccess",
    operator="equals",
    expected="Disabled",
    actual=None,
    assumed="Enabled",
    absent=True,
    source="arm",
    api_version="2024-10-01",
)

OPENAI_PUBLIC = Finding(
    rule_id="openai-public-network-access-off",
    severity=Severity.CRITICAL,
    status=Status.FAIL,
    resource_id=f"{ACCOUNTS}/oai-chat01",
    resource_type="Microsoft.CognitiveServices/accounts",
    message="Public network access is on, because it was never set; set publicNetworkAccess to Disabled.",
    workload="chat01",
    component="openai",
    location="eastus2",
    evidence=(PUBLIC,),
    remediation_cli="az resource update --ids $ID --set properties.publicNetworkAccess=Disabled",
    fingerprint="f1",
    collected_at="2024-02-06T10:00:00Z",
    controls={"openai-chat": ("AOAI-NET-001",), "mcsb": ("NS-2", "NS-1")},
)

VAULT_NETWORK = replace(
    OPENAI_PUBLIC,
    rule_id="keyvault-network-closed",
    severity=Severity.HIGH,
    resource_type="Microsoft.KeyVault/vaults",
    component="key-vault",
    message="The vault accepts traffic from any network.",
    controls={"mcsb": ("NS-2",)},
    evidence=(
        replace(PUBLIC, path="properties.networkAcls.defaultAction", expected="Deny", actual="Allow",
                assumed=None, absent=False),
        replace(PUBLIC, path="properties.networkAcls.ipRules[*].value", operator="notIn", expected=["0.0.0.0/0"],
                actual=7, assumed=None, absent=False, source="resource-graph", name="open range"),
    ),
)  # fmt: skip

ROUTE = Finding(
    rule_id="subnet-private-endpoints-closed",
    severity=Severity.HIGH,
    status=Status.FAIL,
    resource_id=f"{GROUP}/providers/Microsoft.Network/virtualNetworks/vnet-chat/subnets/snet-pe",
    resource_type="fact/network.effective-inbound",
    sub_object="Internet",
    message="The internet reaches snet-pe on TCP 443, by the rule allow-all of nsg-pe.",
    workload="chat01",
    evidence=(replace(PUBLIC, path="allowed[*].ports", operator="in", expected=[], actual=["443"],
                      assumed=None, absent=False),),
    witness={"source": "203.0.113.7", "destination": "10.0.2.4", "protocol": "TCP", "port": 443},
    fingerprint="f2",
)  # fmt: skip

MISSING = Finding(
    rule_id="architecture-components-present",
    severity=Severity.CRITICAL,
    status=Status.FAIL,
    resource_id=None,
    resource_type="fact/inventory.component",
    message="No firewall controls the traffic that leaves the network; deploy Azure Firewall in AzureFirewallSubnet.",
    workload="chat01",
    component="firewall",
    evidence=(Evidence("bound", "greater", 0, 0),),
    is_absence=True,
    fingerprint="f3",
)

EXEMPT = replace(
    OPENAI_PUBLIC,
    resource_id=f"{ACCOUNTS}/oai-test",
    exemption=Exemption(
        id="EX-1",
        rule="openai-public-network-access-off",
        scope=GROUP,
        reason="Test account without data",
        approved_by="ciso@contoso.example",
        ticket="SEC-1",
        expires_on="2024-12-31",
    ),
    fingerprint="f4",
)

UNREAD = replace(
    OPENAI_PUBLIC,
    rule_id="openai-content-filter-strict",
    severity=Severity.MEDIUM,
    status=Status.UNKNOWN,
    message="The content filters of oai-chat01 could not be read.",
    evidence=(),
    unknown_reason="forbidden",
    missing_permission="Microsoft.CognitiveServices/accounts/raiPolicies/read",
    fingerprint="f5",
)

PASSED = replace(OPENAI_PUBLIC, resource_id=f"{ACCOUNTS}/oai-good", status=Status.PASS, message="Closed.",
                 fingerprint="f6",
                 evidence=(replace(PUBLIC, actual="Disabled", assumed=None, absent=False),))  # fmt: skip
SKIPPED = replace(OPENAI_PUBLIC, resource_id=f"{ACCOUNTS}/speech", status=Status.NOT_APPLICABLE, message="Not OpenAI.",
                  evidence=(), fingerprint="f7")  # fmt: skip

GAP = Gap(GROUP, "Microsoft.CognitiveServices/accounts/raiPolicies", "forbidden",
          "Microsoft.CognitiveServices/accounts/raiPolicies/read")  # fmt: skip


OPEN_GAP = OpenGap(
    gap=GAP,
    settled_by=f"grant {GAP.permission}",
    findings=1,
    rules=["openai-content-filter-strict"],
    controls=[("mcsb", "NS-2"), ("openai-chat", "AOAI-NET-001")],
)
COVERAGE = Coverage(
    gaps=[OPEN_GAP, *(OpenGap(Gap(f"{GROUP}/{name}", "properties", name), "collect it again") for name in NASTY_NAMES)],
    grants=[SettlingPermission(str(GAP.permission), 1)],
    types=[
        TypeCoverage("Microsoft.CognitiveServices/accounts", 4, 3, 0, 1, 0),
        TypeCoverage("Microsoft.CognitiveServices/accounts/raiPolicies", 0, 0, 0, 0, 1),
        TypeCoverage("Microsoft.Network/networkInterfaces", 12, 0, 12, 0, 0),
    ],
    controls=[
        ControlCoverage(
            framework="openai-chat",
            id="AOAI-NET-001",
            status=Status.FAIL,
            by_status={Status.PASS: 1, Status.FAIL: 2, Status.UNKNOWN: 1, Status.NOT_APPLICABLE: 1},
            rules=["openai-content-filter-strict", "openai-public-network-access-off"],
            judged={"Microsoft.CognitiveServices/accounts": 3},
            evidence=["Microsoft.Network/networkInterfaces"],
            facts=["content_filter.deployment"],
            gaps=[OPEN_GAP],
        )
    ],
    unmet={"met-nothing-0": "Does not apply: nothing to judge, no <b>thing</b> in the estate."},
)


PICTURE = WorkloadPicture(
    workload="chat01",
    anchor_id=f"{ACCOUNTS}/oai-chat01",
    components=[
        DrawnComponent("gateway", "Application Gateway", "Way in", is_required=True, resource_ids=[f"{GROUP}/providers/x/y/agw"],
                       visitors="users"),
        DrawnComponent("openai", "Azure OpenAI account", "Models", is_required=True, not_known="accounts: forbidden"),
        DrawnComponent("firewall", "Azure Firewall", "Way in", is_required=True),
        DrawnComponent("odd", "what nobody asked for & <b>", "", is_required=False, resource_ids=[f"{GROUP}/providers/x/y/z"]),
        DrawnComponent("search", "AI Search service", "Models", is_required=False),
    ],
    calls=[
        DrawnCall("gateway", "openai", is_seen=True), DrawnCall("gateway", "firewall", is_seen=False),
        DrawnCall("gateway", "odd", is_seen=False), DrawnCall("odd", "gateway", is_seen=True),
        DrawnCall("gateway", "search", is_seen=False),
    ],
    network=[
        NetworkPair("snet-a", "subnet/a", "Internet", "", "yes", is_partial=True, passes=["TCP 443, by rule web"],
                    stopped=["UDP any, by rule deny"], packet={"source": "10.0.0.4", "destination": "8.8.8.8", "protocol": "Tcp",
                    "path": [{"access": "Allow", "filter": "nsg-a", "rule": "web", "priority": 100, "direction": "Outbound"}]}),
        NetworkPair("Internet", "", "snet-a", "subnet/a", "unknown", is_partial=False, unknowns=["nsg-a: forbidden"]),
    ],
)  # fmt: skip


OPENAI_RULE = RuleInfo(
    id="openai-public-network-access-off",
    title="Azure OpenAI accounts accept no public network traffic",
    severity=Severity.CRITICAL,
    rationale="A public endpoint takes prompts from whoever has a key.",
    remediation="Set publicNetworkAccess to Disabled.",
    references=("https://learn.microsoft.com/azure/ai-services/cognitive-services-virtual-networks",),
    controls={"openai-chat": ("AOAI-NET-001",), "mcsb": ("NS-2", "NS-1")},
    file="rules/openai/openai-public-network-access-off.yaml",
    line=1,
)
VAULT_RULE = replace(
    OPENAI_RULE,
    id="keyvault-network-closed",
    title="Key vaults deny traffic by default",
    severity=Severity.HIGH,
    controls={"mcsb": ("NS-2",)},
)
ROUTE_RULE = replace(
    VAULT_RULE,
    id="subnet-private-endpoints-closed",
    title="The subnet of the private endpoints takes traffic from expected subnets only",
    remediation="",
    controls={},
)
RULES = (
    OPENAI_RULE,
    VAULT_RULE,
    ROUTE_RULE,
    replace(
        ROUTE_RULE,
        id="architecture-components-present",
        title="Every required component of the architecture is there",
        severity=Severity.CRITICAL,
    ),
    replace(
        OPENAI_RULE,
        id="openai-content-filter-strict",
        title="Content filters are at least as strict as the table",
        severity=Severity.MEDIUM,
    ),
    replace(VAULT_RULE, id="storage-nasty", title="Names | from <strangers>", severity=Severity.LOW),
    *(replace(ROUTE_RULE, id=f"met-nothing-{number}") for number in range(3)),
)


def named(name: str) -> Finding:
    """Return a failing vault of that name, its message and values holding the name too."""
    message = f"The vault {name} accepts traffic from any network."
    leaf = replace(PUBLIC, actual=name, assumed=None, absent=False)
    return replace(
        VAULT_NETWORK,
        resource_id=f"{VAULTS}/{name.replace('/', '')}",
        message=message,
        evidence=(leaf,),
        fingerprint=name,
    )


def report_of(*findings: Finding, gaps: tuple[Gap, ...] = (), notices: tuple[str, ...] = ()) -> Report:
    """Return a report on these findings alone."""
    return Report(
        tool_version="0.1.0",
        baseline_name="openai-chat",
        baseline_version="2024.1",
        snapshot=SnapshotIdentity(
            sha256="0123456789abcdef" * 4,
            collected_at="2024-02-06T10:00:00Z",
            scope={"subscriptions": [SUBSCRIPTION]},
            subscription_names={SUBSCRIPTION.lower(): "Chat | production"},
        ),
        as_of=datetime(2024, 2, 6, 12, tzinfo=UTC),
        as_of_source="snapshot",
        rules={rule.id: rule for rule in RULES},
        resources=158,
        findings=findings,
        gaps=gaps,
        notices=notices,
    )


@pytest.fixture
def report() -> Report:
    """Return a report with every status, an exemption, a missing component, a gap and hostile names."""
    vaults = [
        replace(VAULT_NETWORK, resource_id=f"{VAULTS}/kv-{number}", fingerprint=f"v{number}") for number in range(3)
    ]
    nasty = [named(name) for name in NASTY_NAMES]
    storage = [replace(each, rule_id="storage-nasty", severity=Severity.LOW) for each in nasty]
    made = report_of(
        SKIPPED, PASSED, UNREAD, EXEMPT, MISSING, ROUTE, OPENAI_PUBLIC, *vaults, *storage,
        gaps=(GAP,),
        notices=("The subnet snet-agents was bound by its name.", "No resource for rule search-replicas\x1b[2J."),
    )  # fmt: skip
    return replace(made, coverage=COVERAGE, pictures=[PICTURE])


@pytest.fixture
def make_report() -> Callable[..., Report]:
    """Return the maker of reports on findings given."""
    return report_of
