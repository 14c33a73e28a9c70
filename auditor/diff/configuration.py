"""Compare the resources of two states property by property; what changes by itself is no change."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import cached_property
from typing import Final

from auditor import resource_id as ids
from auditor.azure import body
from auditor.azure.regenerations import ACTIVITY_LOG
from auditor.diff.authors import CHANGE_RECORDS, Authors
from auditor.diff.drift import ChangeKind, PropertyChange, ResourceChange
from auditor.engine.accepted.visibility import LookedAt
from auditor.estate.graph import Estate
from auditor.estate.lookup import ROLE_DEFINITIONS
from auditor.model import Gap, Resource
from auditor.rbac.principals import name_given
from auditor.redaction.body import Redactor
from auditor.redaction.marks import MARK, MARKS
from auditor.snapshot.hash import canonical

_NOISE: Final = frozenset({"etag", "provisioningstate", "systemdata", "changedtime", "createdtime"})
"""Names of members that change without anybody changing the resource, in lower case."""
_OF_RECORDS: Final = frozenset({"createdon", "updatedon", "createdby", "updatedby"})
"""The same of assignments and other records of who may do what."""
_AUTHORIZATION: Final = "microsoft.authorization/"
_ROLE_DEFINITION: Final = f"/providers/{ROLE_DEFINITIONS.lower()}/"
_RECORDS: Final = frozenset({ACTIVITY_LOG.lower(), CHANGE_RECORDS})
"""What tells of changes, and is none."""
_SHOWN: Final = 3
_REDACTOR: Final = Redactor()


def changes(
    old: Sequence[Resource], new: Sequence[Resource], authors: Authors, *, same_key: bool = False
) -> Sequence[ResourceChange]:
    """Return what became of each resource, by id; a child that has only another name is renamed.

    `same_key`: secrets in both were marked with one key, so that other marks are other secrets.
    """
    before, after = ({_same(one.key): one for one in resources if _counts(one)} for resources in (old, new))
    secrets = _Secrets(before.values(), after.values(), same_key=same_key)
    known = before.keys() | after.keys()
    found = [
        change
        for key in before.keys() & after.keys()
        if before[key].body != after[key].body
        and (change := _changed(before[key], after[key], known, (authors, secrets))) is not None
    ]
    gone = {key: before[key] for key in before.keys() - after.keys()}
    come = {key: after[key] for key in after.keys() - before.keys()}
    for old_key, new_key in _renamed(gone, come):
        names = (PropertyChange("name", gone[old_key].name, come[new_key].name),)
        found.append(_change(come.pop(new_key), gone.pop(old_key), ChangeKind.CHANGED, authors, names))
    found += [_change(one, one, ChangeKind.ADDED, authors) for one in come.values()]
    found += [_change(one, one, ChangeKind.REMOVED, authors) for one in gone.values()]
    return sorted(found, key=lambda change: (ids.key(change.resource_id), change.kind))


def _same(resource_id: str) -> str:
    """Return what an id is compared by: of a role definition its GUID, for it is listed under each subscription and above.

    https://learn.microsoft.com/azure/role-based-access-control/role-definitions-list
    """
    key = ids.key(resource_id)
    return key[key.rindex(_ROLE_DEFINITION) :] if _ROLE_DEFINITION in key else key


def _counts(resource: Resource) -> bool:
    return resource.type_key not in _RECORDS


def not_seen(
    old: Estate, new: Estate, found: Sequence[ResourceChange], sights: tuple[LookedAt, LookedAt]
) -> Iterator[str]:
    """Yield what is in one state and perhaps in the other, of which not all was read: in one sentence for each reason.

    What is in the new state alone is new all the same where neither state can say what there is; what is in the old one
    alone is not gone.
    """
    before, after = sights
    told = set(new.gaps)
    added_gaps = [gap for gap in old.gaps if "/" in gap.what and gap not in told]
    removed_gaps = [gap for gap in new.gaps if "/" in gap.what]
    places: dict[tuple[str, str], list[str]] = defaultdict(list)
    for change in found:
        place = change.resource_id
        if change.kind is ChangeKind.REMOVED:
            reason = _why_not_seen(place, removed_gaps, new) or after.why_unseen(place, before)
            if reason is not None:
                places["new", reason].append(place)
        elif change.kind is ChangeKind.ADDED:
            reason = _why_not_seen(place, added_gaps, old)
            if reason is None and after.why_unseen(place, before) is None:
                reason = before.why_unseen(place, after)
            if reason is not None:
                places["old", reason].append(place)
    for (state, reason), listed in places.items():
        yield f"whether {_several(listed)} in the {state} state ({reason})"


def _several(places: Sequence[str]) -> str:
    """Return the subject of a sentence on some resources, with its verb: one by its id, several by their types."""
    if len(places) == 1:
        return f"{places[0]} is"
    kinds = Counter(ids.type_of(place) or "without a type" for place in places).most_common()
    shown = [f"{count} of {kind}" for kind, count in kinds[:_SHOWN]]
    rest = sum(count for _, count in kinds[_SHOWN:])
    return f"{len(places)} resources ({', '.join([*shown, *([f'{rest} of other types'] if rest else [])])}) are"


def _why_not_seen(resource_id: str, gaps: Sequence[Gap], estate: Estate) -> str | None:
    resource_type = (ids.type_of(resource_id) or "").lower()
    for gap in gaps:
        if gap.what.lower() in {resource_type, "*/*"} and ids.is_under(resource_id, gap.scope):
            return f"{gap.what}: {gap.reason}"
    gap_left = estate.left_out(resource_id)
    return None if gap_left is None else f"{gap_left.what}: {gap_left.reason}"


class _Secrets:
    """Whether the marks that stand for secrets tell secrets apart: those of one key do, those of two keys do not."""

    def __init__(self, old: Iterable[Resource], new: Iterable[Resource], *, same_key: bool) -> None:
        self._states = (old, new)
        self._same_key = same_key

    @cached_property
    def are_comparable(self) -> bool:
        """Whether equal secrets have equal marks in both states: they were made with one key, or some mark is in both."""
        if self._same_key:
            return True
        old, new = (
            {mark for one in state for mark in MARKS.findall(canonical(one.body).decode())} for state in self._states
        )
        return bool((old & new) - {MARK})


def _changed(
    old: Resource, new: Resource, known: AbstractSet[str], given: tuple[Authors, _Secrets]
) -> ResourceChange | None:
    is_record = new.type_key.startswith(_AUTHORIZATION)
    lists = {name for one in (old, new) for name in _lists_of_children(one, known)}
    before, after = (_plain(_without_children(one, known, lists), is_record=is_record) for one in (old, new))
    if before == after:
        return None
    authors, secrets = given
    properties = tuple(_differences("", before, after, secrets))
    return _change(new, old, ChangeKind.CHANGED, authors, properties) if properties else None


def _lists_of_children(resource: Resource, known: AbstractSet[str]) -> Iterator[str]:
    """Yield the properties that list children which are resources of their own."""
    for name, value in resource.properties.items():
        if isinstance(value, list) and any(_is_child(item, resource, known) for item in value):
            yield name


def _is_child(item: object, resource: Resource, known: AbstractSet[str]) -> bool:
    own_id = item.get("id") if isinstance(item, Mapping) else None
    return isinstance(own_id, str) and ids.key(own_id).startswith(f"{resource.key}/") and ids.key(own_id) in known


def _without_children(resource: Resource, known: AbstractSet[str], lists: AbstractSet[str]) -> Mapping[str, object]:
    """Return a body without the children that are compared for themselves."""
    if not lists:
        return resource.body
    properties: dict[str, object] = {}
    for name, value in resource.properties.items():
        if name in lists and isinstance(value, list):
            if rest := [item for item in value if not _is_child(item, resource, known)]:
                properties[name] = rest
        else:
            properties[name] = value
    return {**resource.body, "properties": properties}


def _change(
    new: Resource, old: Resource, kind: ChangeKind, authors: Authors, properties: tuple[PropertyChange, ...] = ()
) -> ResourceChange:
    who, when = authors.of(new, old, kind)
    return ResourceChange(new.id, old.id, kind, properties, who, when, _label(new))


def _label(resource: Resource) -> str:
    """Return what people call an assignment, whose own name is a GUID; empty for what has a name."""
    principal = body.text(resource.properties, "principalId")
    if principal is None or not resource.type_key.startswith(_AUTHORIZATION):
        return ""
    scope = body.text(resource.properties, "scope") or ids.parent_of(resource.id) or "/"
    return f"assignment of {name_given(resource) or principal} at {ids.name_of(scope) or '/'}"


def _plain(content: Mapping[str, object], *, is_record: bool) -> dict[str, object]:
    """Return a body without noise, its ids, type and region in comparable form."""
    plain = {
        name: kept for name, value in content.items() if (kept := _value(name, value, is_record=is_record)) is not None
    }
    for name in ("type", "location"):
        if isinstance(value := plain.get(name), str):
            plain[name] = value.lower().replace(" ", "") if name == "location" else value.lower()
    if not plain.get("tags"):
        plain.pop("tags", None)
    return plain


def _value(name: str, value: object, *, is_record: bool) -> object:
    low = name.lower()
    if low in _NOISE or (is_record and low in _OF_RECORDS):
        return None
    if isinstance(value, str):
        return _Id(value) if ids.is_resource_id(value) else value
    if isinstance(value, Mapping):
        items = {
            str(key): kept
            for key, item in value.items()
            if (kept := _value(str(key), item, is_record=is_record)) is not None
        }
        return _with_ids_in_lower_case(items)
    if isinstance(value, list):
        kept_items = [kept for item in value if (kept := _value("", item, is_record=is_record)) is not None]
        return sorted(kept_items, key=_order)
    return value


class _Id(str):
    """An id: it shows as it is spelled, and compares without case, and one of a role by its GUID."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and _same(self) == _same(other)

    def __hash__(self) -> int:
        return hash(_same(self))


