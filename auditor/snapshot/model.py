"""What a snapshot holds in memory: resources, gaps and where they came from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct, field

from auditor.model import Gap, Resource

ANY_TYPE: Final = "*/*"
"""What a gap names when resources of any type may be missing below its scope."""
REST_NOT_READ: Final = "not in the export, which shows only a part of its properties"
"""Why what an entry does not state is not known to be absent (`what` ends in `.*`)."""
NOT_PRINTED: Final = "not in what the command line prints of it"
"""The same of a row that shows nearly all: what may be derived from a resource may be derived from it."""
KIND_NOT_READ: Final = "not in the export, and it says which service this is"
NUMBER_FOR_WORD: Final = "the export holds a number where a word belongs (ConvertTo-Json -EnumsAsStrings prints words)"
STATED_TWICE: Final = "the export states it in two spellings of its name, and differently"
TWO_TYPES: Final = "the export states another type than its id spells"
ITEM_NOT_READ: Final = "an item of the list came without its properties"
LIST_OF_ANOTHER_KIND: Final = "the export holds a list in which something else stands than belongs there"
TEXT_FOR_OBJECT: Final = "the export holds a text where an object belongs"


class Facet(Struct, frozen=True, order=True):
    """How far one kind of data was collected for one scope; `state` is `complete`, `partial` or `failed`."""

    scope: str
    name: str
    state: str
    detail: str = ""


class Metadata(Struct, frozen=True):
    """Where a snapshot came from.

    `complete`: the input is the whole truth, what is not in it does not exist (a collected snapshot is complete but
    for its gaps). `collected_at` and `judge_at` are ISO 8601 UTC; `judge_at` is an export's own `source.snapshotAt`.
    `subscription_names` maps lower-case subscription ids to display names.
    """

    origin: str = "export"
    complete: bool = False
    collected_at: str | None = None
    judge_at: str | None = None
    tenant_id: str | None = None
    scope: Mapping[str, object] = field(default_factory=dict)
    subscription_names: Mapping[str, str] = field(default_factory=dict)
    tool_version: str | None = None
    extra: Mapping[str, object] = field(default_factory=dict)


class Snapshot(Struct, frozen=True):
    """A normalised estate: resources sorted by key, each key once, nested children as resources of their own."""

    resources: Sequence[Resource]
    gaps: Sequence[Gap]
    metadata: Metadata
    sha256: str
    facets: Sequence[Facet] = ()
