"""Write an overlay from an estate that is known to be good.

What is bound is pinned, what is more than asked for becomes the new least, and each thing that fails stands in a comment,
which a person confirms by removing the sign in front of it.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from math import ceil, floor
from typing import Final, TypeGuard

from msgspec import Struct

from auditor.architecture.declare import Declaration
from auditor.architecture.workloads import Workloads
from auditor.azure import body
from auditor.language.ast import AllOf, AnyOf, Call, Condition, Constant, Expression, Leaf, PropertyAccess
from auditor.model import Finding, Report, Resource, Status
from auditor.report.selection import short_name
from auditor.report.text import visible
from auditor.rulebook.in_force import RuleInForce, RuleSet

Assignments = Mapping[str, object]
"""Values by parameter; a dot reaches inside, as in `min_instances.app_service`."""
Judge = Callable[[Sequence[str], str], Report]
"""Judges the estate with `PARAMETER=VALUE` texts, by one rule or, where its id is empty, by all."""

_SHOWN: Final = 3
_AT_LEAST: Final = frozenset({"greater", "greaterOrEquals"})
_AT_MOST: Final = frozenset({"less", "lessOrEquals"})


class AcceptedFailure(Struct, frozen=True):
    """What fails by one rule, and the values of parameters that would let it pass, with how many findings they do."""

    rule: RuleInForce
    findings: Sequence[Finding]
    accepting: Sequence[tuple[Assignments, int]]


def derive(rule_set: RuleSet, workloads: Workloads, judge: Judge, name: str) -> str:
    """Return the overlay as YAML. The estate judged by it fails what it failed before, until a person confirms."""
    bindings = dict(_bindings(workloads))
    report = judge(texts(bindings), "")
    by_rule: defaultdict[str, list[Finding]] = defaultdict(list)
    for finding in report.findings:
        by_rule[finding.rule_id].append(finding)
    counts: dict[str, object] = {}
    exceptions = []
    for rule in rule_set.in_force:
        failing = [each for each in by_rule[rule.id] if each.status is Status.FAIL]
        if failing:
            exceptions.append(AcceptedFailure(rule, failing, list(_accepting(rule, failing, bindings, judge))))
        else:
            counts |= _counts(rule, by_rule[rule.id])
    return "".join(f"{line}\n" for line in _page(rule_set, workloads, {**bindings, **counts}, exceptions, name))


def texts(values: Assignments) -> list[str]:
    """Return values as `--set` takes them."""
    return [f"{name}={json.dumps(value)}" for name, value in values.items()]


def _bindings(workloads: Workloads) -> Iterator[tuple[str, object]]:
    """Yield the parameter that pins each bound component, with the names of what is bound."""
    for declaration in workloads.declared:
        path = declaration.override or declaration.fallback
        bound = _bound(workloads, declaration)
        if path and bound:
            names = list(dict.fromkeys(resource.name for resource in bound))
            yield path, names[0] if len(names) == 1 and "." in path else names


def _bound(workloads: Workloads, declaration: Declaration) -> Sequence[Resource]:
    return [resource for workload in workloads.all for resource in workload.resources(declaration.name)]


def _counts(rule: RuleInForce, findings: Sequence[Finding]) -> Assignments:
    """Return numbers that the estate exceeds wherever it was judged: the new least. What it stays below is no promise."""
    passed = [each for each in findings if each.status is Status.PASS]
    if not passed or any(each.status is Status.UNKNOWN for each in findings):
        return {}
    counts: dict[str, object] = {}
    for leaf, path in _parametrised(rule.require):
        numbers = [value for each in passed for value in _actual(leaf, each) if _is_number(value)]
        bound = _value(rule, path)
        if len(numbers) < len(passed) or not _is_number(bound):
            continue
        least = min(numbers)
        is_count = _is_whole(least) or not _is_whole(bound)  # days that are left get fewer by themselves
        if leaf.operator in _AT_LEAST and least > bound and is_count:
            counts[path] = least
    return counts


def _accepting(
    rule: RuleInForce, failing: Sequence[Finding], bindings: Assignments, judge: Judge
) -> Iterator[tuple[Assignments, int]]:
    """Yield values of one parameter each under which fewer findings fail: each is tried before it is proposed."""
    for leaf, path in _parametrised(rule.require):
        actual = [value for each in failing for value in _actual(leaf, each) if value is not None]
        value = _admitting(leaf.operator, _value(rule, path), actual) if actual else None
        if value is None:
            continue
        tried = judge(texts({**bindings, path: value}), rule.id)
        left = sum(each.status is Status.FAIL for each in tried.findings)
        if left < len(failing):
            yield {path: value}, len(failing) - left


def _admitting(operator: str, bound: object, actual: Sequence[object]) -> object:
    """Return the value of a parameter that admits what is there; None where no value of its kind does."""
    if operator == "in" and isinstance(bound, list):
        return [*bound, *sorted({str(each) for each in actual} - set(map(str, bound)))]
    if operator == "equals" and len({json.dumps(each) for each in actual}) == 1:
        return actual[0]
    numbers = [each for each in actual if _is_number(each)]
    if numbers and _is_number(bound):
        least, most = min(numbers), max(numbers)
        if _is_whole(bound):
            least, most = floor(least), ceil(most)
        if operator in _AT_LEAST:
            return least
        return most if operator in _AT_MOST else None
    return None


def _is_whole(value: object) -> bool:
    return isinstance(value, int)


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _parametrised(condition: Condition) -> Iterator[tuple[Leaf, str]]:
    """Yield the leaves that compare with a parameter and nothing else, and the parameter's path."""
    match condition:
        case Leaf(right=right) if path := _path(right):
            yield condition, path
        case AllOf(conditions=parts) | AnyOf(conditions=parts):
            for part in parts:
                yield from _parametrised(part)
        case _:
            return