def _order(item: object) -> bytes:
    """Return what items of a list are put in order by, so that order and case of ids make no difference."""
    return canonical(item).lower()


def _with_ids_in_lower_case(items: dict[str, object]) -> dict[str, object]:
    """Return an object whose names that are ids, as those of user-assigned identities are, compare without case."""
    if any(ids.is_resource_id(name) for name in items):
        return {ids.key(name) if ids.is_resource_id(name) else name: value for name, value in items.items()}
    return items


def _differences(path: str, old: object, new: object, secrets: _Secrets) -> Iterator[PropertyChange]:
    """Yield what differs, as deep down as it can be told."""
    if old == new:
        return
    if isinstance(old, dict) and isinstance(new, dict):
        for name in sorted({*old, *new}):
            yield from _differences(_below(path, name), old.get(name), new.get(name), secrets)
        return
    pairs = _paired(old, new)
    if pairs is not None:
        for name, before, after in pairs:
            yield from _differences(f"{path}[{name}]", before, after, secrets)
        return
    if _is_mark(old) and _is_mark(new) and not secrets.are_comparable:
        return
    yield PropertyChange(path, _masked(path, old), _masked(path, new))


def _below(path: str, name: str) -> str:
    if "." in name or "/" in name or "[" in name:
        return f"{path}['{name}']"
    return f"{path}.{name}" if path else name


