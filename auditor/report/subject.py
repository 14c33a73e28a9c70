"""Name the subject of a finding so that a reader can tell it from its neighbours."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from auditor import resource_id as ids
from auditor.model import Finding


def short_name(resource_id: str) -> str:
    """Return the names in an ARM id without types and groups (`account/deployment`); other ids as they are."""
    parts = ids.segments(resource_id)
    starts = [index for index, part in enumerate(parts) if part.lower() == "providers"]
    if not ids.is_resource_id(resource_id) or not starts:
        return ids.name_of(resource_id) if ids.is_resource_id(resource_id) else resource_id
    ends = [*starts[1:], len(parts)]
    names = [name for start, end in zip(starts, ends, strict=True) for name in parts[start + 3 : end : 2]]
    return "/".join(names) or ids.name_of(resource_id)


def _place(resource_id: str, subscription_names: Mapping[str, str]) -> str:
    subscription = ids.subscription_of(resource_id) or ""
    shown = subscription_names.get(subscription.lower()) or subscription
    return ", ".join(part for part in (ids.resource_group_of(resource_id), shown) if part)


def names_of(resource_ids: Iterable[str], subscription_names: Mapping[str, str]) -> Mapping[str, str]:
    """Return a name for each id, with resource group and subscription where names alone are ambiguous."""
    same_name: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for resource_id in resource_ids:
        same_name[short_name(resource_id).lower()].setdefault(ids.key(resource_id), resource_id)
    names: dict[str, str] = {}
    for group in same_name.values():
        for key, resource_id in group.items():
            name, place = short_name(resource_id), _place(resource_id, subscription_names)
            names[key] = f"{name} ({place})" if len(group) > 1 and place else name
    return names


def subjects_of(findings: Sequence[Finding], subscription_names: Mapping[str, str]) -> Sequence[str]:
    """Return one name per finding, in order: resource and sub-object, else component and workload."""
    names = names_of((each.resource_id for each in findings if each.resource_id), subscription_names)
    return [_subject(each, names) for each in findings]


def _subject(finding: Finding, names: Mapping[str, str]) -> str:
    if finding.resource_id:
        subject = names[ids.key(finding.resource_id)]
    else:
        subject = " of ".join(part for part in (finding.component, finding.workload) if part) or "(no resource)"
    return f"{subject} · {finding.sub_object}" if finding.sub_object else subject
