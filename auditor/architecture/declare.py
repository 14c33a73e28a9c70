"""Read a baseline's declarations of components: what each is, whether it is required, and how it is reached."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Final

from msgspec import Struct

from auditor.architecture.capabilities import CAPABILITIES
from auditor.azure import body
from auditor.azure.catalogue import shipped
from auditor.azure.relation import Navigation
from auditor.errors import ContentError
from auditor.estate.graph import Estate
from auditor.model import Resource

BindingNames = tuple[str, ...]


class Condition(Struct, frozen=True):
    """What a candidate must be: the value at `path` is one of `among` (None: absent), or predicate `named` holds.

    Or else: the relations `has` all lead somewhere; or one of `any_of` holds.
    """

    path: str = ""
    among: tuple[str | None, ...] = ()
    named: str | None = None
    has: BindingNames = ()
    any_of: tuple[Condition, ...] = ()

    def holds(self, candidate: Resource, estate: Estate) -> bool:
        """Whether the candidate meets the condition; case does not matter."""
        if self.any_of:
            return any(one.holds(candidate, estate) for one in self.any_of)
        if self.has:
            return all(estate.related(candidate.key, name) for name in self.has)
        if self.named:
            return PREDICATES[self.named](candidate)
        found = body.value(candidate.body, self.path)
        return any(found is None if wanted is None else str(found).lower() == wanted.lower() for wanted in self.among)


class ReferenceStep(Struct, frozen=True):
    """One way to reach a component from resources that are already bound.

    `origins` are components; from each of their resources `related` navigations are followed one after another, or the
    id at `property` is looked up. `weak`: through the network neighbourhood, which several workloads may share.
    `has`, `lacks`: navigations that must (not) lead anywhere. `within`: a component that the candidate lies in.
    `group`: a private endpoint's group id. `named`: names, where Azure itself mandates them. `delegated`: a service that
    a subnet is delegated to. `strand`: what ties the
    component to the workload here, in words, where several strands are weighed; `weight`: how much this one counts.
    """

    origins: BindingNames
    related: BindingNames = ()
    property: str = ""
    weak: bool = False
    has: BindingNames = ()
    lacks: BindingNames = ()
    within: str | None = None
    group: str | None = None
    named: BindingNames = ()
    delegated: str = ""
    strand: str = ""
    weight: int = 1


class Declaration(Struct, frozen=True):
    """A component as the baseline declares it.

    `anchor`: rank among the components that a workload may be named after. `exclude`: components whose resources are no
    candidates. `many`: several resources are usual. `union`: all steps count, not only the first that finds something.
    `internal`: helps to find others and is no component of its own. `only_candidate`: the one resource of its type may
    be taken where nothing else claims it. `override`, `fallback`: parameters with names or ids, before and after
    structure. `names`: the last resort, looked up in the resources of `inside`. `tell_apart`: a subnet component whose
    names decide between several candidates. `occupants`: types that belong there (subnets). `area`, `calls`, `visitors`:
    where a picture of the architecture shows it, which components it calls, and who comes to it from outside the estate.
    `gives`: the capabilities that rules and analyses know it by.
    """

    name: str
    title: str
    types: BindingNames
    required: bool
    steps: tuple[ReferenceStep, ...] = ()
    where: tuple[Condition, ...] = ()
    anchor: int | None = None
    exclude: BindingNames = ()
    many: bool = False
    union: bool = False
    internal: bool = False
    only_candidate: bool = False
    override: str = ""
    fallback: str = ""
    names: BindingNames = ()
    inside: str | None = None
    tell_apart: str | None = None
    occupants: BindingNames = ()
    area: str = ""
    calls: BindingNames = ()
    visitors: str = ""
    gives: BindingNames = ()

    @property
    def strands(self) -> BindingNames:
        """Return the strands by which it is bound, each once; none where its steps are not weighed."""
        return tuple(dict.fromkeys(step.strand for step in self.steps if step.strand))

    def fits(self, candidate: Resource, estate: Estate) -> bool:
        """Whether the candidate is of the component's type and meets its conditions."""
        return candidate.type_key in _keys_of(self.types) and all(
            condition.holds(candidate, estate) for condition in self.where
        )


@lru_cache(maxsize=256)
def _keys_of(types: BindingNames) -> frozenset[str]:
    return frozenset(name.lower() for name in types)


