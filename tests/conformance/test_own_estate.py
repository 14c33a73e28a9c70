"""The estate that the tests bring with them is judged as the published reference implementation is, finding by finding."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from auditor.report.selection import short_name
from tests.audit.judging import judged
from tests.conformance.material import reference_file
from tests.estates.chat import chat_document

_APPENDED = re.compile("ijdke7bomwqr6|[0-9a-f]{8}-[0-9a-f-]{27}|[a-z0-9-]+-[a-z]*diagnosticSettings$|default$")
"""What deployment makes up: a suffix of a name, GUIDs, and what a setting is called."""
_SETTING = re.compile(r"(?<=/diagnosticSettings/)[^/]+$")
"""The name of a diagnostic setting, which is anybody's choice."""


def _findings(document: Mapping[str, Any]) -> Counter[tuple[str, ...]]:
    report = judged(document)
    named = (
        (
            one.rule_id,
            one.status.value,
            short_name(_SETTING.sub("default", one.resource_id or "")),
            one.sub_object or "",
        )
        for one in report.findings
    )
    return Counter(tuple(_APPENDED.sub("", part) for part in parts) for parts in named)


def _without_what_the_file_lacks(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the estate without the authentication of its apps, which Azure always has and the published file leaves out."""
    kept = [body for body in document["resources"] if not body["id"].endswith("/config/authsettingsV2")]
    return {**document, "resources": kept}


def test_the_own_estate_gets_the_findings_of_the_reference_implementation() -> None:
    theirs = _findings(json.loads(reference_file().read_text(encoding="utf-8")))
    own = _findings(_without_what_the_file_lacks(chat_document()))
    assert own - theirs == Counter()
    assert theirs - own == Counter()
    assert own.total() > 200
