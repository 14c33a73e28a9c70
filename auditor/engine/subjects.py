"""Offer resources, facts and examples to conditions as subjects that know what of them is not known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from msgspec import Struct

from auditor import resource_id as ids
from auditor.analysis.fact import Fact, FieldNames
from auditor.azure import paths
from auditor.azure.paths import ABSENT, Steps
from auditor.azure.vocabulary import ResolvedName
from auditor.estate.completeness import Missing
from auditor.estate.graph import Estate
from auditor.language.environment import Problem, Subject
from auditor.model import Gap, Resource
from auditor.rulebook.rule import Example

OWN_ID: Final = ("id", "id")
"""The id of a fact, as if it were a field."""
REST: Final = ".*"
"""How a gap ends that hides only what its resource does not state."""


def covers(gap_path: Steps, read: Steps) -> bool:
    """Whether what is not known at one path leaves open what another leads to: it lies at it, above or below it."""
    return paths.starts_with(read, gap_path) or paths.starts_with(gap_path, read)


def _gap_in(known: Sequence[tuple[Steps, Gap]], read: Steps) -> Gap | None:
    return next((gap for steps, gap in known if covers(steps, read)), None)


def _steps(text: str) -> Steps:
    try:
        return paths.parse(text)
    except ValueError:
        return ()


def _stands(body: Mapping[str, object], steps: Steps) -> bool:
    """Whether a path leads to a value: previews show properties that stable versions of a later date do not."""
    try:
        return any(value is not ABSENT for _, value in paths.walk(body, steps))
    except paths.ShapeError:
        return True  # something stands there, and reading it will say what is wrong with it


Doubts = Sequence[tuple[Steps, Gap]]
"""What is not known of a subject: the gap behind each path. With the body and its API version it decides all gaps."""


class MemorableSubject(Subject, Protocol):
    """A subject of which all that an answer can depend on is known without asking: what was answered can be remembered."""

    @property
    def doubts(self) -> Doubts:
        """Return what is not known of it."""

    def related(self, name: str) -> tuple[Sequence[MemorableSubject], Gap | None]:
        """Return the resources that a relation leads to, and why there may be more of them."""


class ResourceSubject:
    """A resource of the estate."""

    __slots__ = ("_estate", "body", "doubts", "resource")

    def __init__(self, resource: Resource, estate: Estate) -> None:
        self.resource = resource
        self.body: Mapping[str, object] = resource.held.read()
        self._estate = estate
        self.doubts: Doubts = [(_steps(gap.what.removesuffix(REST)), gap) for gap in estate.path_gaps(resource.id)]

    @property
    def id(self) -> str:
        """Return the id as Azure spelled it."""
        return self.resource.id

    def gap(self, path: ResolvedName) -> Gap | None:
        """Return the gap that covers a path, or that the API version is older than the property."""
        if self.doubts and (gap := _gap_in(self.doubts, path.steps)):
            return None if gap.what.endswith(REST) and _stands(self.body, path.steps) else gap
        since = path.known.since if path.known else None
        version = self.resource.api_version
        too_old = since is not None and version is not None and version[:10] < since[:10]
        if too_old and not _stands(self.body, path.steps):
            reason = f"read with API version {version}, which cannot show it (first in {since})"
            return Gap(self.resource.id, paths.show(path.steps), reason)
        return None

    def computed(self, name: str) -> object:
        """Return a value that is not in the body."""
        match name:
            case "apiversion":
                found = self.resource.api_version
            case "resourcegroup":
                found = ids.resource_group_of(self.resource.id)
            case _:
                found = ids.subscription_of(self.resource.id)
        return ABSENT if found is None else found

    def related(self, name: str) -> tuple[Sequence[MemorableSubject], Gap | None]:
        """Return the resources that a relation leads to, and why there may be more."""
        seen = [ResourceSubject(other, self._estate) for other in self._estate.related(self.resource.id, name)]
        named = self._estate.named(self.resource.id, name)
        gap = self._estate.relation_gap(self.resource.id, name)
        return [*seen, *map(NamedSubject, named)], None if gap in named else gap


class UnseenSubject:
    """Something that a resource must or may have and that was not seen: its type is known, its name where it is fixed."""

    __slots__ = ("_gap", "body")

    def __init__(self, missing: Missing) -> None:
        self._gap = missing.gap
        kind, name = missing.kind.name, missing.name
        fixed = {"name": name, "id": f"{missing.parent.id}/{kind.rpartition('/')[2]}/{name}"} if name else {}
        self.body: Mapping[str, object] = {"type": kind, **fixed}

    @property
    def id(self) -> str:
        """Return the id of what it belongs to."""
        return self._gap.scope

    @property
    def doubts(self) -> Doubts:
        """Return why it was not seen."""
        return [((), self._gap)]

    def gap(self, path: ResolvedName) -> Gap | None:
        """Return why it was not seen, but for its type, and its name and id where these are fixed."""
        return None if path.steps[0].folded in self.body else self._gap

    def computed(self, name: str) -> object:
        """Return a value named by the id of what it belongs to."""
        return _named_by_id(name, self.id)

    def related(self, name: str) -> tuple[Sequence[MemorableSubject], Gap | None]:
        """Return nothing, and why: `name` is a relation of something that was not seen."""
        del name
        return (), self._gap


class NamedSubject(UnseenSubject):
    """A resource that another one names and that was not seen: its id tells its type and its name."""

    __slots__ = ()

    def __init__(self, gap: Gap) -> None:
        self._gap = gap
        self.body = {"type": ids.type_of(gap.scope) or gap.what, "name": ids.name_of(gap.scope), "id": gap.scope}


def _named_by_id(name: str, resource_id: str) -> object:
    read = {"resourcegroup": ids.resource_group_of, "subscriptionid": ids.subscription_of}.get(name)
    return (read(resource_id) if read else None) or ABSENT


class FactSubject:
    """A fact of an analysis; relations are those of the resource it is about."""

    __slots__ = ("_estate", "body", "doubts", "fact")

    def __init__(self, fact: Fact, estate: Estate, fields: FieldNames | None = None) -> None:
        """Take a fact, and which of its fields, or its id, anybody reads; None: all of them."""
        self.fact = fact
        read = (*fact.json_names, OWN_ID) if fields is None else fields
        self.body: Mapping[str, object] = {"type": f"fact/{fact.fact_kind}"} | fact.body(read)
        self._estate = estate
        gaps = list(fact.gaps())
        self.doubts: Doubts = [(_steps(path), gap) for path, gap in sorted(gaps)] if gaps else ()

    @property
    def id(self) -> str:
        """Return the id of the resource that the finding is filed under."""
        return self.fact.about.subject

    def gap(self, path: ResolvedName) -> Gap | None:
        """Return why a field could not be derived."""
        return _gap_in(self.doubts, path.steps) if self.doubts else None

    def computed(self, name: str) -> object:
        """Return a value named by the subject's id."""
        return _named_by_id(name, self.fact.about.subject)

    def related(self, name: str) -> tuple[Sequence[MemorableSubject], Gap | None]:
        """Return the relations of the resource that the fact is about."""
        resource = self._estate.get(self.fact.about.subject)
        return ResourceSubject(resource, self._estate).related(name) if resource else ((), None)


