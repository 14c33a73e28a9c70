"""Audits of a small estate of storage accounts, as a user runs them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.e2e.command import Ended, estate, in_process, storage

RULE = "storage-minimum-tls"
ONLY = ("--select", RULE, "--complete")


def account(name: str, tls: str = "TLS1_0", owner: str | None = None, subscription: str = "a1") -> dict[str, Any]:
    """Return a storage account, which fails unless its version of TLS is said to be a good one."""
    body = storage(name, minimumTlsVersion=tls) | ({"tags": {"Owner": owner}} if owner else {})
    body["id"] = body["id"].replace("0000000000a1", f"0000000000{subscription}")
    return body


def day(number: int, hour: int = 6) -> str:
    """Return the time of a scan on a day of the week that is simulated."""
    return f"2026-03-{number + 1:02}T{hour:02}:00:00Z"


def scan(
    folder: Path,
    place: str,
    at: str,
    *accounts: Mapping[str, Any],
    options: tuple[str | Path, ...] = (),
    beside: Mapping[str, Any] | None = None,
    env: Mapping[str, str] | None = None,
) -> Ended:
    """Judge an estate at a time and keep what was found; the report is CSV."""
    exported = estate(folder, account("always-good", "TLS1_2"), *accounts, **(beside or {}))
    return in_process(
        "evaluate", exported, *ONLY, "--as-of", at, "--history", place, "-o", "csv", *options, at=folder, env=env
    )


def asked(folder: Path, place: str, *question: str) -> Any:
    """Return what a history answers, as JSON."""
    ended = in_process("history", *question, "--history", place, "-o", "json", at=folder)
    assert ended.code == 0, ended.err
    return ended.report


def change_of(ended: Ended, name: str) -> tuple[str, str]:
    """Return since when an account fails and what changed, as the report says."""
    row = next(row for row in ended.rows if row["resource_name"] == name)
    return row["first_seen_utc"], row["change"]
