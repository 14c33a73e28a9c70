"""Note all that judging a part of an estate asks of it, so that a later run can ask whether the answers are still the same.

Each part is given an estate, workloads and a time of judgement of its own, which pass every question on and note it: what
one part has read and remembers is never shown to another, which would not have asked for it. Of a resource, it is noted
which members of its body, and of its properties, anybody looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final, NoReturn, TypeVar, cast

from msgspec import Struct, field
from msgspec.structs import replace

from auditor.analysis.contract import Context
from auditor.architecture.follow import FittingResources
from auditor.architecture.workloads import Workloads
from auditor.estate.completeness import Missing
from auditor.estate.graph import Estate
from auditor.model import HeldBody, Resource
from auditor.snapshot.model import Metadata

T = TypeVar("T")

Question = tuple[str | None, ...]
"""The name of what is asked, and of whom or what it is asked."""
ROLE: Final = "role of"
ROWS: Final = "rows"
WORKLOADS: Final = "workloads"
CALLED: Final = "called"
WHOLE: Final = "*"
"""Of what is read of a body: all of it."""
NAMES: Final = "."
"""Of what is read of a body, or of its properties: which members there are."""
PROPERTIES: Final = "properties"
OF_ALL_RUNS: Final = ("origin", "complete", "tenant_id", "scope", "subscription_names", "extra")
"""Of what is said of an estate as a whole, that which is the same in all runs with the same key."""
_INSIDE: Final = f"{PROPERTIES}."
_MICROSECOND: Final = timedelta(microseconds=1)


class TimeComparison(Struct, frozen=True):
    """A comparison of the time of judgement, moved by some microseconds, with another time, and what came of it."""

    how: str
    shift: int
    other: str
    holds: bool

    def is_same_at(self, now: datetime) -> bool:
        """Whether the same comes of it at another time."""
        moved = now + timedelta(microseconds=self.shift)
        return bool(_COMPARISONS[self.how](moved, datetime.fromisoformat(self.other))) is self.holds


class Trace(Struct):
    """What was asked while a part was judged. What cannot be noted makes that no use: then it is not `usable`.

    `read` are the members of bodies that were looked at, by the key of the resource. `exact_time` says that the very time of
    judgement was.
    """

    asked: dict[Question, object] = field(default_factory=dict)
    read: dict[str, set[str]] = field(default_factory=dict)
    times: set[TimeComparison] = field(default_factory=set)
    exact_time: bool = False
    usable: bool = True

    def of(self, key: str) -> set[str]:
        """Return what was read of a resource, to be added to."""
        return self.read.setdefault(key, set())


class _TracingBody(HeldBody):
    """A body that notes what is read of it."""

    __slots__ = ("_held", "_noted")

    def __init__(self, held: HeldBody, noted: set[str]) -> None:
        for name in ("id", "type", "location", "stated", "content"):
            object.__setattr__(self, name, getattr(held, name))
        self._name = held.name
        self._held = held
        self._noted = noted

    def read(self) -> Mapping[str, object]:
        """Return the object, as it is."""
        self._noted.add(WHOLE)
        return self._held.read()

    def members(self) -> Mapping[str, object]:
        """Return the object for those who look at some of its members."""
        return _TracingMembers(self._held.read(), self._noted, "")

    def replaced(self, body: Mapping[str, object]) -> HeldBody:
        """Return another object, of which nothing is noted: whoever made it has read this one."""
        return self._held.replaced(body)


class _TracingMembers(Mapping[str, object]):
    """An object of which it is noted which members are looked at, with the object `properties` in it."""

    __slots__ = ("_noted", "_object", "_prefix")

    def __init__(self, of: Mapping[str, object], noted: set[str], prefix: str) -> None:
        self._object = of
        self._noted = noted
        self._prefix = prefix

    def __getitem__(self, name: str) -> object:
        self._noted.add(f"{self._prefix}={name}")
        value = self._object[name]
        if name == PROPERTIES and not self._prefix and type(value) is dict:
            return _TracingMembers(value, self._noted, _INSIDE)
        return value

    def __contains__(self, name: object) -> bool:
        self._noted.add(f"{self._prefix}={name}")
        return name in self._object

    def __iter__(self) -> Iterator[str]:
        self._noted.add(f"{self._prefix}{NAMES}")
        return iter(self._object)

    def __len__(self) -> int:
        self._noted.add(f"{self._prefix}{NAMES}")
        return len(self._object)

    __hash__ = None  # type: ignore[assignment]  # as an object of JSON has none


def members_of(body: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    """Yield what can be read of a body, as a trace names it, with what stands there."""
    yield NAMES, list(body)
    for name, value in body.items():
        is_inside = name == PROPERTIES and type(value) is dict
        yield f"={name}", "an object" if is_inside else [value]
        if is_inside:
            inside = cast("Mapping[str, object]", value)
            yield f"{_INSIDE}{NAMES}", list(inside)
            yield from ((f"{_INSIDE}={inner}", [each]) for inner, each in inside.items())


class _TracingMetadata:
    """What is said of an estate as a whole, of which some is the same in all runs with the same key."""

    def __init__(self, metadata: Metadata, trace: Trace) -> None:
        self._metadata = metadata
        self._trace = trace

    def __getattr__(self, name: str) -> object:
        """Return it."""
        if name not in OF_ALL_RUNS:
            self._trace.usable = False
        return getattr(self._metadata, name)


class TracingEstate:
    """An estate that notes every question with its answer; what is remembered of it is of one part alone."""

    def __init__(self, estate: Estate, trace: Trace) -> None:
        self._estate = estate
        self._trace = trace
        self._seen: dict[str, Resource] = {}
        self._once: dict[Callable[[Estate], object], object] = {}
        self.catalogue = estate.catalogue  # what is the same in all runs with the same key
        self.complete = estate.complete
        self.metadata = _TracingMetadata(estate.metadata, trace)

    def once(self, read: Callable[[Estate], T]) -> T:
        """Return what a reader makes of the estate."""
        if read not in self._once:
            self._once[read] = read(cast("Estate", self))
        return cast("T", self._once[read])

    def rows(self, rows: Sequence[Resource], resource_type: str, first: int) -> Sequence[Resource]:
        """Return the resources of a part, which are some of a type."""
        self._trace.asked[ROWS, resource_type, str(first)] = seen = self._wrapped(rows)
        return cast("Sequence[Resource]", seen)

    def __getattr__(self, name: str) -> object:
        """Return what asks the estate, for everything that it can be asked."""
        if name.startswith("_"):
            self._trace.usable = False  # what is not to be seen cannot be noted
            raise AttributeError(name)
        found = getattr(self._estate, name)
        if callable(found):
            asking: object = partial(self._answer, name, found)
        else:
            asking = self._trace.asked[(name,)] = self._wrapped(found)
        self.__dict__[name] = asking
        return asking

    def _answer(self, name: str, ask: Callable[..., object], *arguments: object) -> object:
        if not all(argument is None or type(argument) is str for argument in arguments):
            self._trace.usable = False
            return self._wrapped(ask(*arguments))
        question = cast("Question", (name, *arguments))
        if question not in self._trace.asked:
            was_usable, self._trace.usable = self._trace.usable, False  # if it raises, that is not noted
            answer = self._trace.asked[question] = self._wrapped(ask(*arguments))
            self._trace.usable = was_usable and not isinstance(answer, Iterator)  # which can be gone through but once
        return self._trace.asked[question]

    def _wrapped(self, answer: object) -> object:
        """Return an answer whose resources note what is read of them."""
        if isinstance(answer, Resource):
            return self.seen(answer)
        if isinstance(answer, Missing):
            return replace(answer, parent=self.seen(answer.parent))
        if isinstance(answer, list | tuple) and answer and isinstance(answer[0], Resource | Missing):
            return [self._wrapped(each) for each in answer]
        return answer

    def seen(self, resource: Resource) -> Resource:
        """Return a resource that notes what is read of it."""
        known = self._seen.get(resource.key)
        if known is None:
            held = _TracingBody(resource.held, self._trace.of(resource.key))
            known = self._seen[resource.key] = replace(resource, held=held)
        return known


class TracingWorkloads:
    """Workloads that note what is asked of them: whose part a resource plays, or anything else."""

    def __init__(self, workloads: Workloads, estate: TracingEstate, trace: Trace) -> None:
        self._workloads = workloads
        self._estate = estate
        self._trace = trace
        self._whole: Workloads | None = None

    def role_of(self, resource_key: str) -> tuple[str | None, str | None]:
        """Return (workload, component) of a resource."""
        role = self._workloads.role_of(resource_key)
        self._trace.asked[ROLE, resource_key] = role
        return role

    def __getattr__(self, name: str) -> object:
        """Return anything else, which counts as looking at all of them."""
        if name.startswith("_"):
            self._trace.usable = False
            raise AttributeError(name)
        if self._whole is None:
            self._whole = self._seen()
            self._trace.asked[(WORKLOADS,)] = self._workloads
        return getattr(self._whole, name)

    def _seen(self) -> Workloads:
        given, seen = self._workloads, self._estate.seen
        workloads = [
            replace(
                workload,
                anchor=seen(workload.anchor),
                bindings={
                    name: tuple(replace(binding, resource=seen(binding.resource)) for binding in bindings)
                    for name, bindings in workload.bindings.items()
                },
            )
            for workload in given.all
        ]
        fitting = FittingResources(cast("Estate", self._estate))
        return Workloads(workloads, given.notices, {}, given.declared, given.givers, fitting=fitting)


class TracingContext:
    """What a part may look at, noting it all; parameters and tables are the same in all runs with the same key."""

    def __init__(self, context: Context, trace: Trace) -> None:
        self.estate = TracingEstate(context.estate, trace)
        self.workloads = TracingWorkloads(context.workloads, self.estate, trace)
        self.parameters = context.parameters
        self.tables = context.tables
        self.now = _asked_time(context.now, trace)

    @property
    def as_context(self) -> Context:
        """Return it as what analyses and rules are given."""
        return cast("Context", self)


class TracingNames(Mapping[str, str]):
    """What people call things, noting what is asked."""

    def __init__(self, names: Callable[[], Mapping[str, str]], trace: Trace) -> None:
        self._names = names
        self._trace = trace

    def __getitem__(self, guid: str) -> str:
        name = self._names().get(guid)
        self._trace.asked[CALLED, guid] = name
        if name is None:
            raise KeyError(guid)
        return name

    def __iter__(self) -> Iterator[str]:
        self._trace.usable = False
        return iter(self._names())

    def __len__(self) -> int:
        self._trace.usable = False
        return len(self._names())


_COMPARISONS: Final[Mapping[str, Callable[[datetime, datetime], bool]]] = {
    "<": lambda one, other: one < other,
    "<=": lambda one, other: one <= other,
    ">": lambda one, other: one > other,
    ">=": lambda one, other: one >= other,
    "==": lambda one, other: one == other,
}


def _asked_time(now: datetime, trace: Trace, shift: timedelta = timedelta()) -> TracingTime:
    made = TracingTime(
        now.year, now.month, now.day, now.hour, now.minute, now.second, now.microsecond, now.tzinfo, fold=now.fold
    )
    object.__setattr__(made, "_traced", (now, trace, shift))
    return made


class TracingTime(datetime):
    """A time of judgement that notes what it is compared with; whoever looks at it in another way has looked at all of it."""

    _traced: tuple[datetime, Trace, timedelta]

    def __getattribute__(self, name: str) -> object:
        """Return an attribute of the time: it has been looked at."""
        if name in {"_traced", "__class__", "__dict__"}:
            return object.__getattribute__(self, name)
        return getattr(_looked_at(self), name)

    def __lt__(self, other: object) -> bool:
        return _compared(self, "<", other)

    def __le__(self, other: object) -> bool:
        return _compared(self, "<=", other)

    def __gt__(self, other: object) -> bool:
        return _compared(self, ">", other)

    def __ge__(self, other: object) -> bool:
        return _compared(self, ">=", other)

    def __eq__(self, other: object) -> bool:
        return _compared(self, "==", other)

    def __ne__(self, other: object) -> bool:
        return not _compared(self, "==", other)

    def __add__(self, other: timedelta) -> TracingTime:
        return _moved(self, other)

    def __radd__(self, other: timedelta) -> TracingTime:
        return _moved(self, other)

    def __sub__(self, other: timedelta | datetime) -> TracingTime | timedelta:  # type: ignore[override]  # one for both
        return _moved(self, -other) if isinstance(other, timedelta) else _looked_at(self) - other

    def __rsub__(self, other: datetime) -> timedelta:
        return other - _looked_at(self)

    def __hash__(self) -> int:
        return hash(_looked_at(self))

    def __repr__(self) -> str:
        return repr(_looked_at(self))

    def __str__(self) -> str:
        return str(_looked_at(self))

    def __format__(self, form: str) -> str:
        return format(_looked_at(self), form)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a time that notes what it is asked stays in its process")


def _looked_at(time: TracingTime) -> datetime:
    now, trace, _ = time._traced  # noqa: SLF001 - of this module
    trace.exact_time = True
    return now


def _moved(time: TracingTime, by: timedelta) -> TracingTime:
    now, trace, shift = time._traced  # noqa: SLF001 - as above
    return _asked_time(now + by, trace, shift + by)


def _compared(time: TracingTime, how: str, other: object) -> bool:
    now, trace, shift = time._traced  # noqa: SLF001 - as above
    if isinstance(other, TracingTime) or not isinstance(other, datetime) or other.tzinfo is None:
        trace.exact_time = True
        other = other._traced[0] if isinstance(other, TracingTime) else other  # noqa: SLF001 - as above
        return _COMPARISONS[how](now, cast("datetime", other))
    holds = _COMPARISONS[how](now, other)
    trace.times.add(TimeComparison(how, shift // _MICROSECOND, other.isoformat(), holds))
    return holds
