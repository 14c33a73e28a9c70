"""Bring the entries of any export into one form: each resource once, children on their own and inside their parents.

Nested children, children as entries of their own and both together give the same result, in any order.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Final

import orjson
from msgspec import Struct
from msgspec.structs import replace

from auditor import resource_id as ids
from auditor.azure.body import as_time
from auditor.azure.catalogue import shipped, spelled
from auditor.errors import InputError
from auditor.model import Gap, HeldBody, Resource, lower
from auditor.redaction.harmless import is_harmless
from auditor.redaction.marks import is_marked
from auditor.resource_id import RESOURCE_GROUPS, SUBSCRIPTIONS
from auditor.snapshot.bodies import PackedRow
from auditor.snapshot.children import CHILD_SEGMENTS, INLINE_CHILD_TYPES, inline_children, put_back, take_apart
from auditor.snapshot.hash import canonical
from auditor.snapshot.json_text import TOO_DEEP
from auditor.snapshot.model import ANY_TYPE, KIND_NOT_READ, TWO_TYPES

Hold = Callable[[dict[str, object], bool], HeldBody]
"""Hold a body; the second says whether it is known to be made of nothing but what is harmless."""
DEPTH_KEPT: Final = 200
"""Levels of nesting that a body keeps; the canonical form is written to 254, and parents hold their children."""
_SPARE: Final = 40

# Columns that Resource Graph and the command line add to every resource; the id says the same.
_ADDED_COLUMNS: Final = frozenset({"subscriptionid", "resourcegroup", "tenantid"})
_EMPTY_COLUMNS: Final = frozenset({"kind", "managedBy"})  # Resource Graph writes "" where ARM writes nothing
PROPERTIES_NOT_READ: Final = "its properties are not in the export"
NOT_READ: Final = "not in the export"
# Whether a resource has these shows only where a row states all of it; a projection may have left them out. A row is one
# where it lacks its type, or what Azure states of every resource of the type.
_ENVELOPE: Final = ("extendedLocation", "identity", "kind", "location", "managedBy", "sku", "tags", "zones")
_STATED_BY_WHOLE_ROWS: Final = frozenset({"type"})
_NOTHING: Final[frozenset[str]] = frozenset()
# What ARM returns without a `properties` object.
WITHOUT_PROPERTIES: Final = frozenset({SUBSCRIPTIONS, f"{SUBSCRIPTIONS}/locations", "microsoft.resources/tenants"})
_RESOURCES: Final = SUBSCRIPTIONS.partition("/")[0]
_SUBSCRIPTION: Final = spelled(SUBSCRIPTIONS)
_RESOURCE_GROUP: Final = spelled(RESOURCE_GROUPS)


def as_it_is(body: dict[str, object], _: bool) -> HeldBody:  # noqa: FBT001 - as it is called
    """Return a body as one that is held as it is."""
    return HeldBody(body)


class ExportEntry(Struct, frozen=True):
    """One raw resource and where it came from; `place` names it in messages (`resource 3`, `line 7`).

    `gaps` is what of it was not read, as far as its form shows it. It is known to be `is_shallow` where it is not nested more
    deeply than is kept, and `is_harmless` where there is no secret in anything that it is made of, wherever that stands.
    """

    body: object
    place: str
    source: str = "export"
    api_version: str | None = None
    collected_at: str | None = None
    gaps: Sequence[Gap] = ()
    is_shallow: bool = False
    is_harmless: bool = False

    def decoded(self) -> object:
        """Return what it holds."""
        return self.body.decoded() if isinstance(self.body, PackedRow) else self.body


class _Copy(Struct):
    """One view of a resource; `stated` are the names at its top level, in lower case, those with null included.

    Of those that Azure states of every resource of the type, null is no statement.
    """

    held: HeldBody
    entry: ExportEntry
    api_version: str | None
    stated: frozenset[str]
    is_read: bool
    """Whether it has properties."""
    is_nested: bool
    """Whether it was listed in another resource."""

    @property
    def body(self) -> dict[str, object]:
        """Return its body."""
        return dict(self.held.read())


def _view(
    body: dict[str, object],
    hold: Hold,
    entry: ExportEntry,
    api_version: str | None,
    stated: frozenset[str],
    *,
    is_nested: bool = False,
) -> _Copy:
    is_read = isinstance(body.get("properties"), dict)
    return _Copy(hold(body, entry.is_harmless), entry, api_version, stated, is_read, is_nested)


_Drafts = dict[str, tuple[_Copy, ...]]
"""The copies of each resource, nearly always one, by its key."""


def normalise(entries: Iterable[ExportEntry], hold: Hold = as_it_is) -> tuple[list[Resource], list[Gap]]:
    """Return the resources, sorted by key, and the gaps that the entries themselves show; `hold` says how their bodies are held.

    Raise InputError, naming the entry, for what is no ARM resource and for two entries that contradict each other.
    """
    references: set[str] = set()
    resources, gaps = normalise_part(entries, references, hold)
    known = {resource.key for resource in resources}
    gaps += [gap_of_reference(reference) for reference in sorted(references) if ids.key(reference) not in known]
    return resources, gaps


def normalise_part(
    entries: Iterable[ExportEntry], references: set[str], hold: Hold = as_it_is
) -> tuple[list[Resource], list[Gap]]:
    """Do the same for a part of an estate that no other part shares resources, parents or children with.

    What the entries have only the id of goes into `references`: another part may hold it.
    """
    drafts: _Drafts = {}
    gaps: list[Gap] = []
    for entry in entries:
        _collect(entry, drafts, gaps, references, hold)
    merged = {key: _merged(copies, hold) for key, copies in drafts.items()}
    drafts.clear()
    gaps += [gap for key in sorted(merged) for gap in _unread(merged[key])]
    bodies = _with_children(merged, hold)
    return [_resource(key, bodies[key], merged[key]) for key in sorted(bodies)], gaps


def _resource(key: str, held: HeldBody, copy: _Copy) -> Resource:
    entry = copy.entry
    return Resource(held, key, lower(held.type), entry.source, copy.api_version, entry.collected_at)


def _unread(copy: _Copy) -> Iterator[Gap]:
    """Yield what of a resource of a foreign export was not read: a row may lack its properties, or be a projection.

    `"properties": {}` is an answer, and says that there are none; null, a text or nothing at all is no answer.
    """
    held = copy.held
    if copy.entry.source != "export" or held.type.lower() in WITHOUT_PROPERTIES:
        return
    if not copy.is_read:
        yield Gap(held.id, "properties", PROPERTIES_NOT_READ)
    if not copy.is_read or not copy.stated >= _stated_by_whole_rows(held.type):
        known = shipped().get(held.type)
        for name in _ENVELOPE:
            if name.lower() not in copy.stated:
                decides = name == "kind" and known is not None and known.is_split_by_kind
                yield Gap(held.id, name, KIND_NOT_READ if decides else NOT_READ)


@lru_cache(maxsize=4096)
def _stated_by_whole_rows(resource_type: str) -> frozenset[str]:
    """Return the names at its top that a row of a type states if it states all that there is."""
    known = shipped().get(resource_type)
    return _STATED_BY_WHOLE_ROWS | (known.always if known else frozenset())


def gap_of_reference(reference: str) -> Gap:
    """Return the gap that a resource leaves of which the estate has only the id."""
    return Gap(reference, ids.type_of(reference) or ANY_TYPE, "only its id is in the export")


def keys_in(entry: ExportEntry) -> set[str]:
    """Return the keys of the resources in an entry: its own and those nested in it."""
    drafts: _Drafts = {}
    _collect(entry, drafts, [], set(), as_it_is)
    return set(drafts)


def _collect(entry: ExportEntry, drafts: _Drafts, gaps: list[Gap], references: set[str], hold: Hold) -> None:
    body = _checked(entry)
    gaps += entry.gaps
    if not entry.is_shallow and _is_deep(body):
        body = _shortened_body(body, gaps)
    source = replace(entry, body=None, gaps=())  # what of it is held further on
    waiting: list[tuple[dict[str, object], str | None, bool]] = [(body, entry.api_version, False)]
    while waiting:
        raw, inherited, is_nested = waiting.pop()
        given = raw.get("apiVersion")
        api_version = given if isinstance(given, str) and given else inherited
        tidy = _tidied(raw, entry.place)
        resource_type = str(tidy["type"])
        if entry.source == "export" and raw.get("type") != resource_type:
            gaps += _of_two_types(str(tidy["id"]), raw.get("type"), resource_type)
        parts = take_apart(tidy, resource_type.lower(), entry.place)
        key = ids.key(str(tidy["id"]))
        # lists of children inside a parent may state no more than their ids
        is_whole = is_nested or resource_type.count("/") > 1
        stated = _stated(tuple(raw), _lacking(tidy, resource_type), is_whole=is_whole)
        copy = _view(parts.body, hold, source, api_version, stated, is_nested=is_nested)
        drafts[key] = (*drafts.get(key, ()), copy)
        references.update(parts.references)
        waiting += [(child, api_version, True) for child in parts.children]


@lru_cache(maxsize=4096)  # as of `_added`
def _stated(names: tuple[str, ...], lacking: frozenset[str], *, is_whole: bool) -> frozenset[str]:
    """Return in lower case which of the names at its top a resource states."""
    stated = frozenset(name.lower() for name in names) - lacking
    return stated | _STATED_BY_WHOLE_ROWS if is_whole else stated


def _lacking(body: Mapping[str, object], resource_type: str) -> frozenset[str]:
    """Return what Azure states of every resource of a type and a body does not: empty, it says as little as null."""
    kind = shipped().get(resource_type)
    if kind is None or not kind.always:
        return _NOTHING
    return kind.always - {name.lower() for name, value in body.items() if value or name == "properties"}


def _checked(entry: ExportEntry) -> dict[str, object]:
    body = entry.decoded()
    hint = "give ARM resources as Azure returns them, each with its full id"
    if not isinstance(body, dict):
        raise InputError(f"{entry.place} is {_kind_of(body)}, not an ARM resource", hint)
    if body.get("id") is None:
        raise InputError(f"{entry.place} has no id", hint)
    body = with_whole_id(body)
    own_id = body["id"]
    if not ids.is_resource_id(own_id) or own_id.rstrip("/").count("/") < 2:
        raise InputError(f"{entry.place} has an id that is no ARM id: {_quoted(own_id)}", hint)
    return body


def with_whole_id(body: dict[str, object]) -> dict[str, object]:
    """Return a body whose id starts with a slash; the diagnostic settings of subscriptions come without."""
    own_id = body.get("id")
    lacks_slash = isinstance(own_id, str) and own_id[:14].lower() == "subscriptions/"
    return {**body, "id": f"/{own_id}"} if lacks_slash else body


def _kind_of(value: object) -> str:
    kinds = {str: "a string", list: "a list", bool: "true or false", int: "a number", float: "a number"}
    return kinds.get(type(value), "null")


def _quoted(value: object) -> str:
    text = ascii(value)
    return text if len(text) <= 300 else text[:297] + "..."


def _tidied(raw: dict[str, object], place: str) -> dict[str, object]:
    """Return a body with `id`, `name` and `type` in one spelling and without what exporters add."""
    own_id = str(raw["id"])
    spelled = _type_in(own_id)
    given = raw.get("type")
    if not isinstance(given, str) or not given:
        given = spelled
    if not given:
        raise InputError(
            f"{place} has no type and its id spells none: {_quoted(own_id)}", "export resources with a type"
        )
    added = _added(tuple(raw))
    if given.lower() == SUBSCRIPTIONS:
        added = added & {"apiVersion"}
    body = {key: value for key, value in raw.items() if value is not None and key not in added}
    for key in _EMPTY_COLUMNS:
        if body.get(key) == "":
            del body[key]
    body["type"] = given if _lies_in(own_id, given) else _best_type(given, spelled)
    if not isinstance(body.get("name"), str) or not body["name"]:
        body["name"] = ids.name_of(own_id)
    return body


@lru_cache(maxsize=4096)  # resources of a type have the same few sets of names
def _added(names: tuple[str, ...]) -> frozenset[str]:
    """Return which of the names are no part of the resource itself."""
    return frozenset(name for name in names if name == "apiVersion" or name.lower() in _ADDED_COLUMNS)


def _type_in(own_id: str) -> str | None:
    found = ids.type_of(own_id)
    if found:
        return found
    parts = [part.lower() for part in ids.segments(own_id)]
    if parts[0] == "subscriptions" and len(parts) == 2:
        return _SUBSCRIPTION
    return _RESOURCE_GROUP if len(parts) == 4 and parts[2] == "resourcegroups" else None


def _lies_in(own_id: str, given: str) -> bool:
    """Whether an id holds a type as it stands, a name of its own in it: the activity log is …/eventtypes/management."""
    return given.count("/") > 1 and f"/providers/{given.lower()}/" in f"{own_id.lower()}/"


def _best_type(given: str, spelled: str | None) -> str:
    """Return the type of a resource: what its id spells, by which Azure and all that names the resource find it."""
    if spelled is None:
        return given
    if given == spelled:
        return given
    if given.lower() == spelled.lower():
        return min(given, spelled, key=_spelling_order)
    return spelled


def _of_two_types(resource_id: str, given: object, resource_type: str) -> Iterator[Gap]:
    """Yield what an entry leaves open that states another type than its id spells: all of it, and both types there."""
    if not isinstance(given, str) or given.lower() == resource_type.lower():
        return
    if not _is_other(given, resource_type) or given.lower().endswith(f"/{ids.name_of(resource_id).lower()}"):
        return  # `Microsoft.Web/sites/authsettingsv2` lies at sites/config/authsettingsv2
    for what in ("properties", *_ENVELOPE, given):
        yield Gap(resource_id, what, TWO_TYPES)


@lru_cache(maxsize=4096)
def _is_other(given: str, resource_type: str) -> bool:
    """Whether a type is no other name of the one that an id spells, as some tools have them for parts of a resource."""
    namespace, _, names = given.lower().partition("/")
    own_namespace, _, own_names = resource_type.lower().partition("/")
    is_type = "." in namespace and bool(names)
    is_scope = resource_type in (_RESOURCE_GROUP, _SUBSCRIPTION) and namespace == _RESOURCES
    is_part = "/providers/" in names or resource_type.lower() in INLINE_CHILD_TYPES
    # what lists the sites of a plan calls them Microsoft.Web/serverfarms/sites
    is_same = (namespace, names.rpartition("/")[2]) == (own_namespace, own_names.rpartition("/")[2])
    return is_type and not (is_scope or is_part or is_same)


def _spelling_order(text: str) -> tuple[bool, str]:
    """Prefer mixed case, which is how Azure documents names; some services return all of it in one case."""
    return text in (text.lower(), text.upper()), text


def _merged(copies: tuple[_Copy, ...], hold: Hold) -> _Copy:
    if len(copies) == 1:
        return copies[0]
    own = sorted(
        (copy for copy in copies if not copy.is_nested),
        key=lambda copy: (_spelling_order(str(copy.body["id"])), canonical(copy.body)),
    )
    nested = sorted((copy for copy in copies if copy.is_nested), key=lambda copy: canonical(copy.body))
    stating = own or nested
    first, *rest = [*own, *nested]
    body = first.body
    for number, copy in enumerate(rest, start=1):
        if number < len(stating) and not _agree(_comparable(body), _comparable(copy.body)):
            raise _contradiction(stating[:number], copy)
        body = _filled_object(body, copy.body)
    versions = sorted(copy.api_version for copy in stating if copy.api_version)
    stated = frozenset(name for copy in (first, *rest) for name in copy.stated)
    entry = replace(first.entry, is_harmless=all(copy.entry.is_harmless for copy in (first, *rest)))
    return _view(body, hold, entry, versions[-1] if versions else first.api_version, stated)


def _contradiction(before: Sequence[_Copy], copy: _Copy) -> InputError:
    """Return what to say where a view of a resource contradicts what others together say; one may show more than another."""
    other = next(one for one in before if not _agree(_comparable(one.body), _comparable(copy.body)))
    first, second = sorted([other, copy], key=lambda one: (len(one.entry.place), one.entry.place))
    places = sorted({first.entry.place, second.entry.place}, key=lambda place: (len(place), place))
    return InputError(
        f"{' and '.join(places)} hold{'' if places[1:] else 's'} the same id with different contents: "
        f"{_quoted(first.body['id'])}, {_quoted(second.body['id'])}",
        "keep one of them, or export again",
    )


def _agree(left: object, right: object) -> bool:
    """Whether two values can both be true: objects may state different names, all else has to be the same.

    Null states nothing: the command line prints it for whatever the API version that it asked does not have. Case tells
    nothing apart, nor how a time is written: Resource Graph, Resource Manager and the command line differ in these.
    """
    if left is None or right is None:
        return True
    if isinstance(left, dict) and isinstance(right, dict):
        shared = ((value, other) for name, value in left.items() if (other := _spelled_in(right, name)) is not None)
        return all(_agree(value, right[other]) for value, other in shared)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_agree, left, right))
    if isinstance(left, str) and isinstance(right, str) and _is_same_text(left, right):
        return True
    return bool(left == right) or _is_redacted(left) or _is_redacted(right)


def _is_same_text(left: str, right: str) -> bool:
    """Whether two texts are the same word or the same time."""
    if left.lower() == right.lower():
        return True
    moment = as_time(left)
    return moment is not None and moment == as_time(right)


def _is_redacted(value: object) -> bool:
    """Whether a secret was taken out of a text: what stands in its place says nothing about another view of it."""
    return isinstance(value, str) and is_marked(value)


def _comparable(body: dict[str, object]) -> dict[str, object]:
    """Return a body without what differs between views of one resource although it means the same.

    Resource Manager writes some regions as people do (`West Europe`), Resource Graph in one word. An assignment that a
    management group hands down is listed under each subscription, each time with that subscription before the role's
    GUID: https://learn.microsoft.com/azure/role-based-access-control/role-definitions
    """
    alike = {**body, **{key: str(body[key]).lower() for key in ("id", "name", "type")}}
    if isinstance(location := body.get("location"), str):
        alike["location"] = location.replace(" ", "")
    properties = body.get("properties")
    if isinstance(properties, dict) and isinstance(role := properties.get("roleDefinitionId"), str):
        alike["properties"] = {**properties, "roleDefinitionId": ids.name_of(role).lower()}
    return alike


def _filled(own: object, extra: object) -> object:
    """Return `own` with what only `extra` has, at any depth of objects."""
    if own is None:
        return extra
    return _filled_object(own, extra) if isinstance(own, dict) and isinstance(extra, dict) else own


def _filled_object(own: dict[str, object], extra: dict[str, object]) -> dict[str, object]:
    pairs = [(key, value, _spelled_in(extra, key)) for key, value in own.items()]
    shared = {other for _, _, other in pairs}
    rest = {key: value for key, value in extra.items() if key not in shared}
    return {**rest, **{key: value if other is None else _filled(value, extra[other]) for key, value, other in pairs}}


def _spelled_in(body: Mapping[str, object], name: str) -> str | None:
    """Return how an object spells a name, which case does not tell from another, or None where it does not have it."""
    return name if name in body else _by_folded(tuple(body)).get(name.lower())


@lru_cache(maxsize=4096)  # as of `_added`
def _by_folded(names: tuple[str, ...]) -> Mapping[str, str]:
    return {name.lower(): name for name in names}


def _with_children(copies: Mapping[str, _Copy], hold: Hold) -> dict[str, HeldBody]:
    """Return the bodies, with every known child inside its parent, the innermost first."""
    bodies = {key: copy.held for key, copy in copies.items()}
    children: defaultdict[str, dict[str, list[str]]] = defaultdict(dict)
    for key in sorted(bodies):
        parent, _, segment = key.rpartition("/")[0].rpartition("/")
        if segment in CHILD_SEGMENTS and parent in bodies:
            name = inline_children(bodies[parent].type.lower()).get(segment)
            if name:
                children[parent].setdefault(name, []).append(key)
    harmless = {key for key, copy in copies.items() if copy.entry.is_harmless}
    for parent in sorted(children, key=lambda key: -key.count("/")):
        body = dict(bodies[parent].read())
        for name, keys in children[parent].items():
            listed = [dict(bodies[key].read()) for key in keys]
            body = put_back(body, name, listed)
            if not (harmless.issuperset(keys) and all(map(_is_named_harmlessly, listed))):
                harmless.discard(parent)
        bodies[parent] = hold(body, parent in harmless)
    return bodies


def _is_named_harmlessly(child: Mapping[str, object]) -> bool:
    """Whether what was made of the names of a child and its parents is as harmless as these."""
    return all(is_harmless(str(child[name])) for name in ("id", "name", "type"))


def _is_deep(body: dict[str, object]) -> bool:
    wrapped: object = body
    for _ in range(_SPARE):
        wrapped = [wrapped]
    try:
        orjson.dumps(wrapped)
    except TypeError:
        return True
    return False


def _shortened_body(body: dict[str, object], gaps: list[Gap]) -> dict[str, object]:
    """Cut what is nested too deeply and say so, by the first two names of its path."""
    cut: set[tuple[str, ...]] = set()
    short = {key: _shortened(value, (key,), cut.add, 2) for key, value in body.items()}
    gaps += [Gap(str(body["id"]), ".".join(path), f"nested deeper than {DEPTH_KEPT} levels") for path in sorted(cut)]
    return short


def _shortened(value: object, path: tuple[str, ...], note: Callable[[tuple[str, ...]], None], depth: int) -> object:
    if not isinstance(value, dict | list):
        return value
    if depth > DEPTH_KEPT:
        note(path)
        return TOO_DEEP
    if isinstance(value, list):
        return [_shortened(item, path, note, depth + 1) for item in value]
    return {
        key: _shortened(item, (*path, key) if len(path) < 2 else path, note, depth + 1) for key, item in value.items()
    }
