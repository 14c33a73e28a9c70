"""An export may leave out a list that Azure always gives: what is not listed was not seen."""

from __future__ import annotations

from typing import Any

import pytest

from tests.audit.judging import judged
from tests.estates.networks import Body, configuration, interface, network, security_group, subnet

PORTS = "subnet-guarded-ports-closed"


def estate(group: Body) -> dict[str, Any]:
    place = network(subnet("s", group="nsg"))
    machine = interface("nic", configuration(privateIPAddress="10.0.1.4"))
    return {"resources": [place, group, machine]}


@pytest.mark.parametrize(
    ("listed", "complete", "status"),
    [(True, False, "pass"), (True, True, "pass"), (False, False, "unknown"), (False, True, "pass")],
)
def test_a_group_that_lists_no_rules_may_open_a_port(*, listed: bool, complete: bool, status: str) -> None:
    group = security_group("nsg")
    if not listed:
        group["properties"] = {"provisioningState": "Succeeded"}
    [found] = judged(estate(group), PORTS, complete=complete).findings
    assert found.status.value == status
