"""Hold once what several inputs hold alike: a resource with the same bytes is the same object in each of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256

import orjson
from msgspec.structs import replace

from auditor.model import Resource

Clean = Callable[[Resource], Resource]


class SharedRows:
    """The resources of the inputs that were read so far, by key, each as it was read and as it was made of that.

    Objects that stand for the same are told by identity, so that nothing has to be worked out again for them. What is
    made of a resource must hang on nothing but the resource.
    """

    def __init__(self) -> None:
        self._known: dict[str, tuple[bytes, Resource]] = {}

    def each(self, rows: Sequence[Resource], clean: Clean) -> Sequence[Resource]:
        """Return what is made of each row: for one with the bytes of an earlier one, the same body, and at best the same."""
        return [self._of(row, clean) for row in rows]

    def _of(self, row: Resource, clean: Clean) -> Resource:
        try:
            content = sha256(orjson.dumps(row.body)).digest()  # not in order of names: how it is spelled counts, too
        except TypeError:
            return clean(row)
        known = self._known.get(row.key)
        if known is None or known[0] != content:
            made = clean(row)
            self._known[row.key] = (content, made)
            return made
        made = known[1]
        if (made.source, made.api_version, made.collected_at) == (row.source, row.api_version, row.collected_at):
            return made
        return replace(row, held=made.held)
