"""Decide whether an answer is worth asking again, and after how long."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from auditor.collect.arm.refusals import RETRYABLE_CONFLICTS, error_of
from auditor.collect.options import RetryLimits

_TRANSIENT: Final = frozenset({408, 429, 500, 502, 503, 504})
_DURATION: Final = re.compile(r"(?a)(?:(\d{1,6})\.)?(\d{1,6}):(\d{1,6}):(\d{1,6}(?:\.\d{1,9})?)")


def is_transient(status: int, body: object) -> bool:
    """Whether the same call may succeed a little later."""
    if status == 409:
        return error_of(body)[0].lower() in RETRYABLE_CONFLICTS
    return status in _TRANSIENT


def told_to_wait(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return the seconds that the answer asks us to wait, or None.

    `Retry-After` (seconds or date) or its millisecond forms, else Resource Graph's `x-ms-user-quota-resets-after`.
    """
    for name in ("retry-after-ms", "x-ms-retry-after-ms"):
        value = headers.get(name)
        if value is not None and (number := _number(value)) is not None:
            return number / 1000
    value = headers.get("Retry-After")
    if value is not None:
        number = _number(value)
        return number if number is not None else _until(value, now)
    return duration(headers.get("x-ms-user-quota-resets-after", ""))


def duration(text: str) -> float | None:
    """Return the seconds of a .NET time span (`00:00:05`), or None."""
    found = _DURATION.fullmatch(text.strip())
    if found is None:
        return None
    days, hours, minutes, seconds = found.groups()
    whole: int = int(days or 0) * 86400 + int(hours) * 3600 + int(minutes) * 60
    return whole + float(seconds)


def count(text: str | None) -> int | None:
    """Return the number that a header states, or None where it states none that could be one."""
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) <= 9 else None


def backoff(attempt: int, limits: RetryLimits, chance: random.Random) -> float:
    """Return how long to wait before attempt number `attempt` + 1 when nobody told: exponential with full jitter."""
    return chance.uniform(0.5, 1.0) * min(limits.longest_wait, limits.first_wait * 2.0 ** min(attempt - 1, 30))


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 <= value < 1e9 else None


def _until(text: str, now: datetime) -> float | None:
    try:
        moment: datetime = parsedate_to_datetime(text)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        seconds: float = (moment - now).total_seconds()
    except (TypeError, ValueError, OverflowError):
        return None
    return max(0.0, seconds)
