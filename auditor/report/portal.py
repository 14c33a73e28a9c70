"""Where a reader finds on the web what a report names: a resource in Azure's portal, a rule's own reference."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from auditor import resource_id as ids
from auditor.model import RuleInfo

_PORTALS: Final = {
    "public": "https://portal.azure.com",
    "usgovernment": "https://portal.azure.us",
    "china": "https://portal.azure.cn",
}
_SAFE_URL: Final = re.compile(r"https://[!-~]+")


def resource_link(resource_id: str, scope: Mapping[str, object]) -> str:
    """Return the address of a resource in the portal of the cloud that was read; none for what is no resource's id."""
    portal = _PORTALS.get(str(scope.get("cloud") or "public").lower())
    if portal is None or not ids.is_resource_id(resource_id):
        return ""
    return f"{portal}/#resource{quote(resource_id, safe='/-._', errors='replace')}"


def rule_link(rule: RuleInfo) -> str:
    """Return the first reference of a rule that is a plain address."""
    return next((each for each in rule.references if _SAFE_URL.fullmatch(each)), "")
