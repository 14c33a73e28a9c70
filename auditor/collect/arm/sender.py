"""Send a request until its answer is whole: paced, patient, and with a renewed token where the old one ended."""

from __future__ import annotations

import logging
import random
import threading
from collections import Counter
from datetime import UTC, datetime
from typing import Final, Protocol
from urllib.parse import urlsplit

import orjson
from azure.core.exceptions import AzureError, ClientAuthenticationError
from azure.core.pipeline import PipelineRequest, PipelineResponse
from azure.core.pipeline.policies import HTTPPolicy
from azure.core.rest import HttpRequest, HttpResponse
from msgspec import Struct, field

from auditor import resource_id as ids
from auditor.collect.arm.pacing import GRAPH_BUCKET, Pacer, Stopped
from auditor.collect.arm.refusals import Kind, Refusal, Refused, read_refusal
from auditor.collect.arm.retry import backoff, count, duration, is_transient, told_to_wait
from auditor.collect.options import Budgets, RetryLimits
from auditor.errors import CollectionError

log = logging.getLogger("auditor.collect")

RESOURCE_GRAPH_PATH: Final = "/providers/microsoft.resourcegraph/resources"


class Tokens(Protocol):
    """Something that keeps tokens and can be told that one is no longer accepted."""

    def forget(self, refused: str) -> None:
        """Get a fresh token next time, if the refused one is still kept."""


class Decoded(Struct):
    """Where a call finds the decoded body of its answer, and how many bytes it had."""

    value: object = None
    size: int = 0


class Tally(Struct):
    """What the calls of a collection added up to."""

    calls: Counter[str] = field(default_factory=Counter)
    attempts: int = 0
    retries: int = 0
    throttled: int = 0
    received: int = 0
    answered: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)