def runs_container(site: Resource) -> bool:
    """Whether a site runs a container image."""
    kind = site.body.get("kind")
    images = (body.value(site.properties, f"siteConfig.{name}") for name in ("linuxFxVersion", "windowsFxVersion"))
    if any(isinstance(image, str) and image.lower().startswith(("docker|", "compose|")) for image in images):
        return True
    return isinstance(kind, str) and "container" in kind.lower()


PREDICATES: Final[Mapping[str, Callable[[Resource], bool]]] = {"runs-container": runs_container}

_STEP_KEYS: Final = frozenset(
    {"from", "related", "property", "weak", "has", "lacks", "within", "group", "named", "delegated", "strand", "weight"}
)
_KEYS: Final = frozenset(
    {"title", "types", "required", "reach", "where", "anchor", "exclude", "many", "union", "internal"}
    | {"only-candidate", "override", "fallback", "names", "inside", "tell-apart", "occupants"}
    | {"area", "calls", "visitors", "gives"}
)


def read_declarations(
    declared: Mapping[str, object], parameters: Mapping[str, object], ways: Mapping[str, Navigation] | None = None
) -> Sequence[Declaration]:
    """Return the declarations in the order given. ContentError for what they cannot mean.

    `ways` are those to follow; the tool's own where it is None.
    """
    ways = shipped().ways if ways is None else ways
    found = [_declaration(name, entry, parameters, ways) for name, entry in declared.items()]
    known = {declaration.name for declaration in found}
    for declaration in found:
        origins = [origin for step in declaration.steps for origin in (*step.origins, step.within)]
        for other in (*origins, *declaration.exclude, *declaration.calls, declaration.inside, declaration.tell_apart):
            if other is not None and other not in known:
                raise ContentError(f"component {declaration.name}: there is no component {other!r}", _hint(known))
    return found


def read_condition(entry: object, called: str) -> Condition:
    """Return what a resource must be, as a declaration writes it. Raise ContentError where it cannot be read."""
    return _condition(called, entry, shipped().ways)


def parameters_of(declared: Mapping[str, object]) -> frozenset[str]:
    """Return the parameters that declarations read: to bind by, and to know whether a component is required."""
    paths: list[object] = []
    for declaration in declared.values():
        if isinstance(declaration, Mapping):
            required = declaration.get("required")
            paths += [declaration.get("override"), declaration.get("fallback")]
            paths += [required.get("parameter")] if isinstance(required, Mapping) else []
    return frozenset(path.partition(".")[0] for path in paths if isinstance(path, str))


def names_in(entry: object, key: str) -> BindingNames:
    """Return the names that a declaration gives under a key: one, or a list of them."""
    return _names(entry.get(key)) if isinstance(entry, Mapping) else ()


def parameter(parameters: Mapping[str, object], path: str) -> object:
    """Return the value of a parameter, or of a name inside it (`subnet_roles.agents`); None where it is not set."""
    return body.value(parameters, path) if path else None


def _declaration(
    name: str, entry: object, parameters: Mapping[str, object], ways: Mapping[str, Navigation]
) -> Declaration:
    if not isinstance(entry, Mapping):
        raise ContentError(f"component {name}: expected an object")
    _only(entry, _KEYS, f"component {name}")
    anchor = entry.get("anchor")
    steps = tuple(_step(name, step, ways) for step in _list(entry.get("reach")))
    if any(step.strand for step in steps) and not all(step.strand for step in steps):
        raise ContentError(f"component {name}: either each step is a strand, or none is")
    return Declaration(
        name=name,
        title=str(entry.get("title") or name),
        types=_names(entry.get("types")),
        required=_is_required(name, entry.get("required", False), parameters),
        steps=steps,
        where=tuple(_condition(f"component {name}", condition, ways) for condition in _list(entry.get("where"))),
        anchor=anchor if isinstance(anchor, int) and not isinstance(anchor, bool) else None,
        exclude=_names(entry.get("exclude")),
        many=entry.get("many") is True,
        union=entry.get("union") is True,
        internal=entry.get("internal") is True,
        only_candidate=entry.get("only-candidate") is True,
        override=_text(entry.get("override")) or "",
        fallback=_text(entry.get("fallback")) or "",
        names=_names(entry.get("names")),
        inside=_text(entry.get("inside")),
        tell_apart=_text(entry.get("tell-apart")),
        occupants=_names(entry.get("occupants")),
        area=_text(entry.get("area")) or "",
        calls=_names(entry.get("calls")),
        visitors=_text(entry.get("visitors")) or "",
        gives=_capabilities(name, entry.get("gives")),
    )


