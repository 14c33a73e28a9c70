"""The nouns that every layer shares: resource, relation, gap, finding, report. Immutable, no input or output."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import ClassVar, Final, Literal, Protocol, TypeAlias

from msgspec import Struct, field
from msgspec.structs import replace

from auditor import resource_id as ids


class Status(StrEnum):
    """What the evidence says about one requirement of one subject."""

    PASS = "pass"  # noqa: S105 - a verdict
    FAIL = "fail"
    UNKNOWN = "unknown"
    NOT_APPLICABLE = "not_applicable"


class Severity(StrEnum):
    """How much a failure matters; declared from the worst to the mildest."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"

    @property
    def rank(self) -> int:
        """Return 0 for critical … 4 for info."""
        return _RANKS[self]


_RANKS: Final = {severity: rank for rank, severity in enumerate(Severity)}


class AgainstKnown(StrEnum):
    """How a failure stands to the known ones: it is none of them, it is one and has grown, or it is one and has not."""

    NEW = "new"
    WIDENED = "widened"
    KNOWN = "known"


class BodyStore(Protocol):
    """Keeps bodies of resources in less room than their values take, and gives them out again."""

    def read(self, content: bytes) -> Mapping[str, object]:
        """Return the body that was kept as this."""

    def keep(self, body: Mapping[str, object]) -> bytes:
        """Return what a body is kept as."""


class HeldBody:
    """A whole ARM object as Azure spelled it, and what is known of it without reading it. Immutable.

    `id`, `type`, `name` and `location` are as Azure spelled them, type and name else as the id spells them; `stated` are
    the names at its top in lower case. Where there is a `store`, the object is held as what this keeps it as (`content`,
    else empty), and made anew when it is read, so that parts of it are not to be held.
    """

    __slots__ = ("_body", "_name", "_store", "content", "id", "location", "stated", "type")

    def __init__(
        self, body: Mapping[str, object], store: BodyStore | None = None, content: bytes | None = None
    ) -> None:
        """Hold an ARM object that has a string `id`."""
        self.id: Final = str(body["id"])
        self.type: Final = _one(str(body.get("type") or ids.type_of(self.id) or ""))
        name, location = str(body.get("name") or ""), body.get("location")
        self._name = "" if name == ids.name_of(self.id) else name
        self.location: Final = _one(location) if isinstance(location, str) else None
        self.stated: Final = folded_names(tuple(body))
        self._store = store
        self._body = body if store is None else None
        self.content = b"" if store is None else store.keep(body) if content is None else content

    @property
    def name(self) -> str:
        """Return its own name."""
        return self._name or ids.name_of(self.id)

    def read(self) -> Mapping[str, object]:
        """Return the object."""
        if self._body is not None:
            return self._body
        return {} if self._store is None else self._store.read(self.content)

    members = read
    """Return the object for whoever looks at some of its members, and need not have JSON's own kind of object."""

    def replaced(self, body: Mapping[str, object]) -> HeldBody:
        """Return another object, held in the same way."""
        return HeldBody(body, self._store)


@lru_cache(maxsize=4096)  # resources of a type have the same few sets of names
def folded_names(names: tuple[str, ...]) -> frozenset[str]:
    """Return the names of an object's members without case."""
    return frozenset(name.lower() for name in names if type(name) is str)


@lru_cache(maxsize=4096)  # as there are few types: all that are equal become one object
def _one(text: str) -> str:
    return text


@lru_cache(maxsize=4096)
def lower(text: str) -> str:
    """Return the name of a type in lower case: of equal ones the same text."""
    return text.lower()


