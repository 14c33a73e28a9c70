"""Ids of rules that are gone: an id never changes and is never used again, so that old reports and settings stay true."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Final

from auditor.yaml_source import near, suggestion

RETIRED: Final[Mapping[str, str]] = {
    "app-slot-basic-auth-off": "app-basic-auth-off",
    "app-slot-ftp-encrypted-or-off": "app-ftp-encrypted-or-off",
    "app-slot-https-only": "app-https-only",
    "app-slot-minimum-tls": "app-minimum-tls",
    "app-slot-network-integrated": "app-network-integrated",
    "app-slot-public-network-access-off": "app-public-network-access-off",
    "app-slot-remote-debugging-off": "app-remote-debugging-off",
}
"""The id that is gone → the rule that asks its question now."""


def hint(id_or_glob: str, known: Iterable[str]) -> str:
    """Return what to write in place of an id or glob that matches no rule: the rule's successor, else what is spelled alike."""
    gone = [(old, new) for old, new in RETIRED.items() if fnmatchcase(old, id_or_glob)]
    if gone:
        return ", ".join(f"'{old}' is retired: '{new}' asks its question now" for old, new in gone[:3])
    ids = list(known)
    if "*" not in id_or_glob:
        return suggestion(id_or_glob, ids)
    beginnings = {rule_id[:end] for rule_id in ids for end, letter in enumerate(rule_id) if letter == "-"}
    alike = near(id_or_glob.strip("!*-"), beginnings)
    return "did you mean " + " or ".join(f"'{beginning}-*'" for beginning in alike) + "?" if alike else ""
