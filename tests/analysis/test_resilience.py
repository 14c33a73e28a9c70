"""What is spread over zones, and how many instances are sure to run."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from auditor.analysis.contract import Context
from auditor.analysis.resilience.analysis import ANALYSIS
from auditor.model import Gap
from tests.estates.derived import Derived

Body = dict[str, Any]
FactsOf = Callable[..., list[Derived]]
Make = Callable[..., Context]

RG = "/subscriptions/s/resourceGroups/rg/providers"
PLAN = f"{RG}/Microsoft.Web/serverfarms/plan"
AUTOSCALE = "Microsoft.Insights/autoscalesettings"


def _body(type_name: str, location: str = "eastus2", **more: Any) -> Body:
    return {"id": f"{RG}/{type_name}/x", "name": "x", "location": location, **more}


def _plan(capacity: Any = 3, **properties: Any) -> Body:
    sku = {"name": "P1v3", "tier": "PremiumV3", "capacity": capacity}
    return {"id": PLAN, "name": "plan", "location": "East US 2", "sku": sku, "properties": properties}


def _autoscale(*profiles: Body, enabled: Any = True) -> Body:
    properties = {"targetResourceUri": PLAN.upper(), "enabled": enabled, "profiles": list(profiles)}
    return {"id": f"{RG}/{AUTOSCALE}/a", "properties": properties}


def _profile(minimum: Any, default: Any = "3") -> Body:
    return {"name": "p", "capacity": {"minimum": minimum, "default": default, "maximum": "9"}, "rules": []}


@pytest.fixture
def spread(make: Make, facts_of: FactsOf) -> Callable[..., Derived]:
    """Return a function that gives the one spread of a small estate."""

    def run(*bodies: Body, **options: Any) -> Derived:
        (fact,) = facts_of(ANALYSIS, make(bodies, **options), "zones.resource")
        return fact

    return run


@pytest.fixture
def instances(make: Make, facts_of: FactsOf) -> Callable[..., Derived]:
    """Return a function that gives the one number of instances of a small estate."""

    def run(*bodies: Body, **options: Any) -> Derived:
        (fact,) = facts_of(ANALYSIS, make(bodies, **options), "zones.instances")
        return fact

    return run


def test_z1_a_plan_that_says_nothing_is_not_zone_redundant(spread: Callable[..., Derived]) -> None:
    fact = spread(_plan())
    assert (fact.fields["redundant"], fact.fields["evidenceGrade"]) == (False, "none")
    assert fact.fields["regionHasZones"] is True


def test_z2_a_region_that_is_not_listed_is_not_known(spread: Callable[..., Derived]) -> None:
    unknown = spread(_body("Microsoft.Web/serverfarms", "marswest1"))
    assert "regionHasZones" in unknown.uncollected
    assert unknown.uncollected["regionHasZones"].permission


def test_z2_collected_locations_decide_over_the_list(spread: Callable[..., Derived]) -> None:
    locations = [{"name": "marswest1", "availabilityZoneMappings": [{"logicalZone": "1"}]}, {"name": "eastus2"}]
    options = {"metadata": {"locations": locations}}
    assert spread(_body("Microsoft.Web/serverfarms", "Mars West 1"), **options).fields["regionHasZones"] is True
    assert spread(_plan(), **options).fields["regionHasZones"] is False


def test_a_neighbour_in_a_zone_shows_that_the_region_has_zones(spread: Callable[..., Derived]) -> None:
    machine = _body("Microsoft.Compute/virtualMachines", "marswest1", zones=["1"])
    assert spread(_body("Microsoft.Web/serverfarms", "marswest1"), machine).fields["regionHasZones"] is True


@pytest.mark.parametrize(
    ("replicas", "redundant", "sla"), [(3, True, "read-write"), (2, True, "read-only"), (1, False, "none")]
)
def test_z3_replicas_say_which_promise_they_carry(
    spread: Callable[..., Derived], instances: Callable[..., Derived], replicas: int, sla: str, *, redundant: bool
) -> None:
    search = _body("Microsoft.Search/searchServices", sku={"name": "standard"}, properties={"replicaCount": replicas})
    assert spread(search).fields["redundant"] is redundant
    fact = instances(search)
    assert (fact.fields["instances"], fact.fields["sla"]) == (replicas, sla)


@pytest.mark.parametrize(
    ("gateway", "redundant", "grade"),
    [
        ({"zones": ["1", "2"]}, True, "explicit"),
        ({"zones": ["1"]}, False, "explicit"),
        ({"zones": ["1", "1"]}, False, "explicit"),
        ({}, True, "platform default"),
    ],
)
def test_z4_zones_of_a_gateway_are_read_at_the_top(
    spread: Callable[..., Derived], gateway: Body, grade: str, *, redundant: bool
) -> None:
    properties = {"sku": {"tier": "WAF_v2"}, "zones": ["1", "2", "3"], "autoscaleConfiguration": {"minCapacity": 3}}
    fact = spread(_body("Microsoft.Network/applicationGateways", properties=properties, **gateway))
    assert (fact.fields["redundant"], fact.fields["evidenceGrade"]) == (redundant, grade)


def test_a_gateway_of_the_first_generation_is_never_spread_by_default(spread: Callable[..., Derived]) -> None:
    gateway = _body("Microsoft.Network/applicationGateways", properties={"sku": {"tier": "WAF"}})
    assert spread(gateway).fields["redundant"] is False


@pytest.mark.parametrize(("stated", "grade"), [("Enabled", "explicit"), ("Disabled", "platform default")])
def test_a_registry_is_spread_by_the_platform(spread: Callable[..., Derived], stated: str, grade: str) -> None:
    registry = _body("Microsoft.ContainerRegistry/registries", properties={"zoneRedundancy": stated})
    fact = spread(registry)
    assert (fact.fields["redundant"], fact.fields["evidenceGrade"]) == (True, grade)


@pytest.mark.parametrize(
    ("sku", "kind", "redundant"),
    [("Standard_RAGZRS", "StorageV2", True), ("Standard_LRS", "StorageV2", False), ("Standard_ZRS", "Storage", False)],
)
def test_storage_is_as_redundant_as_its_sku(
    spread: Callable[..., Derived], sku: str, kind: str, *, redundant: bool
) -> None:
    fact = spread(_body("Microsoft.Storage/storageAccounts", sku={"name": sku}, kind=kind))
    assert fact.fields["redundant"] is redundant


@pytest.mark.parametrize(
    ("bodies", "expected"),
    [
        ([_plan()], 3),
        ([_plan("4")], 4),
        ([_plan(), _autoscale(_profile("1"))], 1),
        ([_plan(), _autoscale(_profile(3), _profile("2"))], 2),
        ([_plan(), _autoscale(_profile("3", default="1"))], 1),
        ([_plan(), _autoscale(_profile("1"), enabled=False)], 3),
        ([_plan(), _autoscale(_profile("1"), enabled=None)], 3),
    ],
    ids=["capacity", "text", "minimum", "weekend profile", "default", "switched off", "off by default"],
)
def test_the_least_number_counts_after_scaling_in(
    instances: Callable[..., Derived], bodies: list[Body], expected: int
) -> None:
    fact = instances(*bodies)
    assert (fact.fields["instances"], fact.fields["required"]) == (expected, 3)


def test_autoscale_settings_that_were_not_read_leave_enough_instances_unknown(
    instances: Callable[..., Derived],
) -> None:
    gap = Gap("/subscriptions/s", AUTOSCALE, "forbidden")
    assert instances(_plan(), gaps=[gap]).uncollected["instances"] == gap
    assert instances(_plan(2), gaps=[gap]).fields["instances"] == 2


@pytest.mark.parametrize("minimum", [None, "many", [3], {}])
def test_a_minimum_that_is_no_number_is_not_known(instances: Callable[..., Derived], minimum: Any) -> None:
    assert "instances" in instances(_plan(), _autoscale(_profile(minimum))).uncollected


def _online(traffic: Any) -> list[Body]:
    endpoint = f"{RG}/Microsoft.MachineLearningServices/workspaces/w/onlineEndpoints/e"
    return [
        {"id": endpoint, "properties": {"traffic": traffic}},
        {"id": f"{endpoint}/deployments/Blue", "sku": {"capacity": 1}},
    ]


@pytest.mark.parametrize(("traffic", "count"), [({"blue": 100}, 1), ({"blue": 0}, 0), ({"green": 100}, 0), (None, 0)])
def test_only_deployments_that_take_traffic_count(make: Make, facts_of: FactsOf, traffic: Any, count: int) -> None:
    found = facts_of(ANALYSIS, make(_online(traffic)), "zones.instances")
    assert [fact.fields["instances"] for fact in found] == [1] * count


@pytest.mark.parametrize(
    ("capacity", "most", "redundant"),
    [(3, None, True), (2, 3, True), (2, 2, True), (2, None, None), (1, 3, False), (1, None, False), (3, 1, False)],
)
def test_two_instances_suffice_where_the_platform_says_how_many_zones_it_can_use(
    spread: Callable[..., Derived], capacity: int, most: int | None, *, redundant: bool | None
) -> None:
    stated = {} if most is None else {"maximumNumberOfZones": most}
    fact = spread(_plan(capacity, zoneRedundant=True, **stated))
    assert fact.fields.get("redundant") is redundant
    assert ("redundant" in fact.uncollected) is (redundant is None)


def test_a_plan_that_keeps_no_instances_is_spread_by_the_platform(spread: Callable[..., Derived]) -> None:
    plan = _plan(0, zoneRedundant=True) | {"sku": {"name": "FC1", "tier": "FlexConsumption", "capacity": 0}}
    assert spread(plan).fields["redundant"] is True


@pytest.mark.parametrize(("tier", "location"), [("PremiumV9", "eastus2"), ("PremiumV3", "atlantis")])
def test_what_is_newer_than_the_data_is_not_known_and_the_day_of_the_data_is_told(
    spread: Callable[..., Derived], tier: str, location: str
) -> None:
    plan = _plan(3) | {"location": location, "sku": {"name": "x", "tier": tier, "capacity": 3}}
    reasons = [gap.reason for gap in spread(plan).uncollected.values()]
    assert reasons
    assert all(re.search(r"\(data of 20\d\d-\d\d-\d\d\)$", reason) for reason in reasons)
