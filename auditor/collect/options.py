"""Say how to collect: the cloud, who signs in, and how hard to press."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from msgspec import Struct, field

if TYPE_CHECKING:
    from auditor.azure.catalogue import Catalogue
    from auditor.engine.coverage.needs import Needs
    from auditor.snapshot.left_out import Call


_FEWEST_THREADS: Final = 32
MOST_THREADS: Final = 64
"""Beyond that the processor, and no wait for an answer, decides how fast a collection goes."""
_THREADS_OF_A_SUBSCRIPTION: Final = 2  # half of its quota, 12.5 calls a second, at an answer in less than two tenths


class Auth(StrEnum):
    """How to sign in; none of them takes a secret from us."""

    AUTO = "auto"
    CLI = "cli"
    ENVIRONMENT = "environment"
    WORKLOAD = "workload"
    MANAGED_IDENTITY = "managed-identity"
    GITHUB = "github"
    AZURE_PIPELINES = "azure-pipelines"


class CloudName(StrEnum):
    """A published Azure cloud."""

    PUBLIC = "public"
    US_GOVERNMENT = "usgovernment"
    CHINA = "china"


class RetryLimits(Struct, frozen=True):
    """When to stop asking again. Times are in seconds; `deadline` is the most that a call may take, with its waits."""

    attempts: int = 12
    attempts_on_error: int = 6
    first_wait: float = 0.5
    longest_wait: float = 30.0
    deadline: float = 300.0
    timeout: float = 60.0


class Budgets(Struct, frozen=True):
    """What an answer, a list and a whole collection may cost at most; what goes beyond is cut off and a gap.

    They are far above what Azure needs, and there for answers that never end.
    """

    answer_seconds: float = 120.0
    answer_bytes: int = 64 << 20
    list_seconds: float = 1800.0
    list_bytes: int = 512 << 20
    list_pages: int = 2000
    scan_seconds: float = 6 * 3600.0
    scan_bytes: int = 64 << 30
    scan_calls: int = 5_000_000


class Quotas(Struct, frozen=True):
    """How fast Azure may be asked: what fits at once, and what is added each second. A little below what is published.

    ARM gives each principal 250 reads in a subscription, refilled at 25 a second, and as many at tenant level; Resource
    Graph allows 15 queries in 5 seconds. Microsoft raises them on request.
    """

    arm_at_once: float = 230.0
    arm_per_second: float = 24.0
    graph_at_once: float = 12.0
    graph_per_second: float = 2.8


class CollectOptions(Struct, frozen=True):
    """How to collect.

    `threads`: how many calls are made at a time; None: as many as the quotas of the subscriptions feed.
    `quota_share`: the part of a subscription's read quota that we may use; the rest stays with the customer's own.
    `redaction_key`: key of the hashes that stand for removed secrets; without one, a random key.
    `allow_endpoints`: hosts that `arm_endpoint` may name.
    `catalogue`: the types whose children are read; the tool's own where it is None.
    `needs`: what is needed beyond the inventory, nothing else being asked for; None: everything. `as_begun`: of a
    collection that goes on, the calls that it has left out so far, in place of what is needed.
    `activity_days`: how far back the activity log is read for key regenerations (Azure keeps 90 days).
    """

    auth: Auth = Auth.AUTO
    cloud: CloudName = CloudName.PUBLIC
    arm_endpoint: str | None = None
    allow_endpoints: Sequence[str] = ()
    threads: int | None = None
    quota_share: float = 0.5
    resolve_principals: bool = False
    redact_people: bool = False
    redaction_key: bytes | None = None
    activity_days: int = 90
    follow: bool = True
    retry: RetryLimits = field(default_factory=RetryLimits)
    quotas: Quotas = field(default_factory=Quotas)
    budgets: Budgets = field(default_factory=Budgets)
    catalogue: Catalogue | None = None
    needs: Needs | None = None
    as_begun: frozenset[Call] | None = None

    def threads_for(self, subscriptions: int) -> int:
        """Return how many calls are made at a time to so many subscriptions."""
        if self.threads is not None:
            return self.threads
        return min(MOST_THREADS, max(_FEWEST_THREADS, subscriptions * _THREADS_OF_A_SUBSCRIPTION))
