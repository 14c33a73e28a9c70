"""What may happen to verdicts when a part of an input is taken away, and inputs with parts taken away."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from auditor import resource_id as ids
from auditor.azure import paths
from auditor.azure.catalogue import shipped
from auditor.azure.resource_type import Lifted
from auditor.inputs.command_line import ENVELOPE
from auditor.model import Finding, Report, Status

Body = Mapping[str, Any]
Key = tuple[str, str, str]
Change = tuple[Key, str, str]
NOWHERE = "-"


class Verdicts(dict[Key, str]):
    """Every verdict by rule, resource and sub-object; `parts` are the resources by key with the component of each.

    `rests` are the keys of the resources that the evidence of each comes from.
    """

    def __init__(self, report: Report) -> None:
        """Take the verdicts of a report."""
        super().__init__({key: one.status for one, key in _keyed(report)})
        self.rests = {key: {ids.key(each.resource_id or "") for each in one.evidence} for one, key in _keyed(report)}
        self.parts = {(ids.key(one.resource_id or ""), one.component) for one in report.findings if one.component}


def _keyed(report: Report) -> Iterator[tuple[Finding, Key]]:
    for one in report.findings:
        yield one, (one.rule_id, ids.key(one.resource_id or ""), one.sub_object.lower())


def turned(
    before: Verdicts, after: Verdicts, gone: Collection[str] = (), bare: Collection[str] = ()
) -> Sequence[Change]:
    """Return the verdicts that are not the same, nor unknown; `gone` are the keys of what cannot have any.

    What was not seen is filed at what it belongs to: a rule that answers unknown elsewhere has not lost its verdict.
    One answer for several resources of a component is filed at the first of them: at the next, where that is gone or,
    as those of the keys `bare`, shows nothing of itself. What another's body tells of one that is gone
    is filed at that other: of a subnet at its parent, of an address at its holder, of what a group guards at the group.
    """
    unknown = {rule for (rule, _, _), status in after.items() if status == Status.UNKNOWN}
    kept = [(rule, part, status) for (rule, _, part), status in after.items() if part]
    changes = []
    for key, status in before.items():
        now = after.get(key, NOWHERE)
        is_kept = _is_gone(key, bare) and any(
            (rule, said) == (key[0], status) and (part == key[2] or _is_called(part, key[1]))
            for rule, part, said in kept
        )
        is_elsewhere = now == NOWHERE and (key[0] in unknown or is_kept)
        if now not in {status, Status.UNKNOWN} and not _is_gone(key, gone) and not is_elsewhere:
            changes.append((key, status, now))
    hidden = {*gone, *bare}
    moved = {(key[0], key[2], status) for key, status in before.items() if _is_gone(key, hidden)}
    moved_keys = [(key, status) for key, status in before.items() if _is_gone(key, hidden)]
    for key, status in after.items():
        rule, resource, part = key
        is_moved = (rule, part, status) in moved and (resource, part.partition(" of ")[0]) in before.parts
        is_of_other = any(_is_told_by(key, other, status, before.rests[other[0]]) for other in moved_keys)
        if key not in before and status in {Status.PASS, Status.FAIL} and not is_moved and not is_of_other:
            changes.append((key, NOWHERE, status))
    return changes


def _is_told_by(key: Key, hidden: tuple[Key, str], status: str, rests: Collection[str]) -> bool:
    """Whether a verdict says what was said of one that is hidden, at another: that names it, or that it rested on."""
    (rule, resource, _), said = hidden
    if (key[0], status) != (rule, said):
        return False
    return _is_called(key[2], resource) or any(ids.is_under(each, key[1]) for each in rests)


def _is_called(part: str, resource: str) -> bool:
    """Whether a part is a resource by its name, or by the last of its types and its name."""
    return bool(part) and resource.endswith(f"/{part}")


def _is_gone(key: Key, gone: Collection[str]) -> bool:
    return any(ids.is_under(key[1], one) for one in gone)


def without(document: Body, gone: Collection[str]) -> dict[str, Any]:
    """Return an export without the resources of some keys."""
    return {**document, "resources": [one for one in document["resources"] if ids.key(one["id"]) not in gone]}


def without_properties(document: Body, gone: str) -> dict[str, Any]:
    """Return an export in which one resource has no properties."""
    bare = [
        {name: value for name, value in one.items() if name != "properties"} if ids.key(one["id"]) == gone else one
        for one in document["resources"]
    ]
    return {**document, "resources": bare}


def lists_of_parts(body: Body) -> list[str]:
    """Return the properties of a resource that list parts with properties of their own."""
    listed = [(name, value) for name, value in (body.get("properties") or {}).items() if isinstance(value, list)]
    return [name for name, items in listed if any(isinstance(item, dict) and "properties" in item for item in items)]


def with_parts_only_named(document: Body, key: str, listed: str) -> dict[str, Any]:
    """Return an export in which a list of a resource says nothing of its items but what they are called."""
    bodies = []
    for one in document["resources"]:
        if ids.key(one["id"]) == key:
            items = [{k: v for k, v in item.items() if k in {"id", "name"}} for item in one["properties"][listed]]
            bodies.append({**one, "properties": {**one["properties"], listed: items}})
        else:
            bodies.append(one)
    return {**document, "resources": bodies}


def without_names(document: Body, names: Mapping[str, Collection[str]]) -> dict[str, Any]:
    """Return an export in which resources lack these names beside their properties."""
    return _with_envelopes(document, names, lambda body, left_out: {k: v for k, v in body.items() if k not in left_out})


def with_nulls(document: Body, names: Mapping[str, Collection[str]]) -> dict[str, Any]:
    """Return an export in which these names of resources say nothing."""
    return _with_envelopes(document, names, lambda body, left_out: {**body, **dict.fromkeys(left_out)})


def _with_envelopes(
    document: Body, names: Mapping[str, Collection[str]], change: Callable[[Body, Collection[str]], Body]
) -> dict[str, Any]:
    changed = [change(one, names.get(ids.key(one["id"]), ())) for one in document["resources"]]
    return {**document, "resources": changed}


def keys_of(document: Body, resource_type: str | None = None) -> list[str]:
    """Return the keys of an export's resources, or of those of a type."""
    wanted = resource_type and resource_type.lower()
    return [ids.key(one["id"]) for one in document["resources"] if wanted in {None, one["type"].lower()}]


