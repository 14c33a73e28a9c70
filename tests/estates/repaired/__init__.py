"""The chat estate, repaired edit by edit until it fails only what the architecture itself asks for or cannot be had.

`SANCTIONED` says what is left, and why.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from tests.estates.chat import chat_bodies, chat_document
from tests.estates.draft import Draft
from tests.estates.repaired import apps, governance, network, services

# slots come last: they are as their sites are
EDITS = (*apps.EDITS, *network.EDITS, *services.EDITS, *governance.EDITS, apps.SLOTS)
SANCTIONED = {
    # the article's own table gives the workspace Contributor on the group and Key Vault Administrator
    "IAM-RBAC-013",
    # the flow runs on a managed online endpoint, which the article offers and calls not zone-redundant
    "AML-REL-004",
    # no built-in policy watches keys of Azure OpenAI and of online endpoints: an organisation must write its own
    "KEY-ROT-004",
}
"""The controls that the repaired estate still fails."""


@cache
def _text(without: str) -> str:
    draft = Draft(chat_bodies())
    for edit in EDITS:
        if edit.name != without:
            edit.make(draft)
    return json.dumps(draft.bodies)


def repaired(without: str = "") -> Draft:
    """Return a fresh copy of the repaired estate, one edit left out."""
    return Draft(json.loads(_text(without)))


def as_document(draft: Draft) -> dict[str, Any]:
    """Return an estate as the document that an export is."""
    return draft.document(chat_document())
