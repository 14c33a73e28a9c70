"""A doubt in an analysis's own words is traced to the declared gaps that it comes from."""

from __future__ import annotations

from auditor.engine.coverage.gap_origins import GapOrigins
from auditor.model import Gap
from tests.estates.things import GROUP

GROUPS = "Microsoft.Network/networkSecurityGroups"
SUBNET = f"{GROUP}/providers/Microsoft.Network/virtualNetworks/vnet/subnets/web"
WEB = Gap(f"{GROUP}/providers/{GROUPS}/nsg-web", GROUPS, "forbidden", "nsg/read")
DATA = Gap(f"{GROUP}/providers/{GROUPS}/nsg-data", GROUPS, "throttled")
ELSEWHERE = Gap(WEB.scope.replace("a1/", "a2/"), GROUPS, "forbidden", "nsg/read")
SITES = Gap("/", "Microsoft.Web/sites", "forbidden", "sites/read")


def _behind(reason: str, permission: str | None = None) -> set[Gap]:
    origins = GapOrigins([WEB, DATA, ELSEWHERE, SITES])
    doubt = Gap(SUBNET, "properties.securityRules", reason, permission)
    groups = origins.of(doubt, frozenset({GROUPS.lower()}))
    return {gap for group in groups for gap in origins.gaps(group)}


def test_the_gap_of_the_resource_that_it_names_is_behind_it() -> None:
    assert _behind("NSG-web: the group was not collected (forbidden)") == {WEB}


def test_where_it_names_none_those_with_its_reason_are() -> None:
    assert _behind("the group was not collected (throttled)") == {DATA}
    assert _behind("Forbidden") == {WEB}


def test_those_with_the_permission_that_it_asks_for_are() -> None:
    assert _behind("no answer", "nsg/Read") == {WEB}
    assert _behind("no answer (forbidden)", "other/read") == set()


def test_one_of_the_data_itself_has_none_behind_it() -> None:
    assert _behind("some IP rules cannot be read") == set()
