"""What a condition can see while it is evaluated: the subject, the member in hand, parameters, the time of judgement."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from msgspec import Struct, field

from auditor.azure import paths
from auditor.azure.paths import ABSENT, EACH, Steps
from auditor.azure.vocabulary import COMPUTED, ResolvedName
from auditor.language import functions, operators
from auditor.language.ast import Call, Constant, Elements, Expression, PropertyAccess
from auditor.model import Gap


class Subject(Protocol):
    """Something that conditions are asked about: a resource, a fact, or an example of one."""

    @property
    def id(self) -> str:
        """Return the id under which evidence is shown."""

    @property
    def body(self) -> Mapping[str, object]:
        """Return the data that paths lead into."""

    def gap(self, path: ResolvedName) -> Gap | None:
        """Return why a path in the body is not known, or None where what stands there (or nothing) is the truth."""

    def computed(self, name: str) -> object:
        """Return `apiversion`, `resourcegroup` or `subscriptionid`, or ABSENT."""

    def related(self, name: str) -> tuple[Sequence[Subject], Gap | None]:
        """Return the resources that a relation leads to, and why there may be more of them."""


class Unknown(Exception):  # noqa: N818 - not an error: an answer
    """A value that is not known; `gap` says why."""

    def __init__(self, gap: Gap) -> None:
        super().__init__(gap.reason)
        self.gap = gap


class Problem(Exception):  # noqa: N818 - turned into an unknown with the reason "error"
    """An expression or comparison that cannot be carried out on this data."""


class Member(Struct, frozen=True):
    """The element of a list that a quantifier or count has in hand: the list's path, the element, where it stands."""

    steps: Steps
    value: object
    at: str


class Environment(Struct, frozen=True):
    """Everything an evaluation may read; `here` is the resource that fields mean: the subject, or a related one."""

    subject: Subject
    here: Subject
    parameters: Mapping[str, object]
    now: datetime
    members: tuple[Member, ...] = ()
    counted: Mapping[str, object] = field(default_factory=dict)

    def with_member(self, member: Member) -> Environment:
        """Return the environment inside a quantifier or count, for one element."""
        members = (*self.members, member)
        return Environment(self.subject, self.here, self.parameters, self.now, members, self.counted)

    def with_counted(self, name: str, value: object) -> Environment:
        """Return the environment inside a count of values, for one of them."""
        counted = {**self.counted, name: value}
        return Environment(self.subject, self.here, self.parameters, self.now, self.members, counted)

    def at_related(self, resource: Subject) -> Environment:
        """Return the environment inside a count of related resources, for one of them."""
        return Environment(self.subject, resource, self.parameters, self.now, (), self.counted)

    def _start(self, steps: Steps) -> tuple[object, Steps, str]:
        best: Member | None = None
        for member in self.members:
            if (best is None or len(member.steps) > len(best.steps)) and paths.starts_with(steps, member.steps):
                best = member
        if best is None:
            return self.here.body, steps, ""
        return best.value, steps[len(best.steps) :], best.at

    def read(self, path: ResolvedName) -> object:
        """Return the value at a path without open `[*]`; ABSENT where there is none. Raise Unknown or Problem."""
        if (gap := self.here.gap(path)) is not None:
            raise Unknown(gap)
        steps = path.steps
        if steps[0].folded in COMPUTED:
            return self.here.computed(steps[0].folded)
        start, rest, _ = self._start(steps) if self.members else (self.here.body, steps, "")
        try:
            return paths.lookup(start, rest)
        except paths.ShapeError as problem:
            raise Problem(f"{paths.show(steps)}: {problem}") from problem

    def _check(self, path: ResolvedName) -> None:
        gap = self.here.gap(path)
        if gap is not None:
            raise Unknown(gap)

    def walk(self, path: ResolvedName) -> list[tuple[str, object]]:
        """Return (path as spelled, value) at each end that a path leads to; ABSENT ends included."""
        self._check(path)
        if path.steps[0].folded in COMPUTED:
            return [(paths.show(path.steps), self.here.computed(path.steps[0].folded))]
        start, rest, at = self._start(path.steps)
        try:
            return list(paths.walk(start, rest, at))
        except paths.ShapeError as problem:
            raise Problem(f"{paths.show(path.steps)}: {problem}") from problem

    def elements(self, of: Elements) -> Iterator[Member]:
        """Yield the elements of a list. Raise Unknown where the list was not collected."""
        for at, value in self.walk(of.path):
            yield Member(of.path.steps, value, at)

    def compute(self, expression: Expression) -> object:
        """Return an expression's value. Raise Unknown or Problem."""
        if isinstance(expression, Constant):
            return expression.value
        if isinstance(expression, PropertyAccess):
            return self._part(self.compute(expression.of), self.compute(expression.part))
        try:
            return self._call(expression)
        except functions.FunctionError as problem:
            raise Problem(f"{expression.function}: {problem}") from problem

    def _part(self, value: object, part: object) -> object:
        if isinstance(value, list):
            number = operators.as_number(part)
            element = value[int(number)] if number is not None and 0 <= number < len(value) else ABSENT
            return ABSENT if element is None else element
        try:
            return paths.member(value, paths.PathStep(str(part), str(part).lower()))
        except paths.ShapeError as problem:
            raise Problem(str(problem)) from problem

    def _call(self, call: Call) -> object:  # noqa: PLR0911 - one line per contextual function
        match call.function:
            case "parameters":
                return self.parameters[_literal(call)]
            case "current":
                return self.counted[_literal(call)] if call.reference is None else self.read(call.reference)
            case "field":
                return self._field(call.reference)
            case "subject":
                return self.at_related(self.subject).read(call.reference) if call.reference else ABSENT
            case "if":
                return self.compute(call.arguments[1 if self._truth(call.arguments[0]) else 2])
            case "unknown":
                # a rule says that the data cannot answer: what is missing, and why
                what, why = (str(self.compute(argument)) for argument in call.arguments)
                raise Unknown(Gap(self.here.id, what, why))
            case "utcNow":
                return self.now.isoformat().replace("+00:00", "Z")
            case "resourceGroup":
                return {"name": self.subject.computed("resourcegroup")}
            case "subscription":
                return {"subscriptionId": self.subject.computed("subscriptionid")}
            case _:
                return functions.call(call.function, [self.compute(argument) for argument in call.arguments])

    def _truth(self, expression: Expression) -> bool:
        value = self.compute(expression)
        if not isinstance(value, bool):
            raise Problem("if: true or false was expected")
        return value

    def _field(self, path: ResolvedName | None) -> object:
        if path is None:
            return ABSENT
        ends = self.walk(path)
        several = EACH in path.steps
        return [value for _, value in ends if value is not ABSENT] if several else ends[0][1]


def _literal(call: Call) -> str:
    argument = call.arguments[0]
    return str(argument.value) if isinstance(argument, Constant) else ""
