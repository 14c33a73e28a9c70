"""Tell by what an estate is made of which architecture, and which edition of it, it was built after."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct

from auditor.architecture.declare import Condition
from auditor.estate.graph import Estate


class Sign(Struct, frozen=True):
    """A resource that tells of an architecture, of one `edition` alone where it names one; `weight`: how strongly."""

    type: str
    where: Sequence[Condition] = ()
    weight: int = 1
    edition: str = ""

    def is_in(self, estate: Estate) -> bool:
        """Whether the estate has such a resource."""
        return any(all(one.holds(resource, estate) for one in self.where) for resource in estate.of_type(self.type))


def weigh(estate: Estate, signs: Iterable[Sign], editions: Sequence[str]) -> tuple[int, str]:
    """Return how much tells of an architecture, and of which of its editions most; of two alike the later, or no text."""
    seen = [sign for sign in signs if sign.is_in(estate)]
    common = sum(sign.weight for sign in seen if not sign.edition)
    if not common:
        return 0, ""
    own = {edition: sum(sign.weight for sign in seen if sign.edition == edition) for edition in editions}
    best = max(editions, key=lambda edition: (own[edition], edition), default="")
    return common + own.get(best, 0), best