class PatientSender(HTTPPolicy[HttpRequest, HttpResponse]):
    """Paces each attempt, asks again while a failure is transient, and hands over a body that is whole.

    azure-core's own retries lose data here: a POST that is throttled without `Retry-After` is not repeated, a body that
    is cut short or HTML is not noticed, and Resource Graph's quota headers are not read.
    """

    def __init__(self, pacer: Pacer, limits: RetryLimits, budgets: Budgets, tally: Tally, tokens: Tokens) -> None:
        super().__init__()
        self._pacer, self._limits, self._tally, self._tokens = pacer, limits, tally, tokens
        self._budgets, self._ends = budgets, pacer.clock.now() + budgets.scan_seconds
        self._chance = random.Random()  # noqa: S311 - jitter

    def send(self, request: PipelineRequest[HttpRequest]) -> PipelineResponse[HttpRequest, HttpResponse]:
        """Return the final answer with its body decoded; raise `Refused` when there is none that can be trusted."""
        into = request.context.options.pop("into", None)
        into = into if isinstance(into, Decoded) else Decoded()
        bucket = bucket_of(request.http_request.url)
        started = self._pacer.clock.now()
        attempt, renewed = 0, False
        while True:
            attempt += 1
            self._check_budget()
            self._pacer.enter(bucket)
            response, refusal, wait = self._attempt(request, into, attempt)
            if response is not None:
                self._learn(bucket, response)
                if refusal is None:
                    return response
            if refusal is None:
                raise AssertionError("an attempt ended with neither an answer nor a refusal")
            if refusal.kind is Kind.SIGNED_OUT and not renewed:
                renewed = True
                self._tokens.forget(request.http_request.headers.get("Authorization", "").removeprefix("Bearer "))
                continue
            if wait is None or not self._may_repeat(refusal, attempt, wait, started):
                raise Refused(refusal)
            self._hold(bucket, refusal, wait)

    def _attempt(
        self, request: PipelineRequest[HttpRequest], into: Decoded, attempt: int
    ) -> tuple[PipelineResponse[HttpRequest, HttpResponse] | None, Refusal | None, float | None]:
        """Send once. Returns (answer, refusal, seconds to wait before asking again or None where that is useless)."""
        with self._tally.lock:
            self._tally.attempts += 1
        try:
            response = self.next.send(request)
        except (ClientAuthenticationError, Refused, Stopped, CollectionError):
            raise
        except Exception as error:
            log.debug("attempt %d: %s", attempt, type(error).__name__, exc_info=not isinstance(error, AzureError))
            text = " ".join(str(error).split())[:300]
            kind = Kind.FAILED if self._tally.answered else Kind.UNREACHABLE
            return None, Refusal(kind, message=text, attempts=attempt), self._backoff(attempt)
        sent = response.http_response
        content = sent.content
        with self._tally.lock:
            self._tally.received += len(content)
            self._tally.answered = True
        body, is_whole = _decode(content)
        into.value, into.size = body, len(content)
        status = sent.status_code
        request_id = sent.headers.get("x-ms-request-id") or sent.headers.get("x-ms-correlation-request-id")
        if status in {200, 201} and is_whole:
            return response, None, None
        if status in {200, 201, 204} and not content:
            return (
                response,
                Refusal(Kind.FAILED, status, message="empty answer", attempts=attempt),
                self._backoff(attempt),
            )
        if status in {200, 201}:
            message = "the answer is cut short or not JSON"
            return (
                response,
                Refusal(Kind.FAILED, status, "", message, request_id=request_id, attempts=attempt),
                self._backoff(attempt),
            )
        refusal = read_refusal(status, body, request_id=request_id, attempts=attempt)
        if not is_transient(status, body):
            return response, refusal, None
        told = told_to_wait(sent.headers, datetime.now(UTC))
        # A little more than told: those who were told the same must not come back in the same instant.
        return (
            response,
            refusal,
            self._backoff(attempt) if told is None else told + self._chance.uniform(0, 0.25) * self._limits.first_wait,
        )

    def _check_budget(self) -> None:
        """Raise `Refused` where the collection has cost all that it may."""
        budgets, tally = self._budgets, self._tally
        for what, is_spent in (
            (f"{budgets.scan_seconds:,.0f} seconds", self._pacer.clock.now() >= self._ends),
            (f"{budgets.scan_bytes:,} bytes", tally.received >= budgets.scan_bytes),
            (f"{budgets.scan_calls:,} calls", tally.attempts >= budgets.scan_calls),
        ):
            if is_spent:
                raise Refused(Refusal(Kind.SPENT, message=f"the collection had its {what}"))

    def _backoff(self, attempt: int) -> float:
        return backoff(attempt, self._limits, self._chance)

    def _may_repeat(self, refusal: Refusal, attempt: int, wait: float, started: float) -> bool:
        if refusal.kind is Kind.UNREACHABLE:
            return attempt < 3  # nothing has ever answered: waiting minutes would only hide a wrong host or proxy
        most = self._limits.attempts if refusal.kind is Kind.THROTTLED else self._limits.attempts_on_error
        return attempt < most and self._pacer.clock.now() + wait - started <= self._limits.deadline

    def _hold(self, bucket: str, refusal: Refusal, wait: float) -> None:
        with self._tally.lock:
            self._tally.retries += 1
            self._tally.throttled += refusal.kind is Kind.THROTTLED
        log.debug("waiting %.1f s for %s: %s %s", wait, bucket, refusal.status, refusal.code)
        if refusal.kind is Kind.THROTTLED:
            self._pacer.bucket(bucket).close_for(wait)  # the next draw waits
        else:
            self._pacer.wait(wait, f"another try: {refusal.status or ''} {refusal.code or refusal.kind.value}")

    def _learn(self, bucket: str, response: PipelineResponse[HttpRequest, HttpResponse]) -> None:
        headers = response.http_response.headers
        if bucket == GRAPH_BUCKET:
            left, seconds = (
                count(headers.get("x-ms-user-quota-remaining")),
                duration(headers.get("x-ms-user-quota-resets-after", "")),
            )
            if left is not None and left <= 1 and seconds is not None:
                self._pacer.bucket(bucket).close_for(min(seconds, 60.0))
            return
        name = (
            "x-ms-ratelimit-remaining-tenant-reads"
            if bucket == "tenant"
            else "x-ms-ratelimit-remaining-subscription-reads"
        )
        left = count(headers.get(name))
        if left is not None:
            self._pacer.bucket(bucket).remaining(float(left))


def bucket_of(url: str) -> str:
    """Return the quota that a call draws on."""
    path = urlsplit(url).path
    if path.lower().rstrip("/") == RESOURCE_GRAPH_PATH:
        return GRAPH_BUCKET
    subscription = ids.subscription_of(path)
    return subscription.lower() if subscription else "tenant"


def _decode(content: bytes) -> tuple[object, bool]:
    try:
        return orjson.loads(content), True
    except orjson.JSONDecodeError:
        return None, False
