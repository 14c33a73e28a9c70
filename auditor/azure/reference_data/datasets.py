"""List the data sets that ship: what each is about, how much it holds, from where and of which day."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import cache
from typing import Final

from msgspec import Struct

from auditor.azure.reference_data import built_in_roles, platform_subnets, regions, service_tags, skus, waf_rules
from auditor.azure.reference_data.files import DataFile, Source

Row = tuple[str, ...]


class Dataset(Struct, frozen=True):
    """One data set. `rows` are its entries in order, one cell for each of `columns`."""

    name: str
    title: str
    sources: tuple[Source, ...]
    sha256: str
    columns: Row
    rows: Sequence[Row]

    @property
    def version(self) -> str:
        """Return what tells this edition from all others: the day of its newest source and the start of its hash."""
        return f"{self.newest.isoformat()}+{self.sha256[:8]}"

    @property
    def oldest(self) -> date:
        """Return the day of its oldest source: all of it is at least as new."""
        return min(source.as_of for source in self.sources)

    @property
    def newest(self) -> date:
        """Return the day of its newest source."""
        return max(source.as_of for source in self.sources)


_Table = Callable[[], tuple[DataFile, Row, Sequence[Row]]]
_TABLES: Final[Mapping[str, _Table]] = {
    "built-in-roles": built_in_roles.table,
    "platform-subnets": platform_subnets.table,
    "regions": regions.table,
    "service-tags": service_tags.table,
    "skus": skus.table,
    "waf-rules": waf_rules.table,
}
NAMES: Final = tuple(_TABLES)


def load(name: str) -> Dataset:
    """Return a data set by its name, one of `NAMES`; KeyError for others."""
    file, columns, rows = _TABLES[name]()
    return Dataset(name, file.title, file.sources, file.sha256, columns, rows)


@cache
def load_all() -> Sequence[Dataset]:
    """Return all data sets, ordered by name."""
    return [load(name) for name in NAMES]
