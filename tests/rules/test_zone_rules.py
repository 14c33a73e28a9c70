"""Rules on zones and instances: what a tier or a region that is not known may and may not lead to."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.azure.reference_data import datasets
from tests.audit.judging import judged
from tests.e2e.command import GROUP

Body = dict[str, Any]

PLAN_SPREAD, ENOUGH, BOTH_WAYS = "app-plan-zone-redundant", "app-plan-minimum-instances", "app-plan-scales-both-ways"
GATEWAY_SPREAD, IN_ZONAL_REGION = "gateway-zone-redundant", "region-has-zones"
_SPREADABLE = [
    row[1] for row in datasets.load("skus").rows if row[0] == "Microsoft.Web/serverfarms" and row[3] == "yes"
]
_LISTED_REGIONS = dict(datasets.load("regions").rows)


def _plan(tier: str | None, name: str = "", *, zones: bool | None = True, capacity: int = 3, **more: Any) -> Body:
    sku = {"name": name, "tier": tier, "capacity": capacity}
    return {
        "id": f"{GROUP}/providers/Microsoft.Web/serverfarms/plan",
        "type": "Microsoft.Web/serverfarms",
        "location": "northeurope",
        "sku": {key: value for key, value in sku.items() if value is not None},
        "properties": {"zoneRedundant": zones} if zones is not None else {},
        **more,
    }


def _gateway(region: str, tier: str = "WAF_v2", **more: Any) -> Body:
    return {
        "id": f"{GROUP}/providers/Microsoft.Network/applicationGateways/gw",
        "type": "Microsoft.Network/applicationGateways",
        "location": region,
        "properties": {
            "sku": {"name": tier, "tier": tier},
            "autoscaleConfiguration": {"minCapacity": 3, "maxCapacity": 6},
        },
        **more,
    }


def _verdict(rule: str, *resources: Body, **beside: Any) -> str:
    """Return what a rule says of the first resource; `nothing` where it has no finding on it."""
    found = judged({"resources": list(resources), **beside}, rule).findings
    named = [one.status.value for one in found if (one.resource_id or "").lower() == resources[0]["id"].lower()]
    assert len(named) <= 1
    return named[0] if named else "nothing"


@pytest.mark.parametrize("tier", _SPREADABLE)
def test_a_plan_of_a_tier_that_can_be_spread_passes_where_it_is(tier: str) -> None:
    assert _verdict(PLAN_SPREAD, _plan(tier)) == "pass"
    assert _verdict(PLAN_SPREAD, _plan(tier.upper())) == "pass"


@pytest.mark.parametrize("zones", [True, False, None])
def test_a_plan_of_a_tier_that_is_not_listed_is_never_accused(zones: bool | None) -> None:  # noqa: FBT001
    assert _verdict(PLAN_SPREAD, _plan("PremiumV9", "P1v9", zones=zones)) == "unknown"


def test_the_size_tells_the_tier_where_its_spelling_is_new() -> None:
    assert _verdict(PLAN_SPREAD, _plan("Premium0V4", "P0v4")) == "pass"
    assert _verdict(PLAN_SPREAD, _plan(None, "P1v3")) == "pass"


def test_a_plan_of_a_tier_without_zones_fails() -> None:
    assert _verdict(PLAN_SPREAD, _plan("Standard", "S1")) == "fail"


def test_a_plan_that_is_not_spread_fails_where_its_tier_could_be() -> None:
    assert _verdict(PLAN_SPREAD, _plan("ElasticPremium", "EP2", zones=False)) == "fail"
    assert _verdict(PLAN_SPREAD, _plan("FlexConsumption", "FC1", zones=False, capacity=0)) == "fail"


@pytest.mark.parametrize("rule", [PLAN_SPREAD, ENOUGH, BOTH_WAYS])
def test_a_consumption_plan_has_no_instances_to_keep_or_to_scale(rule: str) -> None:
    assert _verdict(rule, _plan("Dynamic", "Y1", zones=False, capacity=0)) == "not_applicable"


@pytest.mark.parametrize("rule", [ENOUGH, BOTH_WAYS])
def test_a_flex_consumption_plan_has_no_instances_to_keep_or_to_scale(rule: str) -> None:
    assert _verdict(rule, _plan("FlexConsumption", "FC1", capacity=0)) == "not_applicable"


@pytest.mark.parametrize(("capacity", "verdict"), [(1, "unknown"), (3, "pass")])
def test_whether_a_plan_of_a_tier_that_is_not_listed_keeps_instances_is_not_known(capacity: int, verdict: str) -> None:
    assert _verdict(ENOUGH, _plan("PremiumV9", capacity=capacity)) == verdict


@pytest.mark.parametrize(("maximum", "verdict"), [(20, "pass"), (3, "fail"), (None, "unknown")])
def test_an_elastic_premium_plan_scales_itself_up_to_its_maximum(maximum: int | None, verdict: str) -> None:
    plan = _plan("ElasticPremium", "EP1")
    plan["properties"] |= {} if maximum is None else {"maximumElasticWorkerCount": maximum}

    assert _verdict(BOTH_WAYS, plan) == verdict


@pytest.mark.parametrize(
    ("automatic", "maximum", "verdict"),
    [(True, 20, "pass"), (True, 3, "fail"), (True, None, "unknown"), (False, 20, "fail"), (None, 20, "fail"), (1, 20, "unknown")],
)  # fmt: skip
def test_a_premium_plan_scales_itself_where_automatic_scaling_is_on(
    automatic: object, maximum: int | None, verdict: str
) -> None:
    plan = _plan("PremiumV3", "P1v3")
    stated = {"elasticScaleEnabled": automatic, "maximumElasticWorkerCount": maximum}
    plan["properties"] |= {name: value for name, value in stated.items() if value is not None}

    assert _verdict(BOTH_WAYS, plan) == verdict


@settings(max_examples=30, deadline=None)
@given(st.text(min_size=1, max_size=12).filter(str.strip), st.sampled_from([True, False, None]))
def test_no_name_of_a_tier_that_is_not_listed_fails(tier: str, zones: bool | None) -> None:  # noqa: FBT001
    names = {name.lower() for row in datasets.load("skus").rows for name in (row[1], *row[2].split(", "))}
    if tier.lower() not in names:
        assert _verdict(PLAN_SPREAD, _plan(tier, zones=zones)) == "unknown"
        assert _verdict(ENOUGH, _plan(tier, capacity=0)) == "unknown"
        assert _verdict(BOTH_WAYS, _plan(tier)) == "unknown"


def test_nothing_is_spread_by_the_platform_in_a_region_without_zones() -> None:
    assert _verdict(GATEWAY_SPREAD, _gateway("northcentralus")) == "not_applicable"
    assert _verdict(GATEWAY_SPREAD, _gateway("North Central US")) == "not_applicable"
    assert _verdict(IN_ZONAL_REGION, _gateway("northcentralus")) == "fail"


def test_in_a_region_that_is_not_listed_it_is_not_known_whether_the_platform_spreads() -> None:
    assert _verdict(IN_ZONAL_REGION, _gateway("moonbase")) == "unknown"
    assert _verdict(GATEWAY_SPREAD, _gateway("moonbase")) == "unknown"


def _location(region: str, *zones: str) -> Body:
    subscription = "/".join(GROUP.split("/")[:3])
    return {
        "id": f"{subscription}/locations/{region}",
        "type": "Microsoft.Resources/subscriptions/locations",
        "name": region,
        "availabilityZoneMappings": [{"logicalZone": zone} for zone in zones],
    }


_PINNED: Body = {
    "id": f"{GROUP}/providers/Microsoft.Compute/disks/d",
    "type": "Microsoft.Compute/disks",
    "location": "northcentralus",
    "zones": ["2"],
    "properties": {},
}


@pytest.mark.parametrize(
    ("region", "shown", "verdict"),
    [
        ("northcentralus", _location("northcentralus", "1", "2"), "pass"),
        ("northcentralus", _PINNED, "pass"),
        ("northcentralus", _plan("PremiumV3") | {"location": "northcentralus"}, "pass"),
        ("westeurope", _location("westeurope"), "not_applicable"),
        ("moonbase", _location("moonbase", "1"), "pass"),
    ],
)
def test_what_the_input_shows_of_a_region_wins(region: str, shown: Body, verdict: str) -> None:
    assert _verdict(GATEWAY_SPREAD, _gateway(region), shown) == verdict


@settings(max_examples=20, deadline=None)
@given(st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1))
def test_no_region_that_is_not_listed_decides_anything(region: str) -> None:
    if region not in _LISTED_REGIONS:
        assert _verdict(GATEWAY_SPREAD, _gateway(region)) == "unknown"
        assert _verdict(IN_ZONAL_REGION, _gateway(region)) == "unknown"


@pytest.mark.parametrize(("tier", "verdict"), [("WAF", "fail"), ("WAF_v2", "pass"), ("WAF_v3", "unknown")])
def test_the_platform_spreads_gateways_of_the_tiers_that_are_known_for_it(tier: str, verdict: str) -> None:
    assert _verdict(GATEWAY_SPREAD, _gateway("westeurope", tier)) == verdict


@pytest.mark.parametrize(("zones", "verdict"), [(["1", "2"], "pass"), (["1"], "fail")])
def test_zones_that_a_gateway_lists_decide_whatever_its_tier(zones: list[str], verdict: str) -> None:
    assert _verdict(GATEWAY_SPREAD, _gateway("westeurope", "WAF_v3", zones=zones)) == verdict