def types_of(document: Body) -> list[str]:
    """Return the types of an export's resources, in lower case, sorted."""
    return sorted({one["type"].lower() for one in document["resources"]})


def as_printed(body: Body) -> Body:
    """Return a resource as `az … list` prints it: its properties one level up, some of them by other names."""
    kind = shipped().get(body["type"])
    az, properties = (kind.az if kind else None), body.get("properties")
    if kind is None or az is None or az.lifted is Lifted.NOTHING or not isinstance(properties, dict):
        return body
    own = {known.steps[1].folded for known in kind.properties if known.steps[0].folded == "properties"}
    if any(name.lower() in ENVELOPE and (name.lower() not in own or name in body) for name in properties):
        return body
    ours = properties
    for name, theirs in sorted(az.names.items(), key=lambda pair: pair[0].count(".")):
        last = paths.parse(name)[-1].name
        # the names on the way have been replaced by then: the shallowest come first
        ours = _with_leaf(ours, [*paths.parse(name)[:-1], paths.parse(theirs)[-1]], last)
    inner = ours if az.lifted is not Lifted.EVERYWHERE else {name: _flat(value) for name, value in ours.items()}
    return {**{name: value for name, value in body.items() if name != "properties"}, **inner}


def _clashes(properties: Body) -> bool:
    return any(name.lower() in ENVELOPE for name in properties)


def _with_leaf(value: Any, steps: Sequence[paths.PathStep], leaf: str | None) -> Any:
    if isinstance(value, list) and steps[0] is paths.EACH:
        return [_with_leaf(item, steps[1:], leaf) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        (leaf if len(steps) == 1 else name) if name.lower() == steps[0].folded else name: (
            _with_leaf(item, steps[1:], leaf) if name.lower() == steps[0].folded and len(steps) > 1 else item
        )
        for name, item in value.items()
    }


def _flat(value: Any) -> Any:
    """Return what is nested with the properties of each resource in it one level up, as the network commands do."""
    if isinstance(value, list):
        return [_flat(item) for item in value]
    if not isinstance(value, dict):
        return value
    inner = {name: _flat(item) for name, item in value.items()}
    own = inner.get("properties")
    if "name" not in inner or not isinstance(own, dict) or _clashes(own):
        return inner
    return {**{name: item for name, item in inner.items() if name != "properties"}, **own}


def pages(document: Body, cuts: Sequence[int]) -> list[dict[str, Any]]:
    """Return an export cut into files: `cuts` says of each resource in turn, again and again, in which file it is."""
    files: defaultdict[int, list[Body]] = defaultdict(list)
    for at, body in enumerate(document["resources"]):
        files[cuts[at % len(cuts)]].append(body)
    return [{**document, "resources": bodies} for bodies in files.values()]