def _step(component: str, entry: object, ways: Mapping[str, Navigation]) -> ReferenceStep:
    if not isinstance(entry, Mapping):
        raise ContentError(f"component {component}: a step of `reach` is an object")
    _only(entry, _STEP_KEYS, f"component {component}: reach")
    step = ReferenceStep(
        origins=_names(entry.get("from")),
        related=_names(entry.get("related")),
        property=_text(entry.get("property")) or "",
        weak=entry.get("weak") is True,
        has=_names(entry.get("has")),
        lacks=_names(entry.get("lacks")),
        within=_text(entry.get("within")),
        group=_text(entry.get("group")),
        named=_names(entry.get("named")),
        delegated=_text(entry.get("delegated")) or "",
        strand=_text(entry.get("strand")) or "",
        weight=_weight(component, entry.get("weight", 1)),
    )
    if not step.origins or bool(step.related) == bool(step.property):
        raise ContentError(f"component {component}: a step needs `from` and either `related` or `property`")
    for navigation in (*step.related, *step.has, *step.lacks):
        if navigation not in ways:
            raise ContentError(f"component {component}: unknown relation {navigation!r}", _hint(ways))
    return step


def _capabilities(component: str, given: object) -> BindingNames:
    names = _names(given)
    for name in names:
        if name not in CAPABILITIES:
            raise ContentError(f"component {component}: there is no capability {name!r}", _hint(CAPABILITIES))
    return names


def _weight(component: str, given: object) -> int:
    if not isinstance(given, int) or isinstance(given, bool) or given < 1:
        raise ContentError(f"component {component}: a strand's weight is a whole number from 1 on")
    return given


def _condition(owner: str, entry: object, ways: Mapping[str, Navigation]) -> Condition:
    if isinstance(entry, Mapping) and isinstance(entry.get("is"), str):
        if entry["is"] not in PREDICATES:
            raise ContentError(f"{owner}: unknown predicate {entry['is']!r}", _hint(PREDICATES))
        return Condition(named=entry["is"])
    if isinstance(entry, Mapping) and isinstance(entry.get("path"), str):
        among = (None if item is None else str(item) for item in _list(entry.get("in")))
        return Condition(path=entry["path"], among=tuple(among))
    if isinstance(entry, Mapping) and _names(entry.get("has")):
        for navigation in (followed := _names(entry["has"])):
            if navigation not in ways:
                raise ContentError(f"{owner}: unknown relation {navigation!r}", _hint(ways))
        return Condition(has=followed)
    if isinstance(entry, Mapping) and _list(entry.get("any")):
        return Condition(any_of=tuple(_condition(owner, one, ways) for one in _list(entry["any"])))
    raise ContentError(f"{owner}: a condition is {{path, in}}, {{is}}, {{has}} or {{any}} with a list of conditions")


def _is_required(component: str, entry: object, parameters: Mapping[str, object]) -> bool:
    """Return a plain boolean, or whether a parameter's value is (not) one of those given; not set counts as null."""
    if isinstance(entry, bool):
        return entry
    if (
        isinstance(entry, Mapping)
        and isinstance(entry.get("parameter"), str)
        and ("in" in entry) != ("not-in" in entry)
    ):
        found = parameter(parameters, entry["parameter"])
        listed = _list(entry.get("in", entry.get("not-in")))
        is_listed = any(found is item or (isinstance(item, str) and found == item) for item in listed)
        return is_listed == ("in" in entry)
    raise ContentError(f"component {component}: `required` is a boolean or {{parameter, in}} or {{parameter, not-in}}")


def _only(entry: Mapping[object, object], keys: frozenset[str], where: str) -> None:
    unknown = sorted(str(key) for key in entry if key not in keys)
    if unknown:
        raise ContentError(f"{where}: unknown key {unknown[0]!r}", _hint(keys))


def _hint(known: object) -> str:
    return "known are " + ", ".join(sorted(map(str, known))) if isinstance(known, (frozenset, set, Mapping)) else ""


def _list(found: object) -> Sequence[object]:
    return found if isinstance(found, Sequence) and not isinstance(found, str) else ()


def _names(found: object) -> BindingNames:
    return (found,) if isinstance(found, str) else tuple(str(item) for item in _list(found))


def _text(found: object) -> str | None:
    return found if isinstance(found, str) else None
