"""Remember what a rule said: of subjects that are alike in all that it reads, it says the same.

A rule is a pure function of the values at the places that it reads, its parameters, the time, and what is not known. The
values are the key; what is not among them is asked of the reference evaluator, so that nothing is decided twice in
two ways. Ids do not decide anything: they have numbers in the key, and are filled in again in the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from hashlib import sha256
from marshal import dumps
from operator import itemgetter
from typing import Final, Generic, NamedTuple, TypeVar

from auditor.azure import paths
from auditor.azure.paths import ABSENT, EACH, PathStep, Steps
from auditor.azure.vocabulary import COMPUTED
from auditor.engine.subjects import Doubts, MemorableSubject, covers
from auditor.language.ast import Leaf
from auditor.language.reads import Reads
from auditor.model import Gap, folded_names
from auditor.truth import UNKNOWN, Truth

Answer = TypeVar("Answer")

CAPACITY: Final = 512
"""How many answers of a rule are remembered; where fewer than that were asked for again by then, none is."""
_LONGEST: Final = 64
VERSION: Final = paths.parse("apiVersion")
_EXACT: Final = 2  # marshal's newest version that writes equal values alike, whatever else refers to them
_NOTHING: Final = 0  # no token of a value: those are texts, bytes and tuples
_TRUE: Final = dumps(True, _EXACT)  # noqa: FBT003 - the value itself
_FALSE: Final = dumps(False, _EXACT)  # noqa: FBT003 - as above


class Unkeyable(Exception):  # noqa: N818 - an answer: ask the reference
    """A subject holds something that is no JSON, of which it cannot be told whether it is the same as something else."""


class Names:
    """What an answer may name without going by it: the same answer names other ids of other subjects, and other names.

    `numbers` are ids with their numbers; `tested` are values that were only compared, in order, by the number of whose they
    are and the path to them.
    """

    __slots__ = ("numbers", "tested")

    def __init__(self, own: str) -> None:
        self.numbers: dict[str, int] = {own: 0}
        self.tested: dict[tuple[int, str], str] = {}

    def number(self, name: str) -> int:
        """Return the number of an id; a new one gets the next."""
        return self.numbers.setdefault(name, len(self.numbers))


class _Branch(NamedTuple):
    """A step that places have in common: the number of the place that ends there, what goes on from there, and all numbers."""

    name: str
    step: PathStep
    number: int | None
    branches: tuple[_Branch, ...]
    numbers: tuple[int, ...]


class Places:
    """The places that the rules on subjects of one kind read, each with a number, and those behind each relation."""

    def __init__(self) -> None:
        self.steps: list[Steps] = []
        self._branches: tuple[_Branch, ...] | None = None
        self.behind: dict[str, Places] = {}
        self.doubted: list[Sequence[Steps]] = [()]
        self._numbers: dict[tuple[str | None, ...], int] = {}
        self._of_doubted: dict[Sequence[Steps], int] = {(): 0}

    def number(self, steps: Steps) -> int:
        """Return the number of a place: of a path through a list, that of the list."""
        cut = steps[: steps.index(EACH)] if EACH in steps else steps
        name = tuple(step.name for step in cut)
        if name not in self._numbers:
            self._numbers[name] = len(self.steps)
            self.steps.append(cut)
            self._branches = None
        return self._numbers[name]

    def first_names(self) -> frozenset[str]:
        """Return what stands at the head of some place, folded."""
        return frozenset(steps[0].folded for steps in self.steps)

    def tokens_of(self, body: object) -> list[Hashable]:
        """Return the tokens of all plain values in a body by the numbers of their places; None for each that is not."""
        if self._branches is None:
            found = [(number, steps) for number, steps in enumerate(self.steps) if steps[0].folded not in COMPUTED]
            self._branches = _branches_of(found, 0)
        tokens: list[Hashable] = [None] * len(self.steps)
        if type(body) is dict:
            _take_plain(body, self._branches, tokens)
        return tokens

    def number_of_doubts(self, doubts: Doubts) -> int:
        """Return the number of the places that are not known of a subject, 0 where all are."""
        if not doubts:
            return 0
        at = tuple(steps for steps, _ in doubts)
        number = self._of_doubted.setdefault(at, len(self.doubted))
        if number == len(self.doubted):
            self.doubted.append(at)
        return number


def _branches_of(places: Sequence[tuple[int, Steps]], depth: int) -> tuple[_Branch, ...]:
    """Return what places that have the same steps before some depth have behind it."""
    by_name: dict[str, list[tuple[int, Steps]]] = {}
    for number, steps in places:
        by_name.setdefault(steps[depth].name or "", []).append((number, steps))
    return tuple(
        _Branch(
            name,
            alike[0][1][depth],
            next((number for number, steps in alike if len(steps) == depth + 1), None),
            _branches_of([(number, steps) for number, steps in alike if len(steps) > depth + 1], depth + 1),
            tuple(number for number, _ in alike),
        )
        for name, alike in by_name.items()
    )


def _take_plain(value: dict[str, object], branches: tuple[_Branch, ...], tokens: list[Hashable]) -> None:
    """Take the tokens of short texts, of true and false, and of what is not there: most values are of these."""
    folded: frozenset[str] | None = None
    for name, step, number, below, numbers in branches:
        found = value.get(name)
        kind = type(found)
        if kind is str:
            if number is not None and len(found) <= _LONGEST:  # type: ignore[arg-type]  # a text it is
                tokens[number] = found
        elif kind is dict:
            _take_plain(found, below, tokens)  # type: ignore[arg-type]  # an object it is
        elif found is None:
            if folded is None:
                folded = folded_names(tuple(value))
            if step.folded not in folded or name in value:
                for each in numbers:
                    tokens[each] = _NOTHING
        elif kind is bool and number is not None:
            tokens[number] = _TRUE if found else _FALSE


class Reading:
    """A subject with the values that rules read of it, each read once."""

    __slots__ = ("_places", "_related", "doubts", "doubts_number", "is_named", "subject", "tokens")

    def __init__(self, subject: MemorableSubject, places: Places) -> None:
        self.subject = subject
        self.is_named = bool(subject.id)
        self.doubts = subject.doubts
        self.doubts_number = places.number_of_doubts(self.doubts) if self.doubts else 0
        self.tokens = places.tokens_of(subject.body)
        self._places = places
        self._related: dict[str, tuple[Sequence[Reading], Gap | None]] | None = None

    def read(self, numbers: Iterable[int]) -> None:
        """Read what stands at some places. Unkeyable where that is no JSON."""
        tokens, steps = self.tokens, self._places.steps
        for number in numbers:
            if tokens[number] is None:
                tokens[number] = _token_at(self.subject, steps[number])

    def related(self, name: str) -> tuple[Sequence[Reading], Gap | None]:
        """Return the resources that a relation leads to, and why there may be more."""
        if self._related is None:
            self._related = {}
        if name not in self._related:
            subjects, gap = self.subject.related(name)
            places = self._places.behind[name]
            self._related[name] = [Reading(other, places) for other in subjects], gap
        return self._related[name]


def _token_at(subject: MemorableSubject, steps: Steps) -> Hashable:
    """Return what is equal for equal values at a path that the data spell alike, and for no others."""
    value: object = subject.body
    for step in steps:  # as nearly always: what is asked for is there, and spelled as it was asked for
        value = value.get(step.name) if type(value) is dict else None
        if value is None:
            return _odd_token_at(subject, steps)
    return _token(value) if steps[0].folded not in COMPUTED else _odd_token_at(subject, steps)


def _odd_token_at(subject: MemorableSubject, steps: Steps) -> Hashable:
    """Return the same where something is absent, spelled otherwise, computed, or no object."""
    if steps[0].folded in COMPUTED:
        computed = subject.computed(steps[0].folded)
        return _NOTHING if computed is ABSENT else _token(computed)
    value: object = subject.body
    spelled: list[str | None] | None = None
    for position, step in enumerate(steps):
        if type(value) is not dict:
            return ("shape", position, _token(value), spelled and tuple(spelled))
        found = value.get(step.name, ABSENT)
        if found is ABSENT:
            name = paths.spelling(value, step)
            if name is None:
                return _NOTHING if spelled is None else (_NOTHING, *spelled)
            spelled = [each.name for each in steps[:position]] if spelled is None else spelled
            spelled.append(name)
            found = value[name]
        elif spelled is not None:
            spelled.append(step.name)
        if found is None:
            return _NOTHING if spelled is None else (_NOTHING, *spelled)
        value = found
    token = _token(value)
    return token if spelled is None else (token, *spelled)


class _Digest(NamedTuple):
    """What tells a long value from all others."""

    of: str
    digest: bytes


def is_value(token: Hashable) -> bool:
    """Whether a token says that there is a value, and that the data spell the path to it as it was asked for."""
    return type(token) in {str, bytes, _Digest}


def _token(value: object) -> Hashable:
    """Return a text as it is, and what tells a value from all others: 1, 1.0, true and "1" are four."""
    if type(value) is str:
        return value if len(value) <= _LONGEST else _Digest("text", _digest(value.encode("utf-8", "surrogatepass")))
    try:
        exact: bytes = dumps(value, _EXACT)  # type: ignore[arg-type]  # what it cannot write raises
    except ValueError as problem:
        raise Unkeyable from problem
    return exact if len(exact) <= _LONGEST else _Digest("value", _digest(exact))


def _digest(of: bytes) -> bytes:
    return sha256(of).digest()


class PlaceValues:
    """What stands at some places of a subject."""

    __slots__ = ("_known", "numbers")

    def __init__(self, paths_read: Iterable[Steps], places: Places) -> None:
        numbers = self.numbers = tuple(dict.fromkeys(map(places.number, paths_read)))
        self._known: Callable[[list[Hashable]], tuple[Hashable, ...]] = (
            itemgetter(*numbers) if len(numbers) > 1 else lambda tokens: tuple(tokens[number] for number in numbers)
        )

    def of(self, reading: Reading) -> tuple[Hashable, ...]:
        """Return what stands at the places of a subject. Unkeyable where that is no JSON."""
        values = self._known(reading.tokens)
        if None in values:
            reading.read(self.numbers)
            values = self._known(reading.tokens)
        return values


class DoubtsRead:
    """Which of the doubts about a subject are about what is read of it: no others can change an answer."""

    __slots__ = ("_known", "_paths", "_places")

    def __init__(self, paths_read: Iterable[Steps], places: Places) -> None:
        self._paths = tuple(paths_read)
        self._places = places
        self._known: dict[int, Sequence[int]] = {0: ()}

    def of(self, reading: Reading) -> Sequence[int]:
        """Return the positions of those that are, in order."""
        number = reading.doubts_number
        known = self._known.get(number)
        if known is None:
            doubted = self._places.doubted[number]
            known = [at for at, steps in enumerate(doubted) if any(covers(steps, read) for read in self._paths)]
            self._known[number] = known
        return known


Ask = Callable[[Leaf, MemorableSubject], Truth]
"""Asks the reference evaluator whether a comparison holds of a subject."""
Test = tuple[str, PlaceValues, Sequence[Leaf]]
"""A path to a name or an id, what stands there, and the comparisons that read it."""


class KeyPlan:
    """How the key of a subject is made for a rule: from the values at places, and those of related resources."""

    def __init__(
        self,
        reads: Reads,
        places: Places,
        ask: Ask,
        context: Sequence[Steps] = (),
        subject_places: Places | None = None,
    ) -> None:
        """Take what is read, and at which places what else is shown: what is not known of these is not shown."""
        subject_places = places if subject_places is None else subject_places
        self._ask = ask
        self._tested = [
            (paths.show(steps), PlaceValues([steps], places), leaves) for steps, leaves in reads.tested.items()
        ]
        # by the API version it is known whether a property would show
        self._of_here = PlaceValues([VERSION, *reads.paths], places)
        self._of_subject = PlaceValues(reads.of_subject, subject_places)
        self._doubts = DoubtsRead([*reads.paths, *reads.tested, *_of_subject_behind(reads), *context], places)
        self._behind = tuple(
            (name, KeyPlan(inner, places.behind.setdefault(name, Places()), ask, subject_places=subject_places))
            for name, inner in reads.relations.items()
        )
        self._reads_more = bool(self._behind or self._tested)

    def plain_key(self, reading: Reading) -> tuple[Hashable, ...] | None:
        """Return the key of a subject of which nothing but values at places decides; None where something else may.

        Unkeyable where it is no JSON.
        """
        if self._reads_more or not reading.is_named or (reading.doubts and self._doubts.of(reading)):
            return None
        return self._of_here.of(reading)

    def key(self, reading: Reading, names: Names) -> Hashable:
        """Return all that an answer on a subject depends on; the ids in it are numbered.

        Unkeyable where it is no JSON, or where the subject has no id of its own.
        """
        if not reading.is_named:
            raise Unkeyable
        return self._key(reading, names, reading)

    def _key(self, reading: Reading, names: Names, subject: Reading) -> Hashable:
        values, doubts = self._of_here.of(reading), [reading.doubts[at] for at in self._doubts.of(reading)]
        # what was not seen knows no more than some paths, and answers for none of the others
        doubted = (type(reading.subject), *((at, _numbered(gap, names)) for at, gap in doubts)) if doubts else None
        if not self._reads_more:
            return (values, doubted)
        number = names.number(reading.subject.id)
        tested = [self._outcomes(reading, number, names, test) for test in self._tested]
        related = [plan.key_behind(reading, name, names, subject) for name, plan in self._behind]
        return (values, doubted, *tested, *related)

    def _outcomes(self, reading: Reading, number: int, names: Names, test: Test) -> Hashable:
        """Return what comparisons with a text say of it; where they cannot tell, or it is no text, what stands there."""
        path, place, leaves = test
        value = reading.subject.body.get(path)
        if type(value) is not str:
            return place.of(reading)
        outcomes = [self._ask(leaf, reading.subject) for leaf in leaves]
        if UNKNOWN in outcomes:
            return place.of(reading)
        names.tested[number, path] = value
        return ("tested", *outcomes)

    def key_behind(self, reading: Reading, name: str, names: Names, subject: Reading) -> Hashable:
        """Return what an answer depends on behind a relation; where it leads nowhere, nothing is asked there."""
        readings, gap = reading.related(name)
        why = None if gap is None else _numbered(gap, names)
        if not readings:
            return why
        own = self._of_subject.of(subject)
        alike = [
            (names.number(each.subject.id), type(each.subject), self._key(each, names, subject)) for each in readings
        ]
        return (why, own, *alike)


def _of_subject_behind(reads: Reads) -> Iterator[Steps]:
    """Yield what is read of the subject in conditions on what relations lead to."""
    for inner in reads.relations.values():
        yield from inner.of_subject
        yield from _of_subject_behind(inner)


def _numbered(gap: Gap, names: Names) -> Hashable:
    """Return a gap with the number of its scope, which answers only name."""
    return (gap.what, gap.reason, gap.permission, names.number(gap.scope))


class Memo(Generic[Answer]):
    """A bounded memory of answers; one that is of no use forgets them."""

    __slots__ = ("_answers", "_hits", "_is_full")

    def __init__(self) -> None:
        self._answers: dict[Hashable, Answer] = {}
        self._hits = 0
        self._is_full = False

    @property
    def has_room(self) -> bool:
        """Whether it takes one more."""
        return not self._is_full

    @property
    def is_of_use(self) -> bool:
        """Whether it may remember the answer to something."""
        return bool(self._answers) or not self._is_full

    def get(self, key: Hashable) -> Answer | None:
        """Return the answer to a key, or None where none is remembered."""
        answer = self._answers.get(key)
        if answer is not None:
            self._hits += 1
        return answer

    def keep(self, key: Hashable, answer: Answer) -> None:
        """Remember an answer, if there is room for it."""
        if self._is_full:
            return
        self._answers[key] = answer
        if len(self._answers) >= CAPACITY:
            self._is_full = True
            if self._hits < CAPACITY:
                self._answers.clear()
