"""Evidence that many findings share: the leaves are held once, and each finding says only whose values they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

from msgspec import Struct
from msgspec.structs import replace

from auditor.engine.findings.lazy_sequences import MadeOnUse
from auditor.model import NOT_COMPARED, Evidence, Finding


class ValueOrigin(NamedTuple):
    """Whose a value is, and where, how and when it was read."""

    resource_id: str
    source: str | None = None
    api_version: str | None = None
    collected_at: str | None = None


class SharedLeaf(NamedTuple):
    """A leaf without what differs from finding to finding: whose it is (`owner`, a position among the origins).

    Where it `was_read`, it says as well where, how and when. An `owner` of None: it is complete as it is. `own`: which of
    the finding's own values it shows, None where all findings show the same.
    """

    leaf: Evidence
    owner: int | None
    was_read: bool
    own: int | None = None


class SharedLeaves(Struct, frozen=True, eq=False):
    """Leaves as they are in all findings in which a rule says the same.

    `is_kept`: others will share them, so that what is made of them is worth keeping.
    """

    leaves: tuple[SharedLeaf, ...]
    is_kept: bool = True

    @property
    def show_own(self) -> bool:
        """Whether they show values of each finding's own."""
        return any(each.own is not None for each in self.leaves)

    @property
    def are_of_subject(self) -> bool:
        """Whether all of them are values of what the finding is about."""
        return not any(each.owner for each in self.leaves)


InputPlace = tuple[str, str]
"""The id of a resource, and a path in it."""
LeafPlace = tuple[str | None, str]
"""The id of the resource that a leaf is of, where it says so, and its path."""


class InputLeaves(NamedTuple):
    """What stands at a place, without the secrets in it, and what each value with a secret was and is."""

    leaves: Sequence[Evidence]
    hidden: Sequence[tuple[object, object]] = ()


class InputReader(Protocol):
    """Reads what facts were derived from."""

    def at(self, place: InputPlace) -> InputLeaves:
        """Return what stands at a place: values of one resource, read at one time."""

    def read(self, place: InputPlace) -> InputLeaves:
        """Return the same for somebody who will not ask for it again."""


class FactInputs(MadeOnUse[Evidence]):
    """What one fact was derived from: read anew whenever somebody goes through it, as most findings are only counted."""

    __slots__ = ("places", "reader")

    def __init__(self, places: Sequence[InputPlace], reader: InputReader) -> None:
        self.places = places
        self.reader = reader

    def __iter__(self) -> Iterator[Evidence]:
        """Go through what stands at the places."""
        for place in self.places:
            yield from self.reader.at(place).leaves

    def hidden(self) -> Iterator[tuple[object, object]]:
        """Yield what each value with a secret in it was, and what it is without."""
        for place in self.places:
            yield from self.reader.at(place).hidden

    def __len__(self) -> int:
        """Return how much that is."""
        return sum(len(self.reader.at(place).leaves) for place in self.places)

    def __bool__(self) -> bool:
        """Whether there is any."""
        return any(self.reader.at(place).leaves for place in self.places)


class SharedEvidence(MadeOnUse[Evidence]):
    """The evidence of one finding: shared leaves with their origins filled in, and behind them inputs, which do not decide."""

    __slots__ = ("inputs", "origins", "own", "shared")

    def __init__(
        self,
        shared: SharedLeaves,
        origins: tuple[ValueOrigin, ...],
        inputs: Sequence[Evidence] = (),
        own: Sequence[object] = (),
    ) -> None:
        self.own = own
        self.shared = shared
        self.origins = origins
        self.inputs = inputs

    def __len__(self) -> int:
        """Return how many leaves there are."""
        return len(self.shared.leaves) + len(self.inputs)

    def __bool__(self) -> bool:
        """Whether there are any, for which inputs are read only where there is nothing else."""
        return bool(self.shared.leaves) or bool(self.inputs)

    def without_inputs(self) -> SharedEvidence:
        """Return the leaves alone."""
        return SharedEvidence(self.shared, self.origins, (), self.own)

    def __iter__(self) -> Iterator[Evidence]:
        """Go through the leaves."""
        yield from map(self.filled, self.shared.leaves)
        yield from self.inputs

    def iter_deciding(self) -> Iterator[Evidence]:
        """Go through the leaves that decided; no input is read for it that is a fact's, of which none did."""
        yield from (self.filled(each) for each in self.shared.leaves if each.leaf.operator not in NOT_COMPARED)
        if not isinstance(self.inputs, FactInputs):
            yield from (leaf for leaf in self.inputs if leaf.decides)

    def iter_deciding_places(self) -> Iterator[LeafPlace]:
        """Go through where the leaves stand that decided, without a look at what else they say."""
        for leaf, owner, _, _ in self.shared.leaves:
            if leaf.operator not in NOT_COMPARED:
                yield leaf.resource_id if owner is None else self.origins[owner].resource_id, leaf.path
        if not isinstance(self.inputs, FactInputs):
            yield from ((leaf.resource_id, leaf.path) for leaf in self.inputs if leaf.decides)

    def filled(self, shared: SharedLeaf) -> Evidence:
        """Return one of the shared leaves with what it leaves open."""
        leaf, owner, was_read, own = shared
        if owner is None:
            return leaf
        actual = leaf.actual if own is None else self.own[own]
        return _filled(leaf, self.origins[owner], actual, was_read=was_read)

    def __eq__(self, other: object) -> bool:
        """Whether another sequence holds the same leaves."""
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(ours == theirs for ours, theirs in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]  # as a list has none

    def __repr__(self) -> str:
        """Return it as the list that it stands for."""
        return repr(list(self))


def iter_deciding_places(finding: Finding) -> Iterator[LeafPlace]:
    """Go through where the leaves of a finding stand that decided, in order."""
    evidence = finding.evidence
    if isinstance(evidence, SharedEvidence):
        return evidence.iter_deciding_places()
    return ((leaf.resource_id, leaf.path) for leaf in evidence if leaf.decides)


def deciding(finding: Finding) -> Sequence[Evidence]:
    """Return the leaves of a finding that decided."""
    return finding.deciding


def _filled(leaf: Evidence, origin: ValueOrigin, actual: object, *, was_read: bool) -> Evidence:
    if not was_read:
        return replace(leaf, actual=actual, resource_id=origin.resource_id)
    return replace(
        leaf,
        actual=actual,
        resource_id=origin.resource_id,
        source=origin.source,
        api_version=origin.api_version,
        collected_at=origin.collected_at,
    )
