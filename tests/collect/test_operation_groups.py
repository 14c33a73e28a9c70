"""What the management packages' operation groups put on the wire, and what of their answers is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.metadata import version
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from auditor import resource_id as ids
from auditor.azure.catalogue import shipped
from auditor.collect.arm.client import PROVIDERS_VERSION, Arm
from auditor.collect.arm.operation_groups import GroupOperation, table
from auditor.collect.arm.refusals import Kind, Refused
from auditor.collect.arm.session import open_session
from auditor.collect.operations import SHIPPED
from auditor.collect.options import Auth, CollectOptions
from tests.collect.conftest import AMPLE, QUICK, SUB, estate, resource
from tests.simulator.client import Simulator
from tests.simulator.faults import LINK

GROUP = f"/subscriptions/{SUB}/resourceGroups/rg"
ACCOUNT = f"{GROUP}/providers/Microsoft.CognitiveServices/accounts/oai"
WORKSPACE = f"{GROUP}/providers/Microsoft.MachineLearningServices/workspaces/ml"
VERSIONS = {
    ("azure-mgmt-cognitiveservices", "14.1.0"): "2025-09-01",
    ("azure-mgmt-network", "33.1.0"): "2026-03-01",
    ("azure-mgmt-resource", "26.0.0"): "2025-04-01",
}
"""The API version that a version of a package asks in; azure-mgmt-machinelearningservices is asked for ours."""

BY_NO_PACKAGE = {
    "Microsoft.CognitiveServices/accounts/capabilityHosts",
    "Microsoft.CognitiveServices/accounts/projects/capabilityHosts",
    "Microsoft.MachineLearningServices/workspaces/outboundRules",
    "Microsoft.MachineLearningServices/workspaces/schedules",
    "Microsoft.Network/privateDnsZones/A",
    "Microsoft.Network/privateDnsZones/AAAA",
    "Microsoft.Network/privateDnsZones/CNAME",
    "Microsoft.Network/privateDnsZones/virtualNetworkLinks",
    "Microsoft.Resources/subscriptions/locations",
}

Sent = tuple[str, str, str]


@pytest.fixture
def arm(simulator: Simulator) -> Iterator[Arm]:
    simulator.serve(estate())
    options = CollectOptions(
        auth=Auth.MANAGED_IDENTITY, arm_endpoint=simulator.url, retry=QUICK, quota_share=1.0, quotas=AMPLE
    )
    opened = open_session(options, None).arm
    yield opened
    opened.close()


def sent(simulator: Simulator) -> list[Sent]:
    """Return method, path and API version of the requests."""
    parts = [(one["method"], urlsplit(one["path"])) for one in simulator.requests()]
    return [
        (method, unquote(url.path).lower(), parse_qs(url.query)["api-version"][0])
        for method, url in parts
        if url.path.startswith("/subscriptions/")
    ]


def path_of(operation: GroupOperation, name: str = "a-1") -> str:
    """Return a path that an operation reads."""
    shape = operation.shape.pattern.replace("[^/]+", SUB, 1)
    for argument in operation.shape.groupindex:
        shape = shape.replace(f"(?P<{argument}>[^/]+)", "eastus2" if argument == "location" else name)
    return shape.replace("\\", "")


def least_for(path: str) -> str:
    """Return the API version that shows what rules read of what lies at a path."""
    for operation in SHIPPED:
        own = operation.path.replace("{location}", "eastus2").lower()
        if path.lower() in {f"/subscriptions/{SUB}{own}".lower(), f"{GROUP}{own}".lower()}:
            return operation.api_version
    spelled = ids.type_of(path) or ids.type_of(f"{path}/x")
    known = shipped().read_version(spelled) if spelled else None
    return known or PROVIDERS_VERSION


def ask(arm: Arm, operation: GroupOperation, path: str, least: str) -> str:
    is_list = operation.method.startswith("list") and operation.group != "service_tags"
    return arm.list_all(path, least).api_version if is_list else arm.get(path, least).api_version


@pytest.mark.parametrize("operation", table(), ids=str)
def test_what_a_package_sends_is_one_read_in_a_version_that_shows_enough(
    simulator: Simulator, arm: Arm, operation: GroupOperation
) -> None:
    simulator.serve(estate(), faults=[{"match": "^GET /subscriptions", "status": 200, "body": {"value": []}}])
    path = path_of(operation)
    least = least_for(path)

    told = ask(arm, operation, path, least)

    [(method, asked, api_version)] = sent(simulator)
    assert (method, asked, api_version) == ("GET", path.lower(), told)
    assert api_version >= least
    package = f"azure-mgmt-{operation.package}"
    own = VERSIONS.get((package, version(package)))
    assert own is None or api_version == own
    assert operation.package != "machinelearningservices" or api_version == least


def test_the_packages_read_all_that_they_have_operations_for() -> None:
    names = "cognitiveservices", "machinelearningservices", "network", "resources"
    unread = {
        operation.yields
        for operation in SHIPPED
        if operation.yields.lower().partition("/")[0] in {f"microsoft.{name}" for name in names}
        and not any(known.shape.fullmatch(_below(operation.on) + operation.path) for known in table())
    }

    assert unread == BY_NO_PACKAGE


def _below(start: str) -> str:
    if start == ids.SUBSCRIPTIONS:
        return f"/subscriptions/{SUB}"
    namespace, *names = start.split("/")
    return f"{GROUP}/providers/{namespace}/" + "/".join(f"{name}/x" for name in names)


@pytest.mark.parametrize("name", ["a (b)", "ä", "a.b_c-d", "%41", "a+b"])
def test_names_reach_azure_as_they_are(simulator: Simulator, arm: Arm, name: str) -> None:
    simulator.serve(estate(), faults=[{"match": "^GET /subscriptions", "status": 200, "body": {"value": []}}])
    group = f"/subscriptions/{SUB}/resourceGroups/{name}/providers"

    arm.list_all(f"{group}/Microsoft.CognitiveServices/accounts/{name}/deployments", "2024-10-01")
    arm.get(f"{group}/Microsoft.Network/virtualNetworks/{name}", "2024-05-01")
    arm.get(f"{group}/Microsoft.KeyVault/vaults/{name}", "2023-07-01")

    assert [path.split("/")[4] for _, path, _ in sent(simulator)] == [name] * 3
    assert [path.split("/")[8] for _, path, _ in sent(simulator)] == [name] * 3


def test_a_resource_of_any_type_is_read_by_its_id_in_the_version_that_is_asked_for(
    simulator: Simulator, arm: Arm
) -> None:
    vault = resource("Microsoft.KeyVault/vaults/kv", properties={"sku": {"name": "standard"}, "newer": [1, None]})
    simulator.serve(estate(vault))

    answer = arm.get(vault["id"], "2023-07-01")

    assert answer.value == vault
    assert sent(simulator) == [("GET", vault["id"].lower(), "2023-07-01")]


def deployments(**more: Any) -> list[dict[str, Any]]:
    return [
        resource(f"Microsoft.CognitiveServices/accounts/oai/deployments/d{number}", properties={"n": number, **more})
        for number in range(5)
    ]


def test_the_body_is_kept_as_it_came_whatever_the_model_knows(simulator: Simulator, arm: Arm) -> None:
    odd = {"unknown": {"a": [1, None, {}]}, "model": "not an object", "rateLimits": 7, "currentCapacity": "many"}
    children = deployments(**odd)
    simulator.serve(estate(resource("Microsoft.CognitiveServices/accounts/oai"), *children), page_size=2)

    listing = arm.list_all(f"{ACCOUNT}/deployments", "2024-10-01")

    assert listing.refusal is None
    assert listing.items == children
    assert len(sent(simulator)) == 3


@pytest.mark.parametrize(
    ("owner", "word"), [(ACCOUNT, "deployments"), (WORKSPACE, "computes")], ids=["own version", "our version"]
)
def test_every_page_is_asked_for_in_the_same_version(simulator: Simulator, arm: Arm, owner: str, word: str) -> None:
    below = owner.removeprefix(f"{GROUP}/providers/")
    children = [resource(f"{below}/{word}/c{number}") for number in range(5)]
    simulator.serve(estate(resource(below), *children), page_size=2)

    listing = arm.list_all(f"{owner}/{word}", "2025-06-01")

    assert listing.items == children
    versions = {api_version for _, _, api_version in sent(simulator)}
    assert len(versions) == 1
    assert min(versions) >= "2025-06-01"


@pytest.mark.parametrize("do", LINK)
@pytest.mark.parametrize(
    ("owner", "word"),
    [(ACCOUNT, "deployments"), (f"{GROUP}/providers/Microsoft.Network/privateEndpoints/pe", "privateDnsZoneGroups")],
    ids=["cognitiveservices", "network"],
)
def test_a_package_follows_no_link_that_leads_away(
    simulator: Simulator, arm: Arm, owner: str, word: str, do: str
) -> None:
    below = owner.removeprefix(f"{GROUP}/providers/")
    children = [resource(f"{below}/{word}/c{number}") for number in range(5)]
    simulator.serve(estate(resource(below), *children), page_size=2, faults=[{"match": f"^PAGE .*{word} 0", "do": do}])

    listing = arm.list_all(f"{owner}/{word}", "2024-10-01")

    assert listing.refusal is not None
    assert listing.refusal.kind is Kind.CUT
    assert listing.items == children[:2]
    assert {path for _, path, _ in sent(simulator)} == {f"{owner}/{word}".lower()}


def test_a_provider_that_is_not_registered_stays_so(simulator: Simulator, arm: Arm) -> None:
    account = resource("Microsoft.CognitiveServices/accounts/oai")
    simulator.serve(estate(account), unregistered=["Microsoft.CognitiveServices"])

    reads: list[Callable[[], object]] = [
        lambda: arm.list_all(f"{ACCOUNT}/deployments", "2024-10-01"),
        lambda: arm.get(ACCOUNT, "2024-10-01"),
    ]
    for read in reads:
        with pytest.raises(Refused) as raised:
            read()
        assert raised.value.refusal.kind is Kind.UNREGISTERED

    assert {method for method, _, _ in sent(simulator)} == {"GET"}


def test_where_a_cloud_does_not_know_the_package_s_version_ours_is_asked(simulator: Simulator, arm: Arm) -> None:
    children = deployments()
    account = resource("Microsoft.CognitiveServices/accounts/oai")
    kind = "microsoft.cognitiveservices/accounts/deployments"
    simulator.serve(estate(account, *children), versions={kind: ["2023-05-01", "2024-10-01"]})

    first, again = (arm.list_all(f"{ACCOUNT}/deployments", "2024-10-01") for _ in range(2))

    assert first.items == again.items == children
    assert first.api_version == again.api_version == "2024-10-01"
    assert len(sent(simulator)) <= 3