class Resource(Struct, frozen=True, eq=False):
    """One ARM object and where it was read.

    `body` is the whole object as Azure spelled it (`id`, `name`, `type`, `location`, `sku`, `properties`, …).
    `key` is the id in comparable form, `type_key` the type in lower case.
    """

    held: HeldBody
    key: str
    type_key: str
    source: str = "export"
    api_version: str | None = None
    collected_at: str | None = None

    @classmethod
    def of(
        cls,
        body: Mapping[str, object] | HeldBody,
        *,
        source: str = "export",
        api_version: str | None = None,
        collected_at: str | None = None,
    ) -> Resource:
        """Wrap an ARM object that has a string `id`; the type is read from `type`, else from the id."""
        held = body if isinstance(body, HeldBody) else HeldBody(body)
        return cls(held, ids.key(held.id), lower(held.type), source, api_version, collected_at)

    def with_body(self, body: Mapping[str, object]) -> Resource:
        """Return the same resource with another body."""
        return replace(self, held=self.held.replaced(body))

    def __eq__(self, other: object) -> bool:
        """Whether two say the same of the same resource."""
        if self is other or not isinstance(other, Resource):
            return self is other
        return self.key == other.key and self._origin == other._origin and self.body == other.body

    __hash__ = None  # type: ignore[assignment]

    @property
    def _origin(self) -> tuple[str, str, str | None, str | None]:
        return self.type_key, self.source, self.api_version, self.collected_at

    @property
    def body(self) -> Mapping[str, object]:
        """Return the whole object as Azure spelled it."""
        return self.held.members()

    @property
    def id(self) -> str:
        """Return the id as Azure spelled it."""
        return self.held.id

    @property
    def type(self) -> str:
        """Return the type as Azure spelled it, else as the id spells it."""
        return self.held.type

    @property
    def stated(self) -> frozenset[str]:
        """Return the names at the top of the body, in lower case."""
        return self.held.stated

    @property
    def name(self) -> str:
        """Return the resource's own name."""
        return self.held.name

    @property
    def location(self) -> str | None:
        """Return the Azure region as spelled."""
        return self.held.location

    @property
    def properties(self) -> Mapping[str, object]:
        """Return `properties`, or an empty object where Azure gave none or something else."""
        value = self.body.get("properties")
        return value if isinstance(value, Mapping) else {}


class Relation(Struct, frozen=True, order=True):
    """A typed edge between two resource keys, derived from properties. The target need not exist in the snapshot."""

    source: str
    kind: str
    target: str


class Gap(Struct, frozen=True, order=True):
    """Something in scope that was not collected.

    `scope` is a resource id, resource group, subscription or `/` (everything).
    `what` is a resource type (it holds a slash: those resources below the scope are not known),
    `related:NAME` (that relation of the scope's resource) or a property path of the scope's resource.
    `reason`: `forbidden`, `throttled`, `not requested`, `not in the export`, `masked`, `failed`, … ;
    `permission`: the Azure action that would settle it.
    """

    scope: str
    what: str
    reason: str
    permission: str | None = None

    def __str__(self) -> str:
        """Return what is not known, where and why: `X at Y is not in the export`, `X: forbidden`."""
        where = "" if self.scope in {"", "/"} else f" at {self.scope}"
        return f"{self.what}{where}{' is ' if self.reason.startswith('not in ') else ': '}{self.reason}"


NOT_COMPARED: Final = frozenset({"context", "input"})
"""The operators of leaves that decide nothing: what a rule shows beside its conditions, and what a fact was derived from."""


class Evidence(Struct, frozen=True):
    """One leaf that decided: the path as spelled in the data, what was expected (parameters bound), and what was there.

    `assumed` is the documented default that stood in for an absent value; `absent` says that there was no value at all.
    `source`, `api_version` and `collected_at` say where, how and when the value was read.
    """

    path: str
    operator: str
    expected: object
    actual: object
    assumed: object = None
    absent: bool = False
    resource_id: str | None = None
    name: str | None = None
    source: str | None = None
    api_version: str | None = None
    collected_at: str | None = None

    @property
    def decides(self) -> bool:
        """Whether the leaf was compared; else it is context of the rule, or an input of a derived fact."""
        return self.operator not in NOT_COMPARED


class Assumption(Struct, frozen=True, order=True):
    """Something unknown that a part of a set of packets is about.

    `of`: `source` or `destination`, whose address is in a service tag or group that could not be resolved, or not; `rule`,
    which cannot be read and matches, or not.
    """

    of: str
    name: str
    holds: bool


class PacketBox(Struct, frozen=True, order=True):
    """The packets from any of the sources to any of the destinations, by any of the protocols, and so on.

    Addresses are prefixes or spans (`10.0.0.4-10.0.0.9`), ports numbers or spans, both ends included.
    """

    sources: tuple[str, ...]
    destinations: tuple[str, ...]
    protocols: tuple[str, ...]
    ports: tuple[str, ...]
    source_ports: tuple[str, ...]
    assuming: tuple[Assumption, ...] = ()


class PacketSet(Struct, frozen=True):
    """A set of packets as disjoint boxes. Equal sets are equal boxes in equal order."""

    kind: ClassVar[str] = "packets"
    boxes: tuple[PacketBox, ...]


