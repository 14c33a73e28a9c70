"""Show times in one way: ISO 8601 in UTC."""

from __future__ import annotations

from datetime import UTC, datetime


def utc(moment: datetime) -> str:
    """Return a time as `2024-02-01T00:00:00Z`; a time without a zone is taken as UTC."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return aware.astimezone(UTC).isoformat().replace("+00:00", "Z")


def utc_text(text: str | None) -> str:
    """Return a recorded time in UTC, or the text itself where it cannot be read as a time."""
    if not text:
        return ""
    try:
        return utc(datetime.fromisoformat(text))
    except (ValueError, OverflowError):
        return text
