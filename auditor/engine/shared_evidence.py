"""Evidence that many findings share: the leaves are held once, and each finding says only whose values they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, overload

from auditor.engine.quick import maker
from auditor.model import Evidence

_evidence: Final = maker(Evidence)


class ValueOrigin(NamedTuple):
    """Whose a value is, and where, how and when it was read."""

    resource_id: str
    source: str | None = None
    api_version: str | None = None
    collected_at: str | None = None


class SharedLeaf(NamedTuple):
    """A leaf without what differs from finding to finding: whose it is (`owner`, a position among the origins).

    Where it `was_read`, it says as well where, how and when. An `owner` of None: it is complete as it is. `tested`: which of
    the finding's own values it shows, None where all findings show the same.
    """

    leaf: Evidence
    owner: int | None
    was_read: bool
    tested: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class SharedLeaves:
    """Leaves as they are in all findings in which a rule says the same.

    `is_kept`: others will share them, so that what is made of them is worth keeping.
    """

    leaves: tuple[SharedLeaf, ...]
    is_kept: bool = True

    @property
    def show_tested(self) -> bool:
        """Whether they show values of each finding's own."""
        return any(each.tested is not None for each in self.leaves)

    @property
    def are_of_subject(self) -> bool:
        """Whether all of them are values of what the finding is about."""
        return not any(each.owner for each in self.leaves)


class SharedEvidence(Sequence[Evidence]):
    """The evidence of one finding: shared leaves with their origins filled in, and behind them inputs, which do not decide."""

    __slots__ = ("inputs", "origins", "shared", "tested")

    def __init__(
        self,
        shared: SharedLeaves,
        origins: tuple[ValueOrigin, ...],
        inputs: Sequence[Evidence] = (),
        tested: Sequence[str] = (),
    ) -> None:
        self.tested = tested
        self.shared = shared
        self.origins = origins
        self.inputs = inputs

    def __len__(self) -> int:
        """Return how many leaves there are."""
        return len(self.shared.leaves) + len(self.inputs)

    def __iter__(self) -> Iterator[Evidence]:
        """Go through the leaves."""
        origins = self.origins
        for leaf, owner, was_read, tested in self.shared.leaves:
            if owner is None:
                yield leaf
            else:
                actual = leaf.actual if tested is None else self.tested[tested]
                yield _filled(leaf, origins[owner], actual, was_read=was_read)
        yield from self.inputs

    @overload
    def __getitem__(self, position: int) -> Evidence: ...
    @overload
    def __getitem__(self, position: slice) -> Sequence[Evidence]: ...
    def __getitem__(self, position: int | slice) -> Evidence | Sequence[Evidence]:
        """Return a leaf, or several."""
        return list(self)[position]

    def __eq__(self, other: object) -> bool:
        """Whether another sequence holds the same leaves."""
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(ours == theirs for ours, theirs in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]  # as a list has none

    def __repr__(self) -> str:
        """Return it as the list that it stands for."""
        return repr(list(self))


def _filled(leaf: Evidence, origin: ValueOrigin, actual: object, *, was_read: bool) -> Evidence:
    return _evidence(
        leaf.path,
        leaf.operator,
        leaf.expected,
        actual,
        leaf.assumed,
        leaf.absent,
        origin.resource_id,
        leaf.name,
        origin.source if was_read else leaf.source,
        origin.api_version if was_read else leaf.api_version,
        origin.collected_at if was_read else leaf.collected_at,
    )
