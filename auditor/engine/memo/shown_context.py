"""Show what a rule wants told beside its conditions: where subjects differ in a value alone, only that is each finding's own."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from itertools import islice
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from auditor.azure import paths
from auditor.azure.paths import ABSENT, EACH, ShapeError, Steps
from auditor.azure.vocabulary import COMPUTED
from auditor.engine.findings.shared_evidence import SharedLeaf, SharedLeaves
from auditor.engine.memo.memo import Memo, Places, PlaceValues, Reading, is_value
from auditor.engine.memo.template import Template, shared
from auditor.engine.subjects import MemorableSubject
from auditor.engine.verdict import with_context
from auditor.language.explain import MEMBERS_SHOWN
from auditor.model import Evidence

Values = tuple[object, ...]
NONE_OWN: Final[Values] = ()
_SOME: Final = True  # no token of a value


class _Shape(Struct, frozen=True):
    """What is shown of all subjects that have some value at each of some places, and are alike elsewhere.

    `told` is that behind what the template tells; in it the values are each finding's own.
    """

    leaves: Sequence[SharedLeaf]
    told: SharedLeaves


class _Look(Struct):
    """How a subject looks at the places that are shown: what is the same of all that look like it, and its own values."""

    key: list[Hashable]
    paths: list[str]
    values: list[object]

    def add(self, path: str, value: object) -> None:
        """Add a value of its own."""
        self.paths.append(path)
        self.values.append(value)


class _ShownPath(Struct, frozen=True):
    """A path that is shown: where its token is among those of all, and how it leads to values."""

    steps: Steps
    text: str
    position: int
    is_computed: bool
    leads_through_list: bool

    def look_at(self, token: Hashable, subject: MemorableSubject, look: _Look) -> None:
        """Add what a subject has there: the value, those of the members of a list, or else what tells it from others."""
        if self.leads_through_list and not self.is_computed:
            try:
                ends = list(islice(paths.walk(subject.body, self.steps), MEMBERS_SHOWN))
            except ShapeError:
                look.key.append((False, token))
                return
            look.key.append((True, *((at,) if value is ABSENT else at for at, value in ends)))
            for at, value in ends:
                if value is not ABSENT:
                    look.add(at, value)
        elif self.is_computed or not is_value(token):
            look.key.append(token)
        else:
            look.key.append(_SOME)
            look.add(self.text, paths.lookup(subject.body, self.steps))


class ShownContext:
    """What a rule shows beside its conditions, with what it showed so far.

    Nearly all of what is shown is shown once, and the rest very often: what is shown for the second time is kept.
    """

    def __init__(
        self, context: Sequence[Steps], places: Places, ask: Callable[[MemorableSubject], Sequence[Evidence]]
    ) -> None:
        self._ask = ask
        self._at = PlaceValues(context, places)
        self._paths = [
            _ShownPath(
                steps,
                paths.show(steps),
                self._at.numbers.index(places.number(steps)),
                steps[0].folded in COMPUTED,
                EACH in steps,
            )
            for steps in dict.fromkeys(context)
        ]
        self._once: Memo[bool] = Memo()
        self._leaves: Memo[SharedLeaves] = Memo()
        self._shapes: Memo[_Shape] = Memo()

    def added_to(self, template: Template, reading: Reading) -> tuple[SharedLeaves, Values]:
        """Return the evidence of a template with what the rule shows beside it, and which values in it are the finding's own."""
        if template.verdict.told is None:
            return template.leaves, NONE_OWN
        tokens = self._at.of(reading)
        leaves = self._leaves.get((template, tokens))
        if leaves is not None:
            return leaves, NONE_OWN
        look = _Look([template], [], [])
        for path in self._paths:
            path.look_at(tokens[path.position], reading.subject, look)
        shape = self._shape(template, look, reading.subject)
        if self._once.get((template, tokens)) is None:
            self._once.keep((template, tokens), answer=True)
        elif self._leaves.has_room:
            told = (*template.leaves.leaves, *_filled_in(shape, look.values))
            self._leaves.keep((template, tokens), SharedLeaves(told, template.leaves.is_kept))
        return shape.told, tuple(look.values)

    def _shape(self, template: Template, look: _Look, subject: MemorableSubject) -> _Shape:
        key = tuple(look.key)
        shape = self._shapes.get(key)
        if shape is None:
            shape = self._new_shape(template, look, subject)
            self._shapes.keep(key, shape)
        return shape

    def _new_shape(self, template: Template, look: _Look, subject: MemorableSubject) -> _Shape:
        evidence = with_context(template.verdict, self._ask(subject)).evidence
        leaves = shared(evidence[len(template.verdict.evidence) :], {subject.id: 0})
        numbers = {path: at - len(look.values) for at, path in enumerate(look.paths)}
        own = []
        for each in leaves:
            number = numbers.get(each.leaf.path)
            if number is not None and each.leaf.actual is not look.values[number]:
                raise KeyError(each.leaf.path)
            leaf = each.leaf if number is None else replace(each.leaf, actual=None)
            own.append(each._replace(leaf=leaf, own=number))
        shows_own = any(each.own is not None for each in own)
        told = SharedLeaves((*template.leaves.leaves, *own), template.leaves.is_kept and not shows_own)
        return _Shape(own, told)


def _filled_in(shape: _Shape, values: Sequence[object]) -> Iterator[SharedLeaf]:
    for each in shape.leaves:
        if each.own is None:
            yield each
        else:
            yield each._replace(leaf=replace(each.leaf, actual=values[each.own]), own=None)
