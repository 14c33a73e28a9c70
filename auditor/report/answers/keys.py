"""Lay out every key of an estate: where it is, who may read and replace it, how old it is, where its copy lies."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from auditor import resource_id as ids
from auditor.analysis.contract import Context
from auditor.analysis.key_rotation.analysis import KeyAge, run
from auditor.analysis.key_rotation.copies import KeyCopy
from auditor.model import Gap
from auditor.rbac.access_graph import AccessGraph
from auditor.rbac.permissions import Plane
from auditor.rbac.queries import Actor, WhoCan, who_can
from auditor.report.answers.sheet import Record, Sheet
from auditor.report.layout import Layout
from auditor.truth import Truth

_COLUMNS: Final = (
    "state", "resource_id", "resource_type", "service", "key", "accepted", "may_read", "may_regenerate", "created",
    "last_rotated", "not_rotated_since", "not_older_than", "age_at_least_days", "age_at_most_days", "limit_days",
    "copies", "reason",
)  # fmt: skip
_SHOWN: Final = ("state", "resource", "key", "age", "limit", "may read", "may regenerate", "copies")
_NAMED: Final = 3
"""How many principals a cell of the table names."""


@dataclass(frozen=True, slots=True)
class KeySheet(Sheet):
    """An answer whose records are keys."""

    note: ClassVar[str] = (
        "Ages come from the services where they state them, else from the activity log: where it does not tell, they are "
        "bounds. Who may read and regenerate is decided on roles; people with a copy of a key are known to nobody."
    )
    records_name: ClassVar[str] = "keys"

    def body(self, layout: Layout) -> list[str]:
        """Return one line for each key."""
        cells = [_cells(record) for record in self.records]
        return ["", *layout.rows(_SHOWN, cells)] if cells else ["", *layout.paragraph("no keys")]

    def cell(self, column: str, value: object) -> str:
        """Return lists with semicolons and copies in words."""
        match value:
            case bool():
                return str(value).lower()
            case list() if column == "copies":
                return "; ".join(map(_copy_in_words, value))
            case list():
                return "; ".join(map(str, value))
            case _:
                return "" if value is None else str(value)


def of_keys(context: Context, graph: AccessGraph) -> Sheet:
    """Lay out the keys of an estate, those that are too old first."""
    derived = list(run(context))
    copies: dict[str, list[KeyCopy]] = defaultdict(list)
    for each in derived:
        if isinstance(each, KeyCopy) and each.secret is not None:
            copies[ids.key(each.about.subject)].append(each)
    asked = _Questions(graph)
    keys = [each for each in derived if isinstance(each, KeyAge)]
    records = [_record(key, asked, copies.get(key.held.resource.key, ())) for key in keys]
    records.sort(key=lambda record: (_ORDER.index(str(record["state"])), str(record["resource_id"]).lower()))
    reasons = {str(record["reason"]) for record in records if record["state"] == _UNKNOWN}
    reasons |= {each.sentence() for found in copies.values() for each in found if isinstance(each.current, Gap)}
    unknowns = [*sorted(reasons), *_unlisted(context), *asked.unknowns]
    return KeySheet(
        title="Keys",
        asked={},
        columns=_COLUMNS,
        records=records,
        unknowns=unknowns,
        is_whole=not unknowns and asked.is_whole,
    )


def _unlisted(context: Context) -> Sequence[str]:
    """Return which types with keys may have more resources than the estate holds, by why."""
    missing: dict[str, list[str]] = defaultdict(list)
    for kind in context.estate.catalogue:
        gap = context.estate.type_gap(kind.key) if kind.keys.names else None
        if gap is not None:
            missing[gap.reason].append(kind.name)
    return [f"there may be more of {', '.join(names)}: {reason}" for reason, names in sorted(missing.items())]


_OVERDUE: Final = "too old"
_UNKNOWN: Final = "unknown"
_ORDER: Final = (_OVERDUE, _UNKNOWN, "no limit", "within limit", "not accepted")


class _Questions:
    """Asks who may do what to each resource once, and keeps what could change the answers."""

    def __init__(self, graph: AccessGraph) -> None:
        self._graph = graph
        self._answers: dict[tuple[str, str], WhoCan] = {}

    @property
    def unknowns(self) -> Sequence[str]:
        """Return what is not known of access, each once."""
        return list(dict.fromkeys(text for answer in self._answers.values() for text in answer.unknowns))

    @property
    def is_whole(self) -> bool:
        """Whether nothing that is not known could change an answer."""
        return all(answer.is_whole for answer in self._answers.values())

    def names(self, key: KeyAge, operations: Iterable[str]) -> Sequence[str] | None:
        """Return the names of those who can or may be able to do one of the operations of a key's type.

        None where nobody is known to, and not all who may be were read.
        """
        kind, resource_id = key.held.kind, key.held.resource.id
        named: dict[str, None] = {}
        is_open = False
        for operation in operations:
            asked = (resource_id, f"{kind.name}/{operation}")
            if asked not in self._answers:
                self._answers[asked] = who_can(self._graph, asked[1], resource_id, Plane.CONTROL)
            named |= dict.fromkeys(_name(actor) for actor in self._answers[asked].actors)
            is_open = is_open or bool(self._answers[asked].unknowns)
        return None if is_open and not named else sorted(named, key=str.lower)


def _name(actor: Actor) -> str:
    notes = [*(["maybe"] if actor.answer is not Truth.YES else []), *(["eligible"] if actor.eligible else [])]
    return f"{actor.name} ({', '.join(notes)})" if notes else actor.name


def _record(key: KeyAge, asked: _Questions, copies: Sequence[KeyCopy]) -> Record:
    """Return the columns `_COLUMNS` of a key; ages and times that are not known are null."""
    kind, state = key.held.kind, _state(key)
    return {
        "state": state,
        "resource_id": key.held.resource.id,
        "resource_type": kind.name,
        "service": key.service,
        "key": key.key,
        "accepted": None if isinstance(key.accepted, Gap) else key.accepted,
        "may_read": asked.names(key, (*kind.keys.read, *kind.keys.read_as_reader)),
        "may_regenerate": asked.names(key, kind.keys.replace),
        "created": key.created,
        "last_rotated": None if isinstance(key.last_rotated, Gap) else key.last_rotated,
        "not_rotated_since": key.not_rotated_since,
        "not_older_than": key.not_older_than,
        "age_at_least_days": key.age_at_least_days,
        "age_at_most_days": key.age_at_most_days,
        "limit_days": key.limit_days,
        "copies": [_copy(copy) for copy in copies],
        "reason": _reason(key) if state == _UNKNOWN else "",
    }


def _state(key: KeyAge) -> str:
    if key.accepted is False:
        return "not accepted"
    if key.limit_days is None:
        return "no limit"
    if isinstance(key.accepted, Gap) or isinstance(key.within_limit, Gap):
        return _UNKNOWN
    return "within limit" if key.within_limit else _OVERDUE


def _reason(key: KeyAge) -> str:
    gap = key.within_limit if isinstance(key.within_limit, Gap) else key.accepted
    needs = f", needs {gap.permission}" if isinstance(gap, Gap) and gap.permission else ""
    return f"{key.held.resource.name}: {gap.reason}{needs}" if isinstance(gap, Gap) else ""


def _copy(copy: KeyCopy) -> Mapping[str, object]:
    faults: Mapping[str, Callable[[], bool]] = {
        "disabled": lambda: copy.enabled is False,
        "expired": lambda: copy.expired is True,
        "outdated": lambda: copy.current is False,
        _UNKNOWN: lambda: isinstance(copy.current, Gap),
    }
    state = next((word for word, holds in faults.items() if holds()), "current")
    return {"secret": copy.secret, "bound_by": copy.bound_by, "state": state}


def _copy_in_words(copy: object) -> str:
    stated = copy if isinstance(copy, Mapping) else {}
    return f"{stated.get('secret')} ({stated.get('state')}, known by {stated.get('bound_by')})"


def _cells(record: Record) -> list[str]:
    copies = record["copies"] if isinstance(record["copies"], list) else []
    return [
        str(record["state"]),
        ids.name_of(str(record["resource_id"])),
        str(record["key"]),
        _age(record),
        "" if record["limit_days"] is None else str(record["limit_days"]),
        _people(record["may_read"]),
        _people(record["may_regenerate"]),
        ", ".join(f"{ids.name_of(str(copy['secret']))} ({copy['state']})" for copy in copies),
    ]


def _age(record: Record) -> str:
    """Return an age in days: exact, or between bounds."""
    least, most = record["age_at_least_days"], record["age_at_most_days"]
    if record["last_rotated"] is not None:
        return f"{least} days"
    return f"{least} days or more" if most is None else f"{least} to {most} days"


def _people(names: object) -> str:
    if names is None:
        return "not known"
    listed = [str(name) for name in names] if isinstance(names, list) else []
    more = f" and {len(listed) - _NAMED} more" if len(listed) > _NAMED else ""
    return f"{len(listed)}: {', '.join(listed[:_NAMED])}{more}" if listed else "nobody"