def _paired(old: object, new: object) -> Sequence[tuple[str, object, object]] | None:
    """Return the items of two lists of named objects by name, or None where they have no names to tell them apart."""
    if not isinstance(old, list) or not isinstance(new, list) or not (old or new):
        return None
    before, after = _by_name(old), _by_name(new)
    if before is None or after is None:
        return None
    return [(name, before.get(name), after.get(name)) for name in sorted({*before, *after})]


def _by_name(items: Sequence[object]) -> dict[str, object] | None:
    named: dict[str, object] = {}
    for item in items:
        name = (item.get("name") or item.get("id")) if isinstance(item, dict) else None
        if not isinstance(name, str) or name in named:
            return None
        named[name] = item
    return named


def _is_mark(value: object) -> bool:
    return isinstance(value, str) and MARKS.fullmatch(value) is not None


def _masked(path: str, value: object) -> object:
    """Return a value as it may be shown: without secrets, and without what tells one secret from another."""
    names = tuple(part for part in path.replace("]", "").replace("[", ".").split(".") if part)
    return _unmarked(_REDACTOR.at(names, value))


def _unmarked(value: object) -> object:
    if isinstance(value, str):
        return MARKS.sub(MARK, value) if MARK in value else value
    if isinstance(value, Mapping):
        return {name: _unmarked(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_unmarked(item) for item in value]
    return value


def _renamed(gone: Mapping[str, Resource], come: Mapping[str, Resource]) -> Sequence[tuple[str, str]]:
    """Return the children that were there under another name, where one fits one."""
    by_content: dict[tuple[str, str, bytes], tuple[list[str], list[str]]] = defaultdict(lambda: ([], []))
    for place, found in enumerate((gone, come)):
        for key, resource in found.items():
            parent = ids.parent_of(key)
            if parent is not None and not resource.type_key.startswith(_AUTHORIZATION):
                plain = _plain(resource.body, is_record=False)
                content = canonical({name: value for name, value in plain.items() if name not in {"id", "name"}})
                by_content[parent, resource.type_key, content][place].append(key)
    return [(old[0], new[0]) for old, new in by_content.values() if len(old) == len(new) == 1]