class OperationFormula(Struct, frozen=True):
    """A set of operation names: one `pattern`, or what is in `any_of`, or in `all_of`, or not in `none_of` its parts.

    `any_of` of nothing holds nothing, `all_of` of nothing everything. Patterns are in lower case, parts sorted.
    """

    form: Literal["pattern", "any_of", "all_of", "none_of"]
    pattern: str = ""
    parts: tuple[OperationFormula, ...] = ()


class PermittedOperations(Struct, frozen=True):
    """What may be done on one plane (`control`, `data`) at a scope and below."""

    plane: str
    scope: str
    operations: OperationFormula


class OperationSets(Struct, frozen=True):
    """Sets of permitted operations, by plane and scope."""

    kind: ClassVar[str] = "operations"
    permitted: tuple[PermittedOperations, ...]


class LevelSets(Struct, frozen=True):
    """Which levels get through, for each thing that filters: (`violence (Prompt)`, (`low`, `medium`)), sorted."""

    kind: ClassVar[str] = "levels"
    passing: tuple[tuple[str, tuple[str, ...]], ...]


class ItemSet(Struct, frozen=True):
    """Names, ids or keys, sorted, each once; `of` says what they are."""

    kind: ClassVar[str] = "items"
    of: str
    items: tuple[str, ...]


class FailedValue(Struct, frozen=True, order=True):
    """A value that does not meet what it was compared with, and how many times it stands there.

    `at` is a path without the numbers of elements, with the element's name and the resource where there are several;
    `value` is JSON.
    """

    at: str
    operator: str
    value: str
    times: int = 1


class ValueSet(Struct, frozen=True):
    """Values that fail, sorted."""

    kind: ClassVar[str] = "values"
    values: tuple[FailedValue, ...]


FindingSet: TypeAlias = PacketSet | OperationSets | LevelSets | ItemSet | ValueSet
"""All that a failure rests on, in a form that is equal for equal sets: of two runs, one can be subtracted from the other."""


class MendingChange(Struct, frozen=True):
    """What one change would mend: `what` is changed, in a few words, and the resource on which; None: none that exists."""

    what: str
    resource_id: str | None = None


class Exemption(Struct, frozen=True):
    """An accepted deviation: who accepted what, why and until when. It stands beside a status, never replaces it.

    It covers failures that fit all of `rule`, `scope`, `part`, `component` (globs; empty is any) and `fingerprint`, and
    where it says what it `accepts`, only as far as that goes.
    """

    id: str
    rule: str
    scope: str
    reason: str
    approved_by: str
    ticket: str
    expires_on: str
    part: str = ""
    component: str = ""
    fingerprint: str = ""
    accepts: FindingSet | None = None


class Defect(StrEnum):
    """What somebody should look at in an exemption."""

    EXPIRED = "expired"
    UNUSED = "unused"
    OUTGROWN = "outgrown"
    TOO_WIDE = "too_wide"
    UNLIMITED = "unlimited"
    EXPIRING = "expiring"


class ExemptionState(Struct, frozen=True):
    """What an exemption does on the day of judgement: how many failures it fits, what is wrong with it.

    `outgrown` says in words how failures go beyond what it accepts.
    """

    exemption: Exemption
    fits: int
    defects: Sequence[Defect]
    outgrown: Sequence[str] = ()


class RuleInfo(Struct, frozen=True):
    """What a report tells of a rule in force; findings refer to it by `id`.

    `severity` is the one in force; `controls` are ids by framework; `file` is the path below the tool's own folder of
    rules, or the user's file as it was given, and `line` the line in it where the rule starts.
    """

    id: str
    title: str
    severity: Severity
    rationale: str
    remediation: str
    references: Sequence[str]
    controls: Mapping[str, Sequence[str]]
    file: str
    line: int