def _path(expression: Expression) -> str:
    match expression:
        case Call(function="parameters", arguments=[Constant(value=str(name))]):
            return name
        case PropertyAccess(of=inner, part=Constant(value=str(key))) if above := _path(inner):
            return f"{above}.{key}"
        case _:
            return ""


def _value(rule: RuleInForce, path: str) -> object:
    name, _, inside = path.partition(".")
    return body.value(rule.parameters, path) if inside else rule.parameters.get(name)


def _actual(leaf: Leaf, finding: Finding) -> Sequence[object]:
    """Return what stood where a leaf looked, by the finding's evidence."""
    looked_at = leaf.left.text.lower()
    return [
        each.assumed if each.absent else each.actual
        for each in finding.evidence
        if each.decides and each.operator == leaf.operator and each.path.lower().endswith(looked_at)
    ]


def _page(
    rule_set: RuleSet, workloads: Workloads, values: Assignments, exceptions: Sequence[AcceptedFailure], name: str
) -> Iterator[str]:
    base = rule_set.baseline
    yield from (
        "# Derived from an estate that is known to be good.",
        "# What stands behind '#' fails by the baseline. Remove the sign in front of what you accept for good; accept",
        "# what is to end with an exemption, which has a date. What nobody confirms goes on failing.",
        f"name: {_shown(name)}",
        'version: "1"',
        f"extends: {base.file if '/' in base.name else base.name}",
        f"title: {_shown(', '.join(workload.name for workload in workloads.all) or 'No workload')}",
    )
    prefixes = dict(_prefixes(workloads))
    proposed = [(pair, each) for each in exceptions for pair in each.accepting]
    if values or proposed:
        yield "parameters:"
    for top, paths in groupby(sorted(values), key=lambda path: path.partition(".")[0]):
        listed = list(paths)
        if listed == [top]:
            yield f"  {top}: {_shown(values[top])}"
        else:
            yield f"  {top}:"
            yield from (
                f"    {path.partition('.')[2]}: {_shown(values[path])}{prefixes.get(path, '')}" for path in listed
            )
    for (accepted, settled), each in proposed:
        for path, value in accepted.items():
            yield f"  # accepts {settled} of {len(each.findings)} failures of {each.rule.id}"
            yield f"  # {_nested(path, value)}"
    if exceptions:
        yield "# settings:"
    for each in exceptions:
        yield from _setting(each)


def _setting(each: AcceptedFailure) -> Iterator[str]:
    subjects = list(dict.fromkeys(filter(None, map(_subject, each.findings))))
    more = f" and {len(subjects) - _SHOWN} more" if len(subjects) > _SHOWN else ""
    yield f"#   # {each.rule.severity.value}: {each.rule.rule.title}: {', '.join(subjects[:_SHOWN])}{more}"
    yield f"#   {each.rule.id}: {{enabled: false}}"


def _subject(finding: Finding) -> str:
    text = short_name(finding.resource_id) if finding.resource_id else finding.component or ""
    return visible(f"{text} ({finding.sub_object})" if finding.sub_object else text)


def _nested(path: str, value: object) -> str:
    name, _, inside = path.partition(".")
    return f"{name}: {{{inside}: {_shown(value)}}}" if inside else f"{name}: {_shown(value)}"


def _shown(value: object) -> str:
    return json.dumps(value)


def _prefixes(workloads: Workloads) -> Iterator[tuple[str, str]]:
    """Yield the address plan: for each parameter that pins a subnet, its prefixes as a comment."""
    for declaration in workloads.declared:
        path = declaration.override or declaration.fallback
        listed = [
            prefix
            for resource in _bound(workloads, declaration)
            for prefix in (
                *body.text_or_texts(body.value(resource.properties, "addressPrefix")),
                *body.text_or_texts(body.value(resource.properties, "addressPrefixes")),
            )
        ]
        if path and listed:
            yield path, f"  # {visible(', '.join(dict.fromkeys(listed)))}"
