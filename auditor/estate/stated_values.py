"""Tell whether a resource has one of some values at a path, by what it states or by Azure's default."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from auditor.azure import body, paths
from auditor.azure.resource_type import ANY_VALUE
from auditor.estate.graph import Estate
from auditor.model import Resource
from auditor.truth import Truth, all_of, truth_of


def has_values(estate: Estate, resource: Resource, wanted: Mapping[str, Collection[str]]) -> Truth:
    """Whether a resource has, at each path, one of the values there (in lower case)."""
    return all_of(has_value(estate, resource, path, values) for path, values in wanted.items())


def has_value(estate: Estate, resource: Resource, path: str, values: Collection[str]) -> Truth:
    """Whether a resource has one of the values (in lower case) at a path; UNKNOWN where it was not read.

    An empty text is no value. What is absent and has no default of Azure's may be any, but it is not there.
    """
    if estate.gap_at(resource.id, path) is not None:
        return Truth.UNKNOWN
    stated = stated_or_default(estate, resource, path)
    if ANY_VALUE in values:
        return truth_of(stated is not None and stated is not paths.ABSENT and stated != "")
    return truth_of(str(stated).lower() in values) if isinstance(stated, str | bool) else Truth.UNKNOWN


def stated_or_default(estate: Estate, resource: Resource, path: str) -> object:
    """Return what a resource states at a path, else Azure's default; ABSENT or None where there is neither."""
    stated = body.value(resource.body, path)
    return estate.catalogue.default(resource.type_key, path) if stated is None else stated