class Finding(Struct, frozen=True):
    """The verdict on one subject of one rule; what is the same for all findings of the rule stands in `Report.rules`.

    `resource_id` is None where a rule met nothing to judge. `is_absence` says that what fails is that the subject itself
    does not exist: a component of the architecture is missing. `gaps` are what an unknown one is unknown for. `controls`
    are those of the rule's that the subject is about, by framework; `tags` are the resource's. `rests_on` is the whole set
    that a failure is about, where it is about one: the packets, operations, levels, names or values. `mended_by` is the
    change that the rule says would mend it; where it says none, the property that decides is what is to be changed. `first_seen`
    (ISO 8601, UTC) and `change` (`new`, `reopened`, `unchanged`, `resolved`, …) are in comparison with earlier audits.
    `against_known` says of a failure how it stands to those that are known, where it was compared with them.
    `claims` are what in Azure itself says that the resource is exempt: it is told, and decides nothing.
    """

    rule_id: str
    severity: Severity
    status: Status
    resource_id: str | None
    resource_type: str | None
    message: str
    sub_object: str = ""
    workload: str | None = None
    component: str | None = None
    location: str | None = None
    evidence: Sequence[Evidence] = ()
    witness: Mapping[str, object] | None = None
    unknown_reason: str | None = None
    missing_permission: str | None = None
    gaps: Sequence[Gap] = ()
    exemption: Exemption | None = None
    remediation_cli: str = ""
    fingerprint: str = ""
    collected_at: str | None = None
    is_absence: bool = False
    controls: Mapping[str, Sequence[str]] = field(default_factory=dict)
    tags: Mapping[str, object] = field(default_factory=dict)
    rests_on: FindingSet | None = None
    mended_by: MendingChange | None = None
    first_seen: str = ""
    change: str = ""
    against_known: AgainstKnown | None = None
    claims: Sequence[str] = ()

    @property
    def is_accepted(self) -> bool:
        """Whether a failure counts for nothing: an exemption covers it, or it is known and no wider than it was."""
        return self.exemption is not None or self.against_known is AgainstKnown.KNOWN

    @property
    def deciding(self) -> Sequence[Evidence]:
        """Return the leaves that decided, without context and inputs."""
        return list(self.iter_deciding())

    def iter_deciding(self) -> Iterator[Evidence]:
        """Go through the leaves that decided: evidence that is shared between findings knows them without its inputs."""
        of_shared: Callable[[], Iterator[Evidence]] | None = getattr(self.evidence, "iter_deciding", None)
        return (leaf for leaf in self.evidence if leaf.decides) if of_shared is None else of_shared()


class SnapshotIdentity(Struct, frozen=True):
    """What was judged: the hash over the snapshot's rows, when it was collected, and the scope."""

    sha256: str
    collected_at: str | None
    scope: Mapping[str, object]
    subscription_names: Mapping[str, str] = field(default_factory=dict)


class OpenGap(Struct, frozen=True):
    """A gap with what would settle it and what hangs on it: nothing, where no rule in force depends on it.

    `settled_by` is a phrase such as `grant …`. `findings` counts those that are unknown for it; `rules` and `controls`
    (framework and id) are theirs, sorted. `is_of_inventory` says that nobody knows what else there is to judge.
    """

    gap: Gap
    settled_by: str
    findings: int = 0
    rules: Sequence[str] = ()
    controls: Sequence[tuple[str, str]] = ()
    is_of_inventory: bool = False


class SettlingPermission(Struct, frozen=True):
    """A permission, and how many unknown findings it settles together with those that are listed before it."""

    permission: str
    settles: int


class TypeCoverage(Struct, frozen=True):
    """What became of the resources of one type that were collected; each is counted in one of the other three.

    `judged`: a rule in force has an answer on it, or would have if more were known. `used_as_evidence`: it is not judged
    itself, but rules in force, or the analyses behind them, read its type. `gaps`: how many gaps there are in the type.
    """

    name: str
    collected: int
    judged: int
    used_as_evidence: int
    not_looked_at: int
    gaps: int


class ControlCoverage(Struct, frozen=True):
    """What the answer to one control of a framework rests on, and what could still change it.

    `status` is the worst of its findings: fail, unknown, pass, not applicable. `judged` counts resources by type;
    `evidence` are the other types that its `rules` read, as far as there are any; `facts` the kinds of derived facts.
    """

    framework: str
    id: str
    status: Status
    by_status: Mapping[Status, int]
    rules: Sequence[str]
    judged: Mapping[str, int]
    evidence: Sequence[str]
    facts: Sequence[str]
    gaps: Sequence[OpenGap]


class Coverage(Struct, frozen=True):
    """The proof of how complete an audit is.

    `gaps` are all that were met, those that the snapshot declares and those that judging came upon, the weightiest first;
    `grants` the permissions that settle the most unknowns, first; `controls` those of the baseline's own framework,
    first; `unmet` says by rule why it judged nothing.
    """

    gaps: Sequence[OpenGap] = ()
    grants: Sequence[SettlingPermission] = ()
    types: Sequence[TypeCoverage] = ()
    controls: Sequence[ControlCoverage] = ()
    unmet: Mapping[str, str] = field(default_factory=dict)

    @property
    def inventory(self) -> Sequence[OpenGap]:
        """Return why there may be resources in scope that nobody knows of."""
        return [each for each in self.gaps if each.is_of_inventory]


