"""Show what a rule wants told beside its conditions: where subjects differ in a value alone, only that is each finding's own."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from auditor.azure import paths
from auditor.azure.paths import EACH, Steps
from auditor.azure.vocabulary import COMPUTED
from auditor.engine.memo import Memo, Places, PlaceValues, Reading, is_value
from auditor.engine.shared_evidence import SharedLeaf, SharedLeaves
from auditor.engine.subjects import MemorableSubject
from auditor.engine.template import Template, shared
from auditor.engine.verdict import with_context
from auditor.model import Evidence

Values = tuple[object, ...]
NONE_OWN: Final[Values] = ()
_SOME: Final = True  # no token of a value


class _Shape(Struct, frozen=True):
    """What is shown of all subjects that have some value at each of some places, and are alike elsewhere."""

    leaves: Sequence[SharedLeaf]
    places: Sequence[Steps]

    def values(self, subject: MemorableSubject) -> Values:
        """Return what a subject has there."""
        return tuple(paths.lookup(subject.body, steps) for steps in self.places)


class ShownContext:
    """What a rule shows beside its conditions, with what it showed so far."""

    def __init__(
        self, context: Sequence[Steps], places: Places, ask: Callable[[MemorableSubject], Sequence[Evidence]]
    ) -> None:
        self._ask = ask
        self._at = PlaceValues(context, places)
        through_lists = {places.number(steps) for steps in context if EACH in steps or steps[0].folded in COMPUTED}
        self._single = [None if at in through_lists else places.steps[at] for at in self._at.numbers]
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
        shape = self._shape(template, tokens, reading.subject)
        values = shape.values(reading.subject)
        if self._leaves.has_room:
            leaves = SharedLeaves((*template.leaves.leaves, *_filled_in(shape, values)), template.leaves.is_kept)
            self._leaves.keep((template, tokens), leaves)
            return leaves, NONE_OWN
        return SharedLeaves((*template.leaves.leaves, *shape.leaves), is_kept=False), values

    def _shape(self, template: Template, tokens: Sequence[Hashable], subject: MemorableSubject) -> _Shape:
        single = [None if steps is None or not is_value(token) else steps for steps, token in self._of_each(tokens)]
        key = (template, *(token if steps is None else _SOME for steps, token in zip(single, tokens, strict=True)))
        shape = self._shapes.get(key)
        if shape is None:
            shape = self._new_shape(template, [steps for steps in single if steps is not None], subject)
            self._shapes.keep(key, shape)
        return shape

    def _of_each(self, tokens: Sequence[Hashable]) -> Iterator[tuple[Steps | None, Hashable]]:
        return zip(self._single, tokens, strict=True)

    def _new_shape(self, template: Template, places: Sequence[Steps], subject: MemorableSubject) -> _Shape:
        evidence = with_context(template.verdict, self._ask(subject)).evidence
        leaves = shared(evidence[len(template.verdict.evidence) :], {subject.id: 0})
        numbers = {paths.show(steps): at - len(places) for at, steps in enumerate(places)}
        values = [paths.lookup(subject.body, steps) for steps in places]
        own = []
        for each in leaves:
            number = numbers.get(each.leaf.path)
            if number is not None and each.leaf.actual is not values[number]:
                raise KeyError(each.leaf.path)
            leaf = each.leaf if number is None else replace(each.leaf, actual=None)
            own.append(each._replace(leaf=leaf, own=number))
        return _Shape(own, places)


def _filled_in(shape: _Shape, values: Values) -> Iterator[SharedLeaf]:
    for each in shape.leaves:
        if each.own is None:
            yield each
        else:
            yield each._replace(leaf=replace(each.leaf, actual=values[each.own]), own=None)
