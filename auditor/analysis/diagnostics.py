"""Derive which logs of a resource its diagnostic settings keep, and what of the baseline's table they leave out."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import ClassVar, Final

from msgspec import Struct

from auditor import resource_id as ids
from auditor.analysis import facts
from auditor.analysis.contract import Analysis, Context
from auditor.analysis.fact import Fact, Hidden, Known, fact
from auditor.azure import body
from auditor.azure.catalogue import shipped
from auditor.azure.log_settings import LogScope, Offered, offered_by_type, union
from auditor.azure.resource_type import ResourceType
from auditor.errors import ContentError
from auditor.estate.graph import Estate
from auditor.estate.log_settings import CATEGORIES, LogSettings, Model, model_of, offered_by_model, settings_of
from auditor.estate.lookup import endpoint_targets
from auditor.estate.navigation import STORAGE_ACCOUNTS
from auditor.estate.service_relations import DIAGNOSTIC_SETTINGS
from auditor.model import Gap, Resource

TABLE: Final = "diagnostics"
DECLARED: Final = "diagnostics_as_declared"
_UNKNOWN_CATEGORIES: Final = "the categories that the groups hold are not known"


class Row(Struct, frozen=True):
    """A row of the table: what must be kept of a type, and of which of its resources.

    `component` and `if_used` limit the services of storage accounts to those of an account that plays this part, and to
    those that something uses; with both, either is enough. `is_asked`: whether the baseline's parameters ask for it.
    """

    kind: ResourceType
    scope: LogScope
    named: Sequence[str]
    component: str | None
    if_used: bool
    is_asked: bool


@fact("diagnostics.resource", subject="the resource")
class Diagnostics(Fact, frozen=True, kw_only=True):
    """Which logs of a resource are kept by its diagnostic settings together, and which required ones are not."""

    grounds: ClassVar[Mapping[str, str]] = {"missingCount": "missing"}
    resource_type: str
    """the type of what is logged, of a storage account that of its service"""
    asked: bool
    """whether the baseline asks for the logs of this type"""
    required: LogScope
    """what must be kept"""
    setting_count: Known[int]
    """how many settings keep something in a destination that exists"""
    kept: Known[tuple[str, ...]]
    """the category groups and categories that they keep"""
    missing: Known[tuple[str, ...]]
    """what must be kept and is not"""
    missing_count: Known[int]
    """how much that is"""
    dead_destinations: tuple[str, ...]
    """what settings send to and does not exist"""
    name: Hidden[str]

    def sentence(self) -> str:
        """Say what of the required logs is kept nowhere, and where settings lead to nothing."""
        lost = ", ".join(ids.name_of(one) for one in self.dead_destinations)
        dead = f"; a setting sends to {lost}, which does not exist" if lost else ""
        if isinstance(self.missing, Gap):
            return f"Whether {self.required} of {self.name} are kept is not known{dead}."
        if not self.missing:
            return f"The {self.required} of {self.name} are kept{dead}."
        if self.setting_count == 0:
            return f"No diagnostic setting keeps logs of {self.name}{dead}."
        return f"Logs of {self.name} are kept without {facts.listed(self.missing)}{dead}."


def run(context: Context) -> Iterator[Diagnostics]:
    """Yield what is kept of each resource that the table is about."""
    models = offered_by_model(context.estate)
    for row in rows_of(context):
        for owner, key in _subjects(context, row):
            yield _fact(context, row, owner, key, models)


def rows_of(context: Context) -> Sequence[Row]:
    """Return the rows of the baseline's table. Raise ContentError where it is wrong."""
    declared = {name.lower() for name in body.texts(facts.parameter(context, DECLARED, ()))}
    rows = []
    for entry in body.objects(context.tables.get(TABLE), "rows"):
        named = body.text(entry, "type") or ""
        kind = context.estate.catalogue.get(named)
        if kind is None or not kind.has_diagnostics:
            raise ContentError(f"Table `{TABLE}`: '{named}' is no type that is known to have diagnostic settings.")
        stated = body.text(entry, "requires") or str(LogScope.NAMED)
        if stated not in list(LogScope):
            raise ContentError(
                f"Table `{TABLE}`: '{stated}' is no value of `requires`.", f"One of {', '.join(LogScope)}."
            )
        rows.append(
            Row(
                kind=kind,
                scope=LogScope(stated),
                named=body.texts(entry, "categories"),
                component=body.text(entry, "component"),
                if_used=body.flag(entry, "if_used") is True,
                is_asked=body.flag(entry, "if_declared") is not True or kind.key in declared,
            )
        )
    return rows