class UnseenFact:
    """A fact about a resource that was not seen: of its fields, only those are known that all facts of its sort share."""

    __slots__ = ("_known", "_unseen", "body")

    def __init__(self, kind: str, fields: Mapping[str, object], unseen: Gap) -> None:
        self.body: Mapping[str, object] = {"type": f"fact/{kind}", **fields}
        self._known = frozenset(map(str.lower, fields))  # a kind may have a field `type` of its own
        self._unseen = unseen

    @property
    def id(self) -> str:
        """Return where the resource would be."""
        return self._unseen.scope

    def gap(self, place: ResolvedName) -> Gap | None:
        """Return why the resource was not seen, but for the fields that are known."""
        return None if place.steps[0].folded in self._known else self._unseen

    def computed(self, name: str) -> object:
        """Return ABSENT: `name` is read from an id, and that is not known."""
        del name
        return ABSENT

    def related(self, name: str) -> tuple[Sequence[Subject], Gap | None]:
        """Return nothing, and why: `name` is a relation of a resource that was not seen."""
        del name
        return (), self._unseen


class ExampleSubject(Struct, frozen=True):
    """The resource or fact of an example, or a related one of it."""

    body: Mapping[str, object]
    others: Mapping[str, Sequence[Mapping[str, object]]]
    uncollected: Sequence[str]

    @classmethod
    def of(cls, example: Example) -> ExampleSubject:
        """Wrap an example."""
        return cls(example.resource, example.related, example.uncollected)

    @classmethod
    def beside(cls, body: Mapping[str, object]) -> ExampleSubject:
        """Wrap a related resource, which may say in turn what it is `related` to and what of it is `uncollected`."""
        own = {name: value for name, value in body.items() if name not in {"related", "uncollected"}}
        others, uncollected = body.get("related", {}), body.get("uncollected", [])
        if not isinstance(others, Mapping) or not isinstance(uncollected, list):
            raise Problem("'related' of a related resource must be an object, and 'uncollected' a list")
        return cls(own, others, [str(path) for path in uncollected])

    @property
    def id(self) -> str:
        """Return the example's id, or an empty text."""
        return str(self.body.get("id") or "")

    def gap(self, path: ResolvedName) -> Gap | None:
        """Return a gap where the example says that a path was not collected, or its API version is too old for it."""
        for text in self.uncollected:
            if not text.startswith("related:") and _covers_short(text, path.steps):
                return Gap(self.id, text, "not collected")
        since, version = path.known.since if path.known else None, self.body.get("apiVersion")
        too_old = since is not None and isinstance(version, str) and version[:10] < since[:10]
        if too_old and not _stands(self.body, path.steps):
            return Gap(self.id, paths.show(path.steps), f"read with API version {version} (first in {since})")
        return None

    def computed(self, name: str) -> object:
        """Return a value named by the example's id, or its `apiVersion`."""
        found = {"resourcegroup": ids.resource_group_of, "subscriptionid": ids.subscription_of}.get(name)
        return (found(self.id) if found else self.body.get("apiVersion")) or ABSENT

    def related(self, name: str) -> tuple[Sequence[Subject], Gap | None]:
        """Return the example's own list for a relation."""
        listed = self.others.get(name, [])
        if not isinstance(listed, list) or not all(isinstance(item, Mapping) for item in listed):
            raise Problem(f"related '{name}' of an example must be a list of resources")
        gap = Gap(self.id, f"related:{name}", "not collected") if f"related:{name}" in self.uncollected else None
        return [ExampleSubject.beside(body) for body in listed], gap


def _covers_short(text: str, read: Steps) -> bool:
    steps = _steps(text)
    return covers(steps, read) or covers(steps, tuple(step for step in read if step.folded != "properties"))
