"""Tell apart, by content, the shapes in which people export an Azure estate.

An export is one document or several, one a line or one after the other, or all in one list: a list of Azure Resource
Manager (a page ends in a `nextLink` where there are more), an answer of Resource Graph in any of its forms,
`{resources: […]}`, a plain list, a single resource.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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
from auditor.inputs.glance import glance
from auditor.model import Gap
from auditor.snapshot.bodies import Bodies, PackedRow
from auditor.snapshot.json_text import RawValue, decode, decoded, iter_lines, opened
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
_SAMPLES: Final = 300  # rows from which it is learnt what rows are like
_LISTS: Final = ("value", "data", "Data", "resources")
_INCOMPLETE = "the export holds only a part of the answer: follow its continuation token"


class Page(Struct, frozen=True):
    """What a page of a longer list says of the list.

    `form`: what wrote it, `arm` or `graph`. `has_more`: that a page follows. `type_of_rest`: the type (lower case) of
    which alone that one holds resources, where the link to it says so. `total`: how many `rows` all pages hold.
    """

    form: str
    rows: int
    has_more: bool
    type_of_rest: str | None = None
    total: int | None = None

    @property
    def missing(self) -> int:
        """Return how many rows are on other pages, as far as it says."""
        return max(0, (self.total or 0) - self.rows)


class Export(Struct, frozen=True):
    """The raw entries of a foreign export and what it says about itself.

    `page`: what it says of what follows it, where it is a page. `is_log`: it holds entries of the activity log and no
    resources.
    """

    entries: list[ExportEntry]
    metadata: Metadata = field(default_factory=Metadata)
    gaps: Sequence[Gap] = ()
    page: Page | None = None
    is_log: bool = False

    @property
    def is_cut(self) -> bool:
        """Return whether it says that there is more of it."""
        return self.page is not None and (self.page.has_more or self.page.missing > 0)


def from_document(document: object, label: str) -> Export:
    """Return the entries of one decoded JSON document, or raise InputError that says what it is instead."""
    if isinstance(document, list):
        pages = any(_is_page(decoded(item)) for item in document[:1])
        return _from_pages(document, label) if pages else _listing(document, label)
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


def _is_page(value: object) -> bool:
    """Whether an entry of a list is a page of entries itself, as tools print that gather several answers into one list."""
    return isinstance(value, list) or (
        isinstance(value, dict)
        and not any(name in value for name in ("id", "Id", "ResourceId"))
        and any(isinstance(value.get(name), list) for name in _LISTS)
    )


def _from_pages(items: Sequence[object], label: str) -> Export:
    return from_documents([(f"page {number}", decoded(item)) for number, item in enumerate(items, 1)], label)


def from_documents(documents: Iterable[tuple[str, object]], label: str) -> Export:
    """Return the entries of several documents, each with what messages call it: resources, lists or pages of a list."""
    parts = list[Export]()
    for place, document in documents:
        where = f"{label}, {place}"
        if isinstance(document, dict) and isinstance(document.get("id"), str) and not is_event(document):
            parts.append(Export([_entry(document, place, where, None, Bodies())]))
            continue
        page = _listing(document, where) if isinstance(document, list) else from_document(document, where)
        parts.append(replace(page, entries=[replace(entry, place=f"{place}, {entry.place}") for entry in page.entries]))
    return joined(parts, is_pages=True)


def from_lines(data: bytes, label: str) -> Export:
    """Return the entries of JSON Lines: a resource a line, or a list a line as a loop over pages writes them."""
    parts, single, view = list[Export](), list[ExportEntry](), memoryview(data)
    is_long = len(data) >= LONG
    store = Bodies.like(_some_lines(data)) if is_long else Bodies()
    for number, line in iter_lines(data):
        place = f"line {number}"
        raw, document = _opened(view[line], f"{label}, {place},")
        if isinstance(document, dict) and isinstance(document.get("id"), str) and not is_event(document):
            single.append(_entry(document, place, f"{label}, {place}", raw if is_long else None, store))
            continue
        page = from_document(document, f"{label}, {place}")
        entries = [replace(entry, place=f"{place}, {entry.place}") for entry in page.entries]
        parts += [*([Export(single)] if single else []), replace(page, entries=entries)]
        single = []
    return joined([*parts, Export(single)] if single else parts, is_pages=True)


def _some_lines(data: bytes) -> Sequence[bytes]:
    """Return some of the lines of a text, from all parts of it."""
    starts = (data.find(b"\n", at) + 1 for at in range(0, len(data), len(data) // _SAMPLES + 1))
    return [data[at : data.find(b"\n", at)] for at in sorted(set(starts)) if at and data.find(b"\n", at) > at]


def joined(parts: Sequence[Export], *, is_pages: bool = False) -> Export:
    """Return several exports as one; their order makes no difference, but for pages, of which the next may be the rest."""
    is_cut = _lack_pages(parts) if is_pages else any(part.is_cut for part in parts)
    gaps = [gap for part in parts for gap in part.gaps if not (part.is_cut and gap.reason == _INCOMPLETE)]
    return Export(
        entries=[entry for part in parts for entry in part.entries],
        metadata=joined_metadata([part.metadata for part in parts if not part.is_log] or [Metadata()]),
        gaps=[*gaps, *_partial(is_cut)],
        page=Page("", 0, has_more=True) if is_cut else None,
        is_log=all(part.is_log for part in parts),
    )


def _lack_pages(parts: Sequence[Export]) -> bool:
    """Whether a page of several parts is not followed by the rest, or a list has fewer rows than it says."""
    rows = 0
    for part, rest in zip(parts, [*parts[1:], None], strict=True):
        page = part.page
        if page is None:
            continue
        rows += page.rows
        if not page.has_more and rows < (page.total or 0):
            return True
        if page.has_more and not _continues(page, rest):
            return True
        rows = rows if page.has_more else 0
    return False


def _continues(page: Page, rest: Export | None) -> bool:
    """Whether what follows a page may be the rest of its list."""
    if rest is None or rest.page is None or rest.page.form != page.form:
        return False
    return (
        page.type_of_rest is None or not rest.entries or any(_is_of(entry, page.type_of_rest) for entry in rest.entries)
    )


def _is_of(entry: ExportEntry, resource_type: str) -> bool:
    row = entry.decoded()
    own_id = row.get("id") if isinstance(row, dict) else None
    return isinstance(own_id, str) and (ids.type_of(own_id) or "").lower() == resource_type


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


def _opened(line: memoryview, where: str) -> tuple[RawValue | None, object]:
    """Return a line as it stands in the text, unless it had to be repaired, and the value in it."""
    raw = RawValue(line)
    try:
        return opened(raw)
    except orjson.JSONDecodeError:
        return None, decode(line.tobytes(), where)


def _entry(document: object, place: str, label: str, raw: RawValue | None, store: Bodies) -> ExportEntry:
    """Return an entry of an export; what is still `raw` is kept in a store, so that the whole text can go."""
    if (known := foreign.in_entry(document)) is not None:
        raise foreign.refusal(label, known)
    if not isinstance(document, dict):
        return ExportEntry(document, place)
    seen = glance(document)
    body, gaps = as_arm(document, seen)
    if body is not document:
        seen = glance(body)
    held = body if raw is None else PackedRow.of(raw.text if body is document else orjson.dumps(body), store)
    return ExportEntry(held, place, gaps=gaps, is_shallow=not seen.is_deep, is_harmless=seen.is_harmless)


def _store_for(rows: Sequence[object]) -> Bodies:
    """Return what keeps raw rows, learning from some of them."""
    some = rows[1 :: max(1, len(rows) // _SAMPLES)]
    return Bodies.like([bytes(row.text) for row in some if isinstance(row, RawValue)])


def _listing(items: Sequence[object], label: str, metadata: Metadata | None = None, gaps: Sequence[Gap] = ()) -> Export:
    """Return the entries of a list; where nothing else says which, the tenant is the one that all of them state."""
    events: list[object] = []
    entries: list[ExportEntry] = []
    tenants: set[str] = set()
    store = _store_for(items)
    for number, item in enumerate(items, 1):
        raw, document = opened(item) if isinstance(item, RawValue) else (None, item)
        if isinstance(document, dict):
            tenant = document.get("tenantId")
            tenants.add(tenant if isinstance(tenant, str) else "")
        if is_event(document):
            events.append(document)
        else:
            entries.append(_entry(document, f"resource {number}", label, raw, store))
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
    link = document.get("nextLink") or document.get("@odata.nextLink")
    items = _list_in(document, "value", label)
    page = _listing(items, label, gaps=_partial(bool(link)))
    return page if page.is_log else replace(page, page=Page("arm", len(items), bool(link), _type_of_list(str(link))))


def _type_of_list(link: str) -> str | None:
    """Return the type of which a list holds resources, in lower case, where the address of the list names one."""
    _, _, path = link.partition("?")[0].rpartition("/providers/")
    namespace, *segments = path.lower().strip("/").split("/")
    return "/".join([namespace, *segments[::2]]) if len(segments) % 2 and "." in namespace else None


def _from_resource_graph(document: dict[str, object], label: str) -> Export:
    data = document["data"]
    items = _rows_of_table(data, label) if isinstance(data, dict) else _list_in(document, "data", label)
    totals = [document.get(name) for name in ("totalRecords", "total_records")]
    total = next((total for total in totals if isinstance(total, int)), None)
    page = Page("graph", len(items), _says_more(document), total=total)
    return replace(_listing(items, label, gaps=_partial(page.has_more or page.missing > 0)), page=page)


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


def _says_more(document: Mapping[str, object]) -> bool:
    """Whether a Resource Graph answer says that there is more; its flags come as strings, the CLI renames them."""
    flags = [document.get(name) for name in ("resultTruncated", "result_truncated")]
    tokens = [document.get(name) for name in ("$skipToken", "skipToken", "skip_token")]
    return any(str(flag).lower() == "true" for flag in flags) or any(tokens)