def _subjects(context: Context, row: Row) -> Iterator[tuple[Resource, str]]:
    """Yield (what a finding is filed under, the id that settings hang on in lower case) of each resource of a row.

    The services of a storage account exist without being listed: https://learn.microsoft.com/azure/storage/blobs/monitor-blob-storage
    """
    if not row.kind.always_exists or row.kind.parent is None:
        yield from ((resource, resource.key) for resource in context.estate.of_type(row.kind.key))
        return
    segment = row.kind.key.rpartition("/")[2]
    for account in context.estate.of_type(row.kind.parent):
        kind = (body.text(account.body, "kind") or "").lower()
        if row.kind.kinds and kind and kind not in row.kind.kinds:
            continue
        _, component = context.workloads.role_of(account.key)
        is_limited = row.component is not None or row.if_used
        is_needed = row.component is not None and row.component == component
        if not is_limited or is_needed or (row.if_used and _is_used(context.estate, account, segment)):
            yield account, f"{account.key}/{segment}/default"


def _is_used(estate: Estate, account: Resource, segment: str) -> bool:
    """Whether something shows that a service of a storage account is used: an endpoint for it, or a setting on it."""
    group = segment.removesuffix("services")
    for endpoint in estate.related(account.key, "privateEndpoint"):
        for target, connection in endpoint_targets(endpoint):
            if target == account.key and group in map(str.lower, body.texts(connection, "groupIds")):
                return True
    return bool(estate.sources(f"{account.key}/{segment}/default", "diagnostics-of"))


def _fact(context: Context, row: Row, owner: Resource, key: str, models: Mapping[Model, Offered]) -> Diagnostics:
    settings = settings_of(context.estate, key)
    resource = context.estate.get(key)
    kept = union(settings.sure)
    missing = _missing(row, owner, settings, _offered(row, resource or owner, models))
    open_ended = settings.gap or settings.doubt
    return Diagnostics(
        about=facts.about(
            context,
            resource.id if resource else owner.id,
            sub_object="" if resource else f"{row.kind.name.rpartition('/')[2]}/default",
            inputs=[
                (key, "related(diagnosticSetting)"),
                *((setting.id, "properties") for setting in context.estate.related(key, "diagnosticSetting")),
            ],
        ),
        resource_type=row.kind.name,
        asked=row.is_asked,
        required=row.scope,
        setting_count=len(settings.sure) or open_ended or 0,
        kept=kept.names() if isinstance(missing, tuple) or not open_ended else open_ended,
        missing=missing,
        missing_count=missing if isinstance(missing, Gap) else len(missing),
        dead_destinations=tuple(context.estate.spelled(one) or one for one in settings.dead),
        name=owner.name if key == owner.key else f"{owner.name}/{row.kind.name.rpartition('/')[2]}",
    )


def _missing(row: Row, owner: Resource, settings: LogSettings, offered: Offered) -> Known[tuple[str, ...]]:
    """Return what is left out for sure; whatever else there may be cannot take away from what is kept."""
    left = offered.left_out(row.scope, row.named, union(settings.sure))
    if left is not None and not left:
        return ()
    if settings.gap is not None:
        return settings.gap
    if settings.doubt is not None:
        best = offered.left_out(row.scope, row.named, union([*settings.sure, *settings.perhaps]))
        return tuple(best) if best else settings.doubt
    return Gap(owner.id, CATEGORIES, _UNKNOWN_CATEGORIES) if left is None else tuple(left)


def _offered(row: Row, resource: Resource, models: Mapping[Model, Offered]) -> Offered:
    """Return what a resource can log: as Azure answered for its like, else as the file of its type says."""
    tier = body.text(resource.body, "sku.tier") or body.text(resource.body, "properties.sku.tier")
    answered = models.get(model_of(resource)) if resource.type_key == row.kind.key else None
    return answered or offered_by_type(row.kind.log_categories, tier)


def _logged(tables: Mapping[str, object], _: Collection[str]) -> Collection[str]:
    """Return the types that the table has a row of."""
    return {(body.text(entry, "type") or "").lower() for entry in body.objects(tables.get(TABLE), "rows")}


_DIAGNOSED: Final = [item for item in shipped() if item.has_diagnostics]

ANALYSIS: Final = Analysis(
    name="diagnostics",
    kinds=(Diagnostics,),
    run=run,
    reads=frozenset({DIAGNOSTIC_SETTINGS, CATEGORIES, *(item.key for item in _DIAGNOSED)}),
    parameters=frozenset({DECLARED}),
    tables=frozenset({TABLE}),
    logged=_logged,
    subjects={
        Diagnostics.fact_kind: {
            **{item.name: [{"resourceType": item.name}] for item in _DIAGNOSED if not item.always_exists},
            STORAGE_ACCOUNTS: [{"resourceType": item.name} for item in _DIAGNOSED if item.parent == STORAGE_ACCOUNTS],
        }
    },
)
