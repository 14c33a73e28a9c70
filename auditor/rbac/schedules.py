"""Read which assignments are in force at a time: Privileged Identity Management gives roles with a beginning and an end.

A role assignment says nothing of time; what does are its schedule and the instances of that, which name it or are of the
same principal, role and scope. Eligible assignments are instances themselves.
https://learn.microsoft.com/azure/role-based-access-control/pim-integration
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple, TypeAlias

from auditor import resource_id as ids
from auditor.azure import body
from auditor.azure.catalogue import spelled
from auditor.estate.graph import Estate
from auditor.model import Resource
from auditor.rbac.scopes import stated_scope
from auditor.snapshot.rows import ROLE_ASSIGNMENTS
from auditor.truth import NO, UNKNOWN, YES, Truth, all_of, any_of, truth_of

ASSIGNMENTS: Final = spelled(ROLE_ASSIGNMENTS)
ELIGIBLE: Final = "Microsoft.Authorization/roleEligibilityScheduleInstances"
SCHEDULED: Final = "Microsoft.Authorization/roleAssignmentScheduleInstances"
ASSIGNMENT_SCHEDULES: Final = "Microsoft.Authorization/roleAssignmentSchedules"
ELIGIBILITY_SCHEDULES: Final = "Microsoft.Authorization/roleEligibilitySchedules"
ASSIGNMENT_REQUESTS: Final = "Microsoft.Authorization/roleAssignmentScheduleRequests"
ELIGIBILITY_REQUESTS: Final = "Microsoft.Authorization/roleEligibilityScheduleRequests"
OF_ELIGIBLE: Final = frozenset(map(str.lower, (ELIGIBLE, ELIGIBILITY_SCHEDULES, ELIGIBILITY_REQUESTS)))
_REQUESTS: Final = (ASSIGNMENT_REQUESTS, ELIGIBILITY_REQUESTS)
_REQUEST_KEYS: Final = frozenset(map(str.lower, _REQUESTS))
READS: Final = frozenset({ASSIGNMENTS, ELIGIBLE, SCHEDULED, ASSIGNMENT_SCHEDULES, ELIGIBILITY_SCHEDULES, *_REQUESTS})
_OF_ACTIVE: Final = (SCHEDULED, ASSIGNMENT_SCHEDULES)
_STATUS: Final = "status"
_TIMES: Final = ("startDateTime", "endDateTime")
_TIMES_OF_REQUESTS: Final = ("scheduleInfo.startDateTime", "scheduleInfo.expiration.endDateTime")
_GIVING: Final = frozenset({"adminassign", "adminextend", "adminrenew", "adminupdate", "selfextend", "selfrenew"})
"""Requests by which somebody gets or keeps something for more than a session."""
_ON: Final = frozenset({"accepted", "adminapproved", "granted", "pendingrevocation", "provisioned", "schedulecreated"})
_OFF: Final = frozenset(
    {"admindenied", "canceled", "denied", "failed", "failedasresourceislocked", "invalid", "revoked", "timedout"}
)
_NEVER: Final = datetime.min.replace(tzinfo=UTC)
_About: TypeAlias = tuple[bool, str, str, str]


class Timed(NamedTuple):
    """An assignment, active or eligible, that is in force at a time or may be; the time at which it ends, if it does.

    `is_activated`: it is in force because an eligible principal activated it.
    """

    resource: Resource
    in_force: Truth
    ends_at: str | None
    is_activated: bool


def read_timed(estate: Estate, as_of: datetime | None) -> Sequence[Timed]:
    """Return the assignments that are in force at a time or may be; a schedule stands for one that only it shows.

    Without a time each is taken for begun and for not ended. What only a request shows may be in force: that it was
    granted, the schedule shows.
    """
    schedules = _Schedules(estate)
    requests = [one for kind in _REQUESTS for one in estate.of_type(kind) if _gives(one)]
    found = [schedules.of_assignment(resource, as_of) for resource in estate.of_type(ASSIGNMENTS)]
    listed = {_about(one.resource) for one in found} if schedules.all or requests else set()
    found = [one for one in found if one.in_force is not NO]
    granted = [(one, YES) for one in (*estate.of_type(ELIGIBLE), *schedules.all)]
    for resource, is_granted in (*granted, *((one, UNKNOWN) for one in requests)):
        origin = body.text(resource.properties, "originRoleAssignmentId")
        is_shown = _about(resource) in listed or bool(origin and estate.resource(origin))
        in_force = all_of((is_granted, _is_on(resource), _is_within(resource, as_of)))
        if in_force is NO or (is_shown and resource.type_key != ELIGIBLE.lower()):
            continue
        listed.add(_about(resource))
        found.append(Timed(resource, in_force, _end(resource), _is_activated(resource)))
    return found


class _Schedules:
    """The schedules of an estate and their instances, by the assignment that they name and by what they give to whom."""

    def __init__(self, estate: Estate) -> None:
        by_origin: dict[str, list[Resource]] = defaultdict(list)
        by_about: dict[_About, list[Resource]] = defaultdict(list)
        for resource in (one for kind in _OF_ACTIVE for one in estate.of_type(kind)):
            origin = body.text(resource.properties, "originRoleAssignmentId")
            if origin:
                by_origin[ids.key(origin)].append(resource)
            else:
                by_about[_about(resource)].append(resource)
        kinds = (*_OF_ACTIVE, ELIGIBILITY_SCHEDULES)
        self.all: Sequence[Resource] = [one for kind in kinds for one in estate.of_type(kind)]
        self._by_origin: Mapping[str, Sequence[Resource]] = by_origin
        self._by_about: Mapping[_About, Sequence[Resource]] = by_about

    def of_assignment(self, resource: Resource, as_of: datetime | None) -> Timed:
        """Return an assignment with what its schedules say of it: it is in force where one of them has it so."""
        alike = self._by_about.get(_about(resource), ()) if self._by_about else ()
        named = [*self._by_origin.get(resource.key, ()), *alike]
        told = [one for one in named if _is_on(one) is not NO]
        answers = [_is_within(one, as_of) for one in told]
        in_force = all_of((_is_within(resource, as_of), any_of(answers) if told else YES))
        current = [one for one, answer in zip(told, answers, strict=True) if answer is not NO]
        ends_at = _last_end(current) if current else _end(resource)
        return Timed(resource, in_force, ends_at, any(map(_is_activated, current)))


def _about(resource: Resource) -> _About:
    """Return whether an assignment is eligible only, whose it is, of which role, and where: no two of a kind share them."""
    properties = resource.properties
    texts = (body.text(properties, name) or "" for name in ("principalId", "roleDefinitionId"))
    principal, role = (ids.name_of(text).lower() for text in texts)
    return resource.type_key in OF_ELIGIBLE, principal, role, ids.key(stated_scope(resource))


def _is_on(resource: Resource) -> Truth:
    """Whether the status of a schedule lets it be in force; one that waits for something may be by now."""
    status = body.value(resource.properties, _STATUS)
    if status is None or (isinstance(status, str) and status.lower() in _ON):
        return YES
    return NO if isinstance(status, str) and status.lower() in _OFF else UNKNOWN


def _is_within(resource: Resource, as_of: datetime | None) -> Truth:
    """Whether a time lies between beginning and end, as far as both can be read."""
    if as_of is None:
        return YES
    return all_of(_sides(resource, as_of))


def _sides(resource: Resource, as_of: datetime) -> Iterator[Truth]:
    for name, is_past in zip(_times(resource), (True, False), strict=True):
        if body.value(resource.properties, name) is not None:
            moment = body.moment(resource.properties, name)
            yield UNKNOWN if moment is None else truth_of((moment <= as_of) is is_past)


def _times(resource: Resource) -> tuple[str, str]:
    """Return where a schedule states its beginning and its end."""
    return _TIMES_OF_REQUESTS if resource.type_key in _REQUEST_KEYS else _TIMES


def _gives(request: Resource) -> bool:
    kind = body.text(request.properties, "requestType")
    return kind is None or kind.lower() in _GIVING


def _end(resource: Resource) -> str | None:
    stated = body.value(resource.properties, _times(resource)[1])
    return None if stated is None else str(stated)


def _last_end(resources: Sequence[Resource]) -> str | None:
    """Return when the last of some schedules ends; None where one has no end."""
    last = max(resources, key=lambda one: body.moment(one.properties, _times(one)[1]) or _NEVER)
    return None if any(_end(one) is None for one in resources) else _end(last)


def _is_activated(resource: Resource) -> bool:
    return (body.text(resource.properties, "assignmentType") or "").lower() == "activated"
