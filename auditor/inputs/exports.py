"""Tell apart, by content, the shapes in which people export an Azure estate.

An export is one document or several, one a line: a list of Azure Resource Manager (a page ends in a `nextLink` where
there are more), an answer of Resource Graph in any of its forms, `{resources: […]}`, a plain list, a single resource.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

import orjson
from msgspec import Struct, field
from msgspec.structs import replace

from auditor import resource_id as ids
from auditor.azure.body import texts
from auditor.azure.regenerations import is_event
from auditor.errors import InputError
from auditor.inputs import activity_log, foreign
from auditor.inputs.entries import as_arm
from auditor.model import Gap
from auditor.snapshot.json_text import RawValue, decode, decoded, iter_lines
from auditor.snapshot.left_out import LEFT_OUT
from auditor.snapshot.model import ANY_TYPE, Metadata
from auditor.snapshot.normalise import ExportEntry

_HINT = (
    "give a snapshot, a JSON array of ARM resources, {resources: […]}, an ARM list {value: […]}, "
    "a Resource Graph answer {data: […]} or JSON Lines"
)
LONG: Final = 96 << 20
"""Bytes from which on what is read is held as text, and not as values, which take six times the room.

Where there is room it is no gain: judging asks for each body a few times, and decoding it anew costs a tenth of that.
"""
_INCOMPLETE = "the export holds only a part of the answer: follow its continuation token"


class Export(Struct, frozen=True):
    """The raw entries of a foreign export and what it says about itself.

    `is_cut`: it says that there is more of it. `is_log`: it holds entries of the activity log and no resources.
    """

    entries: Sequence[ExportEntry]
    metadata: Metadata = field(default_factory=Metadata)
    gaps: Sequence[Gap] = ()
    is_cut: bool = False
    is_log: bool = False


def from_document(document: object, label: str) -> Export:
    """Return the entries of one decoded JSON document, or raise InputError that says what it is instead."""
    if isinstance(document, list):
        return _listing(document, label)
    if not isinstance(document, dict):
        raise InputError(f"{label} holds a single JSON value, not resources", _HINT)
    if activity_log.is_log(document):
        return Export(list(activity_log.of_document(document, label)), is_log=True)
    if (known := foreign.in_document(document)) is not None:
        raise foreign.refusal(label, known)
    if any(name in document for name in ("id", "Id", "ResourceId")):
        return _listing([document], label)
    for name, read in (("resources", _from_resources), ("value", _from_arm_list), ("data", _from_resource_graph)):
        if name in document:
            return read(document, label)
    if "Data" in document:  # Search-AzGraph, whole
        return _from_resource_graph({name[:1].lower() + name[1:]: value for name, value in document.items()}, label)
    if isinstance(document.get("error"), dict):
        code = ascii(document["error"].get("code"))[:100]
        raise InputError(f"{label} holds an error answer of Azure ({code}), not resources", "sign in and export again")
    raise InputError(f"{label} is a JSON object of an unknown shape", _HINT)


def from_lines(data: bytes, label: str) -> Export:
    """Return the entries of JSON Lines: a resource a line, or a list a line as a loop over pages writes them."""
    parts, view = list[Export](), memoryview(data)
    for number, line in iter_lines(data):
        place = f"line {number}"
        item, document = _opened(view[line], f"{label}, {place},", stays_raw=len(data) >= LONG)
        if isinstance(document, dict) and isinstance(document.get("id"), str) and not is_event(document):
            parts.append(Export([_entry(item, document, place, f"{label}, {place}")]))
        else:
            page = from_document(document, f"{label}, {place}")
            parts.append(
                replace(page, entries=[replace(entry, place=f"{place}, {entry.place}") for entry in page.entries])
            )
    return joined(parts, is_pages=True)


def joined(parts: Sequence[Export], *, is_pages: bool = False) -> Export:
    """Return several exports as one; their order makes no difference, but for pages, of which the last says the end."""
    is_cut = parts[-1].is_cut if is_pages and parts else any(part.is_cut for part in parts)
    gaps = [gap for part in parts for gap in part.gaps if not (part.is_cut and gap.reason == _INCOMPLETE)]
    return Export(
        entries=[entry for part in parts for entry in part.entries],
        metadata=joined_metadata([part.metadata for part in parts if not part.is_log] or [Metadata()]),
        gaps=[*gaps, *_partial(is_cut)],
        is_cut=is_cut,
        is_log=all(part.is_log for part in parts),
    )


def joined_metadata(parts: Sequence[Metadata]) -> Metadata:
    """Return what several inputs say of themselves as one: complete where all are, of the latest time that one states."""
    if len(parts) == 1:
        return parts[0]
    tenants = sorted({part.tenant_id.lower() for part in parts if part.tenant_id})
    names = sorted((pair for part in parts for pair in part.subscription_names.items()), reverse=True)
    return Metadata(
        complete=all(part.complete for part in parts),
        collected_at=max((part.collected_at for part in parts if part.collected_at), default=None),
        judge_at=max((part.judge_at for part in parts if part.judge_at), default=None),
        tenant_id=tenants[0] if len(tenants) == 1 else None,
        scope=_joined_scope([part.scope for part in parts]),
        subscription_names=dict(names),
        extra=dict(sorted((pair for part in parts for pair in part.extra.items()), key=str)),
    )


def _joined_scope(scopes: Sequence[Mapping[str, object]]) -> Mapping[str, object]:
    """Return what was asked for in all: the lists of several scopes as one; an input without a scope limits nothing.

    What one of them left out is left out.
    """
    if not all(scope.keys() - {LEFT_OUT} for scope in scopes):
        left_out = {text for scope in scopes for text in texts(scope, LEFT_OUT)}
        return {LEFT_OUT: sorted(left_out)} if left_out else {}
    names = sorted({name for scope in scopes for name in scope})
    return {name: sorted({str(item) for scope in scopes for item in texts(scope, name)}) for name in names}


def _opened(line: memoryview, where: str, *, stays_raw: bool) -> tuple[object, object]:
    """Return a line as it is to be held, and the value in it. The text that it stands in is held with it, not copied."""
    raw = RawValue(line)
    try:
        document = raw.decoded()
    except orjson.JSONDecodeError:
        document = decode(line.tobytes(), where)
        return document, document
    return raw if stays_raw else document, document


def _entry(item: object, document: object, place: str, label: str) -> ExportEntry:
    """Return an entry of an export; what is raw stays so (`document` is what it holds)."""
    if (known := foreign.in_entry(document)) is not None:
        raise foreign.refusal(label, known)
    body, gaps = as_arm(document, item.text if isinstance(item, RawValue) else None)
    if body is document:
        body = item
    elif isinstance(item, RawValue):
        body = RawValue(orjson.dumps(body))
    return ExportEntry(body, place, gaps=gaps)


def _listing(items: Sequence[object], label: str, metadata: Metadata | None = None, gaps: Sequence[Gap] = ()) -> Export:
    """Return the entries of a list; where nothing else says which, the tenant is the one that all of them state."""
    events: list[object] = []
    entries: list[ExportEntry] = []
    tenants: set[str] = set()
    for number, item in enumerate(items, 1):
        document = decoded(item)
        if isinstance(document, dict):
            tenant = document.get("tenantId")
            tenants.add(tenant if isinstance(tenant, str) else "")
        if is_event(document):
            events.append(document)
        else:
            entries.append(_entry(item, document, f"resource {number}", label))
    is_log = bool(events) and not entries
    entries += activity_log.entries(events, "the activity log")
    known = metadata or Metadata()
    if known.tenant_id is None:
        known = replace(known, tenant_id=(tenants.pop() or None) if len(tenants) == 1 else None)
    return Export(entries, known, () if is_log else gaps, is_log=is_log)


def _list_in(document: Mapping[str, object], name: str, label: str) -> list[object]:
    items = document[name]
    if not isinstance(items, list):
        raise InputError(f"{label} has `{name}`, but it is no list of resources", _HINT)
    return items


def _from_resources(document: dict[str, object], label: str) -> Export:
    items = _list_in(document, "resources", label)
    complete = document.get("complete", False)
    if not isinstance(complete, bool):
        raise InputError(
            f"{label} has `complete`, but it is neither true nor false", "write true only of a whole estate"
        )
    source = document.get("source")
    source = source if isinstance(source, dict) else {}
    tenant = document.get("tenantId")
    deployed = _time(source.get("deployedAt"), "source.deployedAt", label)
    metadata = Metadata(
        complete=complete,
        judge_at=_time(source.get("snapshotAt"), "source.snapshotAt", label),
        tenant_id=tenant if isinstance(tenant, str) and tenant else None,
        subscription_names=_subscription_names(document.get("subscriptions")),
        extra={"deployed_at": deployed} if deployed else {},
    )
    return _listing(items, label, metadata, _gaps_in(document.get("gaps"), label))


def _time(value: object, name: str, label: str) -> str | None:
    """Return a point in time as ISO 8601 in UTC; without an offset it counts as UTC."""
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(str(value))
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InputError(
            f"{label} has `{name}`, but it is no ISO 8601 time", "write it as 2024-02-20T12:00:00Z"
        ) from error
    return moment.isoformat().replace("+00:00", "Z")


def _subscription_names(listed: object) -> dict[str, str]:
    names = {}
    for item in listed if isinstance(listed, list) else ():
        if isinstance(item, dict):
            subscription, name = item.get("subscriptionId"), item.get("displayName")
            if isinstance(subscription, str) and isinstance(name, str):
                names[subscription.lower()] = name
    return names


def _gaps_in(listed: object, label: str) -> list[Gap]:
    hint = "write each gap as {scope, what, reason, permission}"
    if listed is not None and not isinstance(listed, list):
        raise InputError(f"{label} has `gaps`, but it is no list", hint)
    gaps = []
    for number, item in enumerate(listed or (), 1):
        values = [item.get(key) for key in ("scope", "what", "reason")] if isinstance(item, dict) else [None]
        permission = item.get("permission") if isinstance(item, dict) else None
        if not all(isinstance(value, str) and value for value in values) or not isinstance(permission, str | None):
            raise InputError(f"{label} has a gap that cannot be understood: number {number}", hint)
        scope, what, reason = map(str, values)
        if scope != "/" and not ids.is_resource_id(scope):
            raise InputError(f"{label} has a gap whose scope is no ARM id: number {number}", hint)
        gaps.append(Gap(scope, what, reason, permission or None))
    return gaps


def _partial(is_partial: bool) -> list[Gap]:  # noqa: FBT001 - the only argument
    return [Gap("/", ANY_TYPE, _INCOMPLETE)] if is_partial else []


def _from_arm_list(document: dict[str, object], label: str) -> Export:
    more = bool(document.get("nextLink") or document.get("@odata.nextLink"))
    page = _listing(_list_in(document, "value", label), label, gaps=_partial(more))
    return replace(page, is_cut=more and not page.is_log)


def _from_resource_graph(document: dict[str, object], label: str) -> Export:
    data = document["data"]
    items = _rows_of_table(data, label) if isinstance(data, dict) else _list_in(document, "data", label)
    more = _is_truncated(document, len(items))
    return replace(_listing(items, label, gaps=_partial(more)), is_cut=more)


def _rows_of_table(table: Mapping[str, object], label: str) -> list[dict[str, object]]:
    """Return the rows of an answer in table form (`resultFormat: table`, the default of old API versions) as objects."""
    columns, rows = table.get("columns"), table.get("rows")
    if not isinstance(columns, list) or not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise InputError(
            f"{label} is a Resource Graph answer of an unknown shape", "query with resultFormat objectArray"
        )
    names = [str(column.get("name")) if isinstance(column, dict) else str(column) for column in columns]
    if not all(len(row) == len(names) for row in rows):
        raise InputError(f"{label} has rows that are longer or shorter than its columns", "query again")
    return [dict(zip(names, row, strict=True)) for row in rows]


def _is_truncated(document: Mapping[str, object], count: int) -> bool:
    """Whether a Resource Graph answer says that there is more; its flags come as strings, the CLI renames them."""
    flags = [document.get(name) for name in ("resultTruncated", "result_truncated")]
    tokens = [document.get(name) for name in ("$skipToken", "skipToken", "skip_token")]
    totals = [document.get(name) for name in ("totalRecords", "total_records")]
    return (
        any(str(flag).lower() == "true" for flag in flags)
        or any(tokens)
        or any(isinstance(total, int) and total > count for total in totals)
    )
