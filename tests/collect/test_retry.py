from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.collect.arm.pacing import GRAPH_BUCKET, Bucket, Pacer
from auditor.collect.arm.refusals import Kind, choose_version, read_refusal, supported_versions
from auditor.collect.arm.retry import backoff, duration, is_transient, told_to_wait
from auditor.collect.options import Quotas, RetryLimits

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Hours:
    """A clock that only goes on when somebody waits."""

    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> float:
        return self.time

    def wait(self, seconds: float) -> None:
        self.time += max(0.0, seconds)


@given(st.floats(1, 300), st.floats(0.5, 50), st.integers(1, 600))
def test_a_bucket_never_lets_more_through_than_the_quota(capacity: float, rate: float, calls: int) -> None:
    clock = Hours()
    bucket = Bucket(capacity, rate, clock)
    for number in range(1, calls + 1):
        clock.wait(bucket.draw())
        assert number <= capacity + rate * clock.now() + 1e-6


def test_a_closed_bucket_lets_nobody_through() -> None:
    clock = Hours()
    bucket = Bucket(10, 1, clock)
    bucket.close_for(30)

    assert bucket.draw() >= 30
    assert bucket.draw() >= 30


def test_a_share_of_the_quota_is_a_share_of_the_pace() -> None:
    clock = Hours()
    pacer = Pacer(clock, Quotas(), 0.5)
    for _ in range(115 + 120):
        pacer.enter("s")

    assert clock.now() == pytest.approx(10, abs=0.2)
    assert pacer.waited == pytest.approx(clock.now())


def test_subscriptions_and_resource_graph_do_not_slow_each_other() -> None:
    clock = Hours()
    pacer = Pacer(clock, Quotas())
    for name in ("a", "b", GRAPH_BUCKET):
        for _ in range(12):
            pacer.enter(name)

    assert clock.now() == 0


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "7"}, 7),
        ({"Retry-After": "Thu, 01 Jan 2026 00:00:09 GMT"}, 9),
        ({"Retry-After": "Thu, 01 Jan 2015 00:00:09 GMT"}, 0),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-3"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "7", "retry-after-ms": "500"}, 0.5),
        ({"x-ms-user-quota-resets-after": "00:00:05"}, 5),
        ({"Retry-After": "1", "x-ms-user-quota-resets-after": "00:00:05"}, 1),
    ],
)
def test_azure_says_in_several_ways_how_long_to_wait(headers: dict[str, str], seconds: float | None) -> None:
    assert told_to_wait(headers, NOW) == seconds


@given(st.text())
def test_no_header_can_break_the_reading(text: str) -> None:
    told = told_to_wait({"Retry-After": text, "x-ms-user-quota-resets-after": text}, NOW)

    assert told is None or told >= 0
    assert duration("1.02:03:04.5") == 93784.5


@given(st.integers(1, 10_000), st.integers())
def test_backoff_stays_within_its_limits(attempt: int, seed: int) -> None:
    limits = RetryLimits()

    assert backoff(attempt, limits, random.Random(seed)) > 0  # noqa: S311 - jitter <= limits.longest_wait


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (403, "AuthorizationFailed", Kind.DENIED),
        (404, "SubscriptionNotFound", Kind.DENIED),
        (401, "InvalidAuthenticationTokenTenant", Kind.DENIED),
        (401, "ExpiredAuthenticationToken", Kind.SIGNED_OUT),
        (404, "ResourceNotFound", Kind.NOT_FOUND),
        (404, "InvalidResourceType", Kind.UNKNOWN_VERSION),
        (409, "MissingSubscriptionRegistration", Kind.UNREGISTERED),
        (400, "AadPremiumLicenseRequired", Kind.NOT_LICENSED),
        (400, "InvalidQuery", Kind.BAD_REQUEST),
        (429, "TooManyRequests", Kind.THROTTLED),
        (503, "", Kind.FAILED),
    ],
)
def test_a_refusal_is_sorted_by_what_it_means(status: int, code: str, kind: Kind) -> None:
    assert read_refusal(status, {"error": {"code": code, "message": "m"}}).kind is kind


def test_a_refusal_names_action_and_scope() -> None:
    message = "The client 'c' does not have authorization to perform action 'A/b/read' over scope '/subscriptions/s' …"

    refusal = read_refusal(403, {"error": {"code": "AuthorizationFailed", "message": message}})

    assert (refusal.action, refusal.scope) == ("A/b/read", "/subscriptions/s")


def test_the_detail_decides_what_resource_graph_means() -> None:
    body = {
        "error": {
            "code": "BadRequest",
            "message": "m",
            "details": [{"code": "ResponsePayloadTooLarge", "message": "n"}, "x"],
        }
    }

    assert read_refusal(400, body).kind is Kind.TOO_LARGE
    assert read_refusal(400, body).code == "ResponsePayloadTooLarge"


@given(
    st.integers(400, 599),
    st.recursive(
        st.none() | st.text() | st.integers(),
        lambda inner: (
            st.lists(inner) | st.dictionaries(st.sampled_from(["error", "code", "message", "details"]), inner)
        ),
    ),
)
def test_an_error_of_any_shape_is_read(status: int, body: Any) -> None:
    assert read_refusal(status, body).status == status
    assert is_transient(status, body) in {True, False}


def test_versions_are_chosen_stable_and_not_newer() -> None:
    message = "for type 'a'. The supported api-versions are '2020-01-01,2022-02-02-preview, 2023-03-03,2026-01-01'."
    offered = supported_versions(message)

    assert offered == ["2026-01-01", "2023-03-03", "2022-02-02-preview", "2020-01-01"]
    assert choose_version("2024-01-01", offered) == "2023-03-03"
    assert choose_version("2019-01-01", offered) == "2020-01-01"
    assert choose_version("2024-01-01", ["2023-01-01-preview"]) == "2023-01-01-preview"
    assert choose_version("2024-01-01", []) is None
    assert supported_versions("nothing") == []
