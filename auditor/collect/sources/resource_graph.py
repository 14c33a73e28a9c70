"""Query Azure Resource Graph so that no row is lost: partitions, pages, and proof that the answer is whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct

from auditor import resource_id as ids
from auditor.collect.arm.client import Arm
from auditor.collect.arm.refusals import Kind, Refusal, Refused

_ROWS_PER_PARTITION: Final = 700
"""Resource Graph answers with at most 1,000 rows; hashes do not fall evenly."""
_MOST_PARTITIONS: Final = 1 << 20

_COLUMNS: Final = (
    "id",
    "name",
    "type",
    "location",
    "kind",
    "sku",
    "plan",
    "identity",
    "managedBy",
    "zones",
    "tags",
    "extendedLocation",
    "properties",
)
PROJECTIONS: Final = (
    ", ".join([*_COLUMNS, "systemData", "apiVersion"]),
    ", ".join([*_COLUMNS, "apiVersion"]),
    ", ".join(_COLUMNS),
)
"""What to ask for, best first: not every cloud's Resource Graph knows the last columns."""


class QueryFilter(Struct, frozen=True):
    """The part of the estate to ask for: subscription ids, and a condition in the query language (or nothing)."""

    subscriptions: Sequence[str]
    condition: str = ""

    def narrowed(self, condition: str) -> QueryFilter:
        """Return the filter with one more condition."""
        return QueryFilter(self.subscriptions, f"({self.condition}) and ({condition})" if self.condition else condition)


def literal(text: str) -> str:
    """Return a text as a string literal of the query language."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def any_of(column: str, values: Sequence[str]) -> str:
    """Return the condition that a column is one of some texts, in any case."""
    return f"{column} in~ ({', '.join(literal(value) for value in values)})"


def count_by_type(arm: Arm, chosen: QueryFilter) -> dict[str, int]:
    """Return how many rows there are of each type, by lower-case type."""
    query = "\n".join(
        ["resources", *_where(chosen.condition), "| summarize rows = count() by type", "| order by type asc"]
    )
    rows = run(arm, query, chosen.subscriptions)
    return {str(row.get("type", "")).lower(): _count(row.get("rows")) for row in rows}


class Partition(Struct, frozen=True):
    """The rows of a filter whose hash falls on `index` modulo `of`."""

    chosen: QueryFilter
    index: int
    of: int

    def split(self) -> tuple[Partition, Partition]:
        """Return two partitions that together hold the same rows."""
        return Partition(self.chosen, self.index, 2 * self.of), Partition(
            self.chosen, self.index + self.of, 2 * self.of
        )


def partitions(chosen: QueryFilter, rows: int) -> list[Partition]:
    """Return partitions that hold each row of a filter exactly once."""
    of = max(1, -(-rows // _ROWS_PER_PARTITION))
    return [Partition(chosen, index, of) for index in range(of)]


def fetch(arm: Arm, partition: Partition, projection: str) -> list[dict[str, object]]:
    """Return the rows of a partition, smaller parts of it where Azure says that the answer is too large.

    Rows that an answer lacks are asked for again; what stays missing shows when the types are counted.
    """
    condition = [f"hash(tolower(id)) % {partition.of} == {partition.index}"] if partition.of > 1 else []
    query = "\n".join(
        [
            "resources",
            *_where(partition.chosen.condition),
            *_where(*condition),
            f"| project {projection}",
            "| order by id asc",
        ]
    )
    for last in (False, False, True):
        try:
            return run(arm, query, partition.chosen.subscriptions, tolerant=last)
        except Refused as refused:
            if refused.refusal.kind is Kind.TOO_LARGE and partition.of * 2 <= _MOST_PARTITIONS:
                return [row for half in partition.split() for row in fetch(arm, half, projection)]
            if last or refused.refusal.kind is not Kind.FAILED or refused.refusal.status != 200:
                raise
    raise AssertionError("the last try returns or raises")


def run(arm: Arm, query: str, subscriptions: Sequence[str], *, tolerant: bool = False) -> list[dict[str, object]]:
    """Return all rows of a query over all pages, each id once; without subscriptions, of all that the identity sees.

    Raise `Refused` where the rows are fewer than the answer says there are (unless `tolerant`): only the token ends a
    list, and `resultTruncated` comes as a string, sometimes beside a token and sometimes without one.
    """
    rows: list[dict[str, object]] = []
    seen: set[str] = set()
    tokens: set[str] = set()
    options: dict[str, object] = {"resultFormat": "objectArray", "$top": 1000}
    repeated = 0
    while True:
        scope: dict[str, object] = {"subscriptions": list(subscriptions)} if subscriptions else {}
        page = arm.resource_graph({**scope, "query": query, "options": options})
        if not isinstance(page, Mapping) or not isinstance(page.get("data"), list):
            raise _broken("Resource Graph's answer holds no rows")
        for row in page["data"]:
            if not isinstance(row, dict):
                raise _broken("Resource Graph's answer holds a row that is not an object")
            key = ids.key(row["id"]) if isinstance(row.get("id"), str) else None
            if key is not None and key in seen:
                repeated += 1
                continue
            if key is not None:
                seen.add(key)
            rows.append(row)
        token = _token(page)
        if token is None:
            _check_whole(page, len(rows), repeated, tolerant=tolerant)
            return rows
        if token in tokens:
            raise _broken("Resource Graph gave the same page token twice")
        if len(tokens) >= arm.most_pages:
            raise Refused(Refusal(Kind.SPENT, message=f"the query goes on after {len(tokens):,} pages"))
        tokens.add(token)
        options = {**options, "$skipToken": token}


def _token(page: Mapping[str, object]) -> str | None:
    token = page.get("$skipToken")
    if token is not None and not isinstance(token, str):
        raise _broken("Resource Graph's page token is no text")
    return token or None


def _check_whole(page: Mapping[str, object], got: int, repeated: int, *, tolerant: bool) -> None:
    if str(page.get("resultTruncated", "false")).lower() == "true":
        raise Refused(Refusal(Kind.TOO_LARGE, 200, message="Resource Graph cut the result off"))
    total = page.get("totalRecords")
    if isinstance(total, int) and total > got and not tolerant:
        raise _broken(f"Resource Graph has {total} rows and gave {got} ({repeated} of them twice)")


def _broken(message: str) -> Refused:
    return Refused(Refusal(Kind.FAILED, 200, message=message))


def _where(*conditions: str) -> list[str]:
    return [f"| where {condition}" for condition in conditions if condition]


def _count(value: object) -> int:
    return value if isinstance(value, int) else 0


def body_of(row: Mapping[str, object]) -> tuple[dict[str, object], str | None]:
    """Return a row as ARM spells the resource, and the API version that Resource Graph read it with.

    Resource Graph lower-cases types and fills columns that do not apply with null or nothing; ARM leaves them out.
    """
    version = row.get("apiVersion")
    body = {
        name: value
        for name, value in row.items()
        if name != "apiVersion" and value is not None and not (value == "" and name != "name")
    }
    spelled = ids.type_of(str(row.get("id", "")))
    if spelled and spelled.lower() == str(row.get("type", "")).lower():
        body["type"] = spelled
    return body, version if isinstance(version, str) and version else None
