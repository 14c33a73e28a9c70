"""Findings as plain data for a later run, and findings again: whoever wrote the data can make nothing but findings of it.

When a resource was read is not written: where a finding tells it, it tells when the resource was read in the later run.
What facts were derived from is read anew from the later run's estate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Annotated, Final, TypeVar

import msgspec
from msgspec import Meta, Struct

from auditor.engine.findings.raw_inputs import RawInputs
from auditor.engine.findings.shared_evidence import (
    FactInputs,
    InputPlace,
    SharedEvidence,
    SharedLeaf,
    SharedLeaves,
    ValueOrigin,
)
from auditor.estate.graph import Estate
from auditor.model import (
    Evidence,
    Finding,
    FindingSet,
    Gap,
    ItemSet,
    LevelSets,
    MendingChange,
    OperationSets,
    PacketSet,
    Severity,
    Status,
    ValueSet,
)

T = TypeVar("T")
Plain = TypeVar("Plain")
_KINDS: Final[Mapping[str, type[FindingSet]]] = {
    kind.kind: kind for kind in (PacketSet, OperationSets, LevelSets, ItemSet, ValueSet)
}
_Number = Annotated[int, Meta(ge=0)]
_LARGEST: Final = 1 << 63
_DEEPEST: Final = 100
_GapParts = tuple[str, str, str, str | None]


class UnportableError(ValueError):
    """A finding that cannot be written so that it comes back as it was."""


class _Leaf(Struct, array_like=True):
    """Evidence; `was_read`: it tells when its resource was read."""

    path: str
    operator: str
    expected: object
    actual: object
    assumed: object
    absent: bool
    resource_id: str | None
    name: str | None
    source: str | None
    api_version: str | None
    was_read: bool


class _Shared(Struct, array_like=True):
    """Shared leaves: each with its owner, whether it was read, and its own value."""

    leaves: list[tuple[_Leaf, _Number | None, bool, int | None]]
    is_kept: bool


_Origin = tuple[str, str | None, str | None, bool]
"""The id, source and API version of a resource, and whether it is told when it was read."""


class _Filled(Struct, array_like=True):
    """Shared leaves as one finding has them; `places` are those of its inputs, else these are `listed`. All by number."""

    shared: _Number
    origins: list[_Number]
    places: list[_Number] | None
    listed: list[_Leaf]
    own: list[object]


class _Row(Struct, array_like=True):
    """A finding, without what belongs to the run; `controls` and `tags` by number."""

    rule_id: str
    severity: Severity
    status: Status
    resource_id: str | None
    resource_type: str | None
    message: str
    sub_object: str
    workload: str | None
    component: str | None
    location: str | None
    filled: _Filled | None
    leaves: list[_Leaf]
    witness: dict[str, object] | None
    unknown_reason: str | None
    missing_permission: str | None
    gaps: list[_GapParts]
    remediation_cli: str
    fingerprint: str
    was_read: bool
    is_absence: bool
    controls: _Number
    tags: _Number
    rests_on: tuple[str, msgspec.Raw] | None
    mended_by: tuple[str, str | None] | None
    claims: list[str]


class _Document(Struct, array_like=True):
    """Findings in order, with what many of them share."""

    shared: list[_Shared]
    origins: list[_Origin]
    places: list[InputPlace]
    controls: list[dict[str, list[str]]]
    tags: list[dict[str, object]]
    rows: list[_Row]


_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(_Document)


def dumps(findings: Iterable[Finding], estate: Estate) -> bytes:
    """Return findings on an estate as plain data. UnportableError where they would not come back as they were."""
    writer = _FindingsWriter(estate)
    rows = [writer.row(finding) for finding in findings]
    try:
        return _ENCODER.encode(writer.document(rows))
    except (TypeError, ValueError, OverflowError, RecursionError) as problem:
        raise UnportableError(str(problem)) from problem


def loads(data: bytes, inputs: RawInputs) -> list[Finding]:
    """Return the findings as if they had been made on the estate of `inputs`. ValueError where the data is no such thing."""
    try:
        reader = _FindingsReader(_DECODER.decode(data), inputs)
        return [reader.finding(row) for row in reader.document.rows]
    except (LookupError, TypeError, RecursionError, msgspec.MsgspecError) as problem:
        raise ValueError("no findings") from problem


class _FindingsWriter:
    """What was written so far, and where what many findings share is."""

    def __init__(self, estate: Estate) -> None:
        self.shared: list[_Shared] = []
        self.controls: list[dict[str, list[str]]] = []
        self.tags: list[dict[str, object]] = []
        self._estate = estate
        self._numbers: dict[int, tuple[object, int]] = {}
        self._origins: dict[ValueOrigin, int] = {}
        self._places: dict[InputPlace, int] = {}

    def document(self, rows: list[_Row]) -> _Document:
        """Return rows with what they refer to."""
        origins = [self._origin(origin) for origin in self._origins]
        return _Document(self.shared, origins, list(self._places), self.controls, self.tags, rows)

    def row(self, finding: Finding) -> _Row:
        """Return a finding as plain data."""
        if finding.exemption or finding.first_seen or finding.change or finding.against_known:
            raise UnportableError("a finding that was compared with others")
        evidence = finding.evidence
        is_shared = isinstance(evidence, SharedEvidence)
        return _Row(
            finding.rule_id,
            finding.severity,
            finding.status,
            finding.resource_id,
            finding.resource_type,
            finding.message,
            finding.sub_object,
            finding.workload,
            finding.component,
            finding.location,
            self._filled(evidence) if isinstance(evidence, SharedEvidence) else None,
            [] if is_shared else [self._leaf(leaf) for leaf in evidence],
            None if finding.witness is None else _object(finding.witness),
            finding.unknown_reason,
            finding.missing_permission,
            [(gap.scope, gap.what, gap.reason, gap.permission) for gap in finding.gaps],
            finding.remediation_cli,
            finding.fingerprint,
            self._was_read(finding.resource_id, finding.collected_at),
            finding.is_absence,
            self._number(finding.controls, self.controls, _lists),
            self._number(finding.tags, self.tags, _object),
            None if finding.rests_on is None else (finding.rests_on.kind, msgspec.Raw(_encoded(finding.rests_on))),
            None if finding.mended_by is None else (finding.mended_by.what, finding.mended_by.resource_id),
            list(finding.claims),
        )

    def _number(self, of: T, listed: list[Plain], plain: Callable[[T], Plain]) -> int:
        """Return the number of what many findings share, which is added where it is new; it is known by its identity."""
        known = self._numbers.get(id(of))
        if known is None:
            known = self._numbers[id(of)] = of, len(listed)
            listed.append(plain(of))
        return known[1]

    def _filled(self, evidence: SharedEvidence) -> _Filled:
        inputs = evidence.inputs
        is_read_anew = isinstance(inputs, FactInputs)
        return _Filled(
            self._number(evidence.shared, self.shared, self._shared_leaves),
            [self._origins.setdefault(origin, len(self._origins)) for origin in evidence.origins],
            [self._places.setdefault(place, len(self._places)) for place in inputs.places]
            if isinstance(inputs, FactInputs)
            else None,
            [] if is_read_anew else [self._leaf(leaf) for leaf in inputs],
            [_exact(value) for value in evidence.own],
        )

    def _shared_leaves(self, of: SharedLeaves) -> _Shared:
        return _Shared([(self._leaf(each.leaf), each.owner, each.was_read, each.own) for each in of.leaves], of.is_kept)

    def _origin(self, origin: ValueOrigin) -> _Origin:
        resource_id, source, version, time = origin
        return resource_id, source, version, self._was_read(resource_id, time)

    def _leaf(self, leaf: Evidence) -> _Leaf:
        return _Leaf(
            leaf.path,
            leaf.operator,
            _exact(leaf.expected),
            _exact(leaf.actual),
            _exact(leaf.assumed),
            leaf.absent,
            leaf.resource_id,
            leaf.name,
            leaf.source,
            leaf.api_version,
            self._was_read(leaf.resource_id, leaf.collected_at),
        )

    def _was_read(self, resource_id: str | None, time: str | None) -> bool:
        """Whether a time is the one at which a resource was read."""
        if time is None:
            return False
        if time != _time_of(resource_id, self._estate):
            raise UnportableError("a time that is not when its resource was read")
        return True


def _time_of(resource_id: str | None, estate: Estate) -> str | None:
    resource = None if resource_id is None else estate.resource(resource_id)
    return None if resource is None else resource.collected_at


def _encoded(of: FindingSet) -> bytes:
    return _ENCODER.encode(of)


def _lists(of: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    return {name: list(listed) for name, listed in of.items()}


def _object(of: Mapping[str, object]) -> dict[str, object]:
    return {_text(name): _exact(value) for name, value in of.items()}


def _text(name: object) -> str:
    if type(name) is not str:
        raise UnportableError(f"a name that is {type(name).__name__}")
    return name


def _exact(value: object, depth: int = 0) -> object:
    """Return a value that comes back as it is."""
    kind = type(value)
    if value is None or kind is str or kind is bool or kind is float:
        return value
    if kind is int and -_LARGEST <= value < _LARGEST:  # type: ignore[operator]  # a number it is
        return value
    if depth < _DEEPEST:
        if kind is list:
            return [_exact(each, depth + 1) for each in value]  # type: ignore[attr-defined]  # a list it is
        if isinstance(value, dict):
            return {_text(name): _exact(each, depth + 1) for name, each in value.items()}
    raise UnportableError(f"a value that is {kind.__name__}")


class _FindingsReader:
    """Makes findings of a document."""

    def __init__(self, document: _Document, inputs: RawInputs) -> None:
        self.document = document
        self._estate = inputs.estate
        self._inputs = inputs
        self._times: dict[str | None, str | None] = {}
        self._origins = list(map(self._origin, document.origins))
        self._places = document.places
        self._shared = [self._shared_leaves(each) for each in document.shared]

    def finding(self, row: _Row) -> Finding:
        """Return the finding of a row. LookupError where it names what is not there."""
        return Finding(
            row.rule_id,
            row.severity,
            row.status,
            row.resource_id,
            row.resource_type,
            row.message,
            row.sub_object,
            row.workload,
            row.component,
            row.location,
            self._filled(row.filled) if row.filled is not None else [self._evidence(leaf) for leaf in row.leaves] or (),
            row.witness,
            row.unknown_reason,
            row.missing_permission,
            tuple(Gap(*parts) for parts in row.gaps),
            None,
            row.remediation_cli,
            row.fingerprint,
            self._read_at(row.resource_id, was_read=row.was_read),
            row.is_absence,
            self.document.controls[row.controls],
            self.document.tags[row.tags],
            None if row.rests_on is None else msgspec.msgpack.decode(row.rests_on[1], type=_KINDS[row.rests_on[0]]),
            None if row.mended_by is None else MendingChange(*row.mended_by),
            claims=row.claims or (),
        )

    def _filled(self, of: _Filled) -> SharedEvidence:
        shared, origins, own = self._shared[of.shared]
        if len(of.origins) < origins or len(of.own) < own:  # what is looked at only later must be there
            raise LookupError("fewer values than leaves show")
        inputs: Sequence[Evidence] = tuple(map(self._evidence, of.listed)) if of.listed else ()
        if of.places is not None:
            inputs = FactInputs(tuple(map(self._places.__getitem__, of.places)), self._inputs)
        return SharedEvidence(shared, tuple(map(self._origins.__getitem__, of.origins)), inputs, tuple(of.own))

    def _origin(self, of: _Origin) -> ValueOrigin:
        resource_id, source, version, was_read = of
        return ValueOrigin(resource_id, source, version, self._read_at(resource_id, was_read=was_read))

    def _shared_leaves(self, of: _Shared) -> tuple[SharedLeaves, int, int]:
        """Return shared leaves, and how many origins and values of its own a finding needs for them."""
        leaves = tuple(SharedLeaf(self._evidence(leaf), owner, was, own) for leaf, owner, was, own in of.leaves)
        origins = max((each.owner + 1 for each in leaves if each.owner is not None), default=0)
        # some are counted from the last one
        own = max((max(each.own + 1, -each.own) for each in leaves if each.own is not None), default=0)
        return SharedLeaves(leaves, of.is_kept), origins, own

    def _evidence(self, leaf: _Leaf) -> Evidence:
        return Evidence(
            leaf.path,
            leaf.operator,
            leaf.expected,
            leaf.actual,
            leaf.assumed,
            leaf.absent,
            leaf.resource_id,
            leaf.name,
            leaf.source,
            leaf.api_version,
            self._read_at(leaf.resource_id, was_read=leaf.was_read),
        )

    def _read_at(self, resource_id: str | None, *, was_read: bool) -> str | None:
        """Return when a resource was read, where a finding tells it."""
        if not was_read:
            return None
        if resource_id not in self._times:
            resource = None if resource_id is None else self._estate.resource(resource_id)
            if resource is None:
                raise LookupError("a resource that is not there")
            self._times[resource_id] = resource.collected_at
        return self._times[resource_id]
