"""Read exported entries of the activity log: what `az monitor activity-log list` prints, and rows of AzureActivity.

A list of entries says nothing of what it leaves out: `az` prints 50 of them unless told otherwise. So it proves the
regenerations that it holds and no others, unless whoever exported it declares the time that it covers. Who wrote or deleted
a resource is kept to tell of changes whose they are.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from auditor import resource_id as ids
from auditor.azure import activity, body, regenerations
from auditor.azure.catalogue import shipped
from auditor.azure.resource_type import ResourceType
from auditor.errors import InputError
from auditor.snapshot.hash import canonical
from auditor.snapshot.normalise import ExportEntry

DECLARED: Final = "activityLog"
"""The key of a document that holds entries together with the time that they cover."""
HINT: Final = (
    'declare what an export covers as {"from": TIME, "to": TIME, "subscriptions": [ID], "activityLog": [entries]}'
)


def entries(events: Sequence[object], place: str) -> Iterator[ExportEntry]:
    """Yield the regenerations and the writes among some entries as one log for each subscription; of no known time."""
    for subscription, kept in _kept(events).items():
        yield _log(subscription, {"events": [], **kept}, place)


def is_log(document: Mapping[str, object]) -> bool:
    """Whether a document is an entry of a log, an answer of Log Analytics, or a log with the time that it covers."""
    return DECLARED in document or isinstance(document.get("tables"), list) or regenerations.is_event(document)


def of_document(document: Mapping[str, object], label: str) -> Iterator[ExportEntry]:
    """Yield the logs in such a document."""
    if DECLARED in document:
        return _declared(document, label)
    is_event = regenerations.is_event(document)
    return entries([document] if is_event else _rows_of_tables(document), label)


def _declared(document: Mapping[str, object], label: str) -> Iterator[ExportEntry]:
    """Yield a log with the time that it covers for each subscription that a document declares. InputError otherwise."""
    start, end = body.moment(document, "from"), body.moment(document, "to")
    subscriptions = [name.lower().rpartition("/")[2] for name in body.texts(document, "subscriptions")]
    if start is None or end is None or start >= end or not subscriptions:
        raise InputError(f"{label} holds an activity log without the time and the subscriptions that it covers", HINT)
    kept = _kept(_rows(document.get(DECLARED), label))
    window: dict[str, object] = {
        "from": start.isoformat().replace("+00:00", "Z"),
        "to": end.isoformat().replace("+00:00", "Z"),
    }
    if providers := body.texts(document, "providers"):
        window["providers"] = list(providers)
    for subscription in sorted(set(subscriptions) | set(kept)):
        covered = window if subscription in subscriptions else {}
        yield _log(subscription, {**covered, "events": [], **kept.get(subscription, {})}, label)


def _rows(content: object, label: str) -> Sequence[object]:
    """Return the entries in a list, in a page of the log's own interface, or in an answer of Log Analytics."""
    if isinstance(content, Mapping):
        content = _rows_of_tables(content) if "tables" in content else content.get("value")
    if not isinstance(content, list):
        raise InputError(f"{label} has `{DECLARED}`, but it is no list of entries", HINT)
    return content


def _rows_of_tables(answer: Mapping[str, object]) -> list[object]:
    """Return the rows of all tables of an answer of Log Analytics as objects."""
    rows: list[object] = []
    for table in body.objects(answer, "tables"):
        names = [body.text(column, "name") or "" for column in body.items(table, "columns")]
        rows += [dict(zip(names, row, strict=False)) for row in body.items(table, "rows") if isinstance(row, list)]
    return rows


def _kept(events: Sequence[object]) -> Mapping[str, Mapping[str, list[dict[str, object]]]]:
    """Return by subscription, in lower case, what is kept of entries, in order of time and each once.

    `events` are regenerations, and `writes` who wrote or deleted what.
    """
    known = regenerations.operations(shipped())
    found: dict[str, dict[str, dict[bytes, dict[str, object]]]] = defaultdict(lambda: defaultdict(dict))
    for event in events:
        for name, kept in _told(event, known) if isinstance(event, Mapping) else ():
            if subscription := ids.subscription_of(str(kept["resourceId"] or "")):
                found[subscription.lower()][name][canonical(kept)] = kept
    return {
        subscription: {name: sorted(kept.values(), key=_order) for name, kept in sorted(of_log.items())}
        for subscription, of_log in sorted(found.items())
    }


def _told(event: Mapping[str, object], known: Mapping[str, ResourceType]) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield what an entry tells, and under which name it is kept."""
    if (regenerated := regenerations.regeneration(event, known)) is not None:
        yield "events", regenerated
    elif (written := activity.write(event)) is not None:
        yield "writes", written


def _order(event: Mapping[str, object]) -> tuple[str, bytes]:
    return str(event["eventTimestamp"]), canonical(event)


def _log(subscription: str, properties: dict[str, object], place: str) -> ExportEntry:
    """Return a log as a resource of its own: several exports of a subscription stand beside each other."""
    name = hashlib.sha256(canonical(properties)).hexdigest()[:16]
    own_id = f"/subscriptions/{subscription}/providers/{regenerations.ACTIVITY_LOG}/values/{name}"
    return ExportEntry(
        {"id": own_id, "name": name, "type": regenerations.ACTIVITY_LOG, "properties": properties}, place
    )
