"""Read the baseline's table of ways out: which subnets lead through a firewall, and what it may let out of each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase

from msgspec import Struct

from auditor.analysis import facts
from auditor.analysis.contract import Context
from auditor.analysis.network.expected import TABLE
from auditor.architecture.workloads import Workload
from auditor.azure import addresses, body
from auditor.azure.ranges import is_within
from auditor.model import Resource


class EgressRow(Struct, frozen=True):
    """One subnet role, and the destinations declared for it: host names with `*`, service tags, prefixes."""

    role: str
    destinations: Sequence[str]

    def has_host(self, host: str) -> bool:
        """Whether a host name, or a pattern of them, is declared: equal to one, or what one stands for."""
        return any(fnmatchcase(host.lower(), declared.lower()) for declared in self.destinations)

    def has_tag(self, tag: str) -> bool:
        """Whether a service tag, an FQDN tag or a web category is declared, or the tag that it is a region of."""
        name = tag.lower()
        return any(
            name == declared.lower() or name.startswith(f"{declared.lower()}.") for declared in self.destinations
        )

    def has_addresses(self, prefix: str) -> bool:
        """Whether a prefix or span of addresses is inside a declared one."""
        numbers = addresses.parse_range(prefix)
        known = (addresses.parse_range(declared) for declared in self.destinations)
        return bool(numbers) and any(space and is_within(numbers or (), space) for space in known)


def rows_of(context: Context) -> Sequence[EgressRow]:
    """Return the rows of the table, in its order."""
    return [
        EgressRow(
            body.text(entry, "subnet") or "",
            [
                *body.text_or_texts(entry, "hosts"),
                *body.text_or_texts(entry, "tags"),
                *_declared(context, body.text(entry, "parameter")),
            ],
        )
        for entry in body.objects(context.tables.get(TABLE), "routes")
    ]


def _declared(context: Context, name: str | None) -> Sequence[str]:
    return body.text_or_texts(facts.parameter(context, name, ())) if name else ()


def led_subnets(context: Context) -> Iterator[tuple[Workload, EgressRow, Resource]]:
    """Yield each subnet that a row is about, with its workload; one that plays several roles once for each."""
    rows = rows_of(context)
    for workload in context.workloads.all:
        for row in rows:
            for subnet in workload.resources(row.role):
                yield workload, row, subnet