class ManualCheck(Struct, frozen=True):
    """What a person must look at, and who says that they have: recorded and shown, never counted as a pass.

    `attested` is a sentence on who looked, when and where it is recorded; empty where nobody has. It `is_current` until its
    last day, at the time of judgement.
    """

    asks: str
    look_at: str
    attested: str = ""
    is_current: bool = False


class RequirementResult(Struct, frozen=True):
    """One requirement of the framework that a report is grouped by.

    `status` is the worst of its findings; None where no rule in force has one. Then a person must look (`manual`), or
    nothing covers it.
    """

    id: str
    title: str
    link: str
    status: Status | None
    by_status: Mapping[Status, int]
    rules: Sequence[str]
    manual: Sequence[ManualCheck]

    @property
    def state(self) -> str:
        """Return its status in a word: `fail`, `unknown`, `pass`, `not_applicable`, `manual` or `not_covered`."""
        if self.status is not None:
            return self.status.value
        return "manual" if self.manual else "not_covered"


class FrameworkReport(Struct, frozen=True):
    """A framework, requirement by requirement, in the order of its ids."""

    name: str
    title: str
    version: str
    requirements: Sequence[RequirementResult]


class DrawnComponent(Struct, frozen=True):
    """A component in the picture of a workload: what plays it, and where it stands.

    `resource_ids` is empty where nothing plays it; then `not_known` says why something may all the same, if it may.
    """

    name: str
    title: str
    area: str
    is_required: bool
    resource_ids: Sequence[str] = ()
    not_known: str = ""
    visitors: str = ""


class DrawnCall(Struct, frozen=True):
    """That one component calls another, as the baseline draws it. `is_seen`: the estate's configuration shows it, too."""

    source: str
    target: str
    is_seen: bool


class NetworkPair(Struct, frozen=True):
    """Whether TCP or UDP gets from one end to another: two subnets of a workload, or one and the Internet.

    `answer` is `yes`, `no` or `unknown`; `passes` and `stopped` say in words which traffic does, by which rules. `packet` is
    an example of what passes, or for a no of what is stopped, with the rules that decide about it as its `path`.
    """

    source: str
    source_role: str
    destination: str
    destination_role: str
    answer: str
    is_partial: bool
    passes: Sequence[str] = ()
    stopped: Sequence[str] = ()
    packet: Mapping[str, object] | None = None
    notes: Sequence[str] = ()
    unknowns: Sequence[str] = ()


class WorkloadPicture(Struct, frozen=True):
    """A workload as a picture shows it: its components, which calls which, and who reaches whom in its network."""

    workload: str
    anchor_id: str
    components: Sequence[DrawnComponent]
    calls: Sequence[DrawnCall]
    network: Sequence[NetworkPair] = ()


class Report(Struct, frozen=True):
    """Findings with everything needed to defend them. Sorted, so that the same inputs give the same bytes.

    `rules` are the rules in force, by id.
    `as_of` is the time of judgement and `as_of_source` where it came from (`option`, `snapshot`, `export`, `clock`).
    `notices` are remarks on the run itself: bindings by name, rules without subjects.
    `exemptions` are those that were given, in the order of their files.
    `reference_data` are the editions of what ships about Azure (roles, regions, …) by name.
    `pictures` are the workloads, where a format that shows them was asked for. `misfit` says that the estate looks like
    another edition than the one judged by, and stands among the notices too; empty where it does not.
    """

    tool_version: str
    baseline_name: str
    baseline_version: str
    snapshot: SnapshotIdentity
    as_of: datetime
    as_of_source: str
    rules: Mapping[str, RuleInfo]
    resources: int
    findings: Sequence[Finding]
    gaps: Sequence[Gap]
    notices: Sequence[str] = ()
    coverage: Coverage = field(default_factory=Coverage)
    framework: FrameworkReport | None = None
    reference_data: Mapping[str, str] = field(default_factory=dict)
    pictures: Sequence[WorkloadPicture] = ()
    exemptions: Sequence[ExemptionState] = ()
    misfit: str = ""
