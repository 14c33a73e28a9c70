"""What ships about Azure: complete, dated, read on use only, and silent about what it does not list."""

from __future__ import annotations

import runpy
import subprocess
import sys
from uuid import UUID

import pytest

from auditor.azure.reference_data import built_in_roles, datasets, regions, service_tags, skus
from tests.e2e.command import ROOT

OWNER = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
PLAN = "Microsoft.Web/serverfarms"


@pytest.mark.parametrize("name", datasets.NAMES)
def test_every_data_set_says_what_it_is_from_where_and_of_which_day(name: str) -> None:
    dataset = datasets.load(name)

    assert dataset.name == name
    assert dataset.title
    assert all(source.url.startswith("https://") for source in dataset.sources)
    assert dataset.oldest <= dataset.newest
    assert all(len(row) == len(dataset.columns) for row in dataset.rows)
    assert len({row[:2] for row in dataset.rows}) == len(dataset.rows)


def test_a_built_in_role_is_known_by_its_guid_in_any_letter_case() -> None:
    owner = built_in_roles.role(OWNER.upper())

    assert owner is not None
    assert (owner.guid, owner.name, owner.permissions) == (OWNER, "Owner", [{"actions": ["*"]}])


def test_the_guid_of_a_custom_role_is_not_known() -> None:
    assert built_in_roles.role("11111111-2222-3333-4444-555555555555") is None


def test_roles_are_named_by_guids() -> None:
    assert all(str(UUID(guid)) == guid for _, guid in datasets.load("built-in-roles").rows)


@pytest.mark.parametrize(
    ("region", "answer"), [("westeurope", True), ("northcentralus", False), ("moonbase", None), ("usgovtexas", None)]
)
def test_a_region_has_zones_or_has_none_or_is_not_known(region: str, answer: bool | None) -> None:  # noqa: FBT001
    assert regions.has_zones(region) is answer


def test_no_region_stands_in_both_lists() -> None:
    listed = [row[0] for row in datasets.load("regions").rows]

    assert len(set(listed)) == len(listed)


def test_a_tier_is_known_by_its_name_or_by_the_name_of_a_size() -> None:
    by_tier, by_size = skus.sku(PLAN, "PREMIUM0V3"), skus.sku("microsoft.web/serverFarms", "a new spelling", "P0V3")

    assert by_tier is not None
    assert by_tier is by_size
    assert by_tier.supports_zones


def test_a_tier_that_is_not_listed_is_not_known_to_lack_anything() -> None:
    assert skus.sku(PLAN, "PremiumV9", None, "P1v9") is None
    assert skus.sku("Microsoft.Compute/virtualMachines", "Standard") is None


def test_no_two_tiers_of_a_type_share_a_size() -> None:
    sizes = [(row[0], size) for row in datasets.load("skus").rows for size in row[2].split(", ") if size]

    assert len(set(sizes)) == len(sizes)


def test_only_consumption_plans_keep_no_instances() -> None:
    assert [row[1] for row in datasets.load("skus").rows if row[4] == "on demand"] == ["Dynamic", "FlexConsumption"]


def test_a_service_tag_is_known_by_its_name_and_by_what_it_lies_inside_of() -> None:
    tags = service_tags.known()

    assert {"azurecloud", "azurefrontdoor.backend", "storage"} <= tags.keys()
    assert tags["logicappsmanagement"].inside == "LogicApps"
    assert all(tag.inside is None or tag.inside.lower() in tags for tag in tags.values())


def test_nothing_is_read_before_it_is_asked_for() -> None:
    code = "from auditor.azure.reference_data import datasets, files; print(files.read.cache_info().currsize)"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert shown.strip() == "0"


def test_roles_are_taken_over_as_the_command_line_prints_them_and_as_arm_lists_them() -> None:
    roles = runpy.run_path(str(ROOT / "scripts" / "refresh_reference_data.py"))["roles"]
    block = {"actions": ["*"], "notActions": [], "dataActions": None, "condition": None}
    own = {"roleName": "Owner", "permissions": [block], "assignableScopes": ["/"]}
    flat = [
        {"name": OWNER.upper(), "roleType": "BuiltInRole", "type": "Microsoft.Authorization/roleDefinitions", **own}
    ]
    nested = {"value": [{"name": OWNER, "properties": {"type": "BuiltInRole", **own}}]}
    custom = [{"name": OWNER, "roleType": "CustomRole", **own}]

    expected = {OWNER: {"name": "Owner", "permissions": [{"actions": ["*"]}]}}
    assert (dict(roles(flat)), dict(roles(nested)), dict(roles(custom))) == (expected, expected, {})
