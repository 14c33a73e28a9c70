"""What rule, baseline and exemption files may hold: one model each, for validation and for the published schema."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    RootModel,
    Tag,
    WithJsonSchema,
    model_validator,
)

from auditor.architecture.capabilities import CAPABILITIES
from auditor.azure import paths
from auditor.model import Severity, Status
from auditor.rulebook.validation import Document, Text, mistake
from auditor.yaml_source import kind_of, suggestion

_RULE_ID: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)+")
_TYPE: Final = re.compile(r"[A-Za-z0-9]+(\.[A-Za-z0-9]+)+(/[A-Za-z0-9]+)+")
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_EDITION: Final = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")
_VERDICTS: Final = {spelled: status for status in Status for spelled in (status.value, status.replace("_", "-"))}
RELATED: Final = "related:"


def _rule_id(text: str) -> str:
    if not _RULE_ID.fullmatch(text):
        raise mistake(f"'{text}' is no rule id", "use kebab-case, service first: storage-https-only")
    return text


def is_type_name(text: str) -> bool:
    """Whether a text could name a resource type."""
    return _TYPE.fullmatch(text) is not None


def _type(text: str) -> str:
    if not is_type_name(text):
        raise mistake(f"'{text}' is no resource type", "such as Microsoft.Storage/storageAccounts")
    return text


def _severity(given: object) -> Severity:
    if str(given).lower() not in list(Severity):
        raise mistake(f"'{given}' is no severity", "use critical, high, medium, low or info")
    return Severity(str(given).lower())


def _status(given: object) -> Status:
    if str(given).lower() not in _VERDICTS:
        raise mistake(f"'{given}' is no status", f"use {', '.join(Status)}")
    return _VERDICTS[str(given).lower()]


def _capability(text: str) -> str:
    if text not in CAPABILITIES:
        raise mistake(f"there is no capability '{text}'", suggestion(text, CAPABILITIES))
    return text


def _uncollected(text: str) -> str:
    if text.startswith(RELATED):
        return text
    try:
        paths.parse(text)
    except ValueError as problem:
        raise mistake(str(problem)) from problem
    return text


def _day(text: str) -> str:
    if not _DAY.fullmatch(text) or not _is_day(text):  # Python takes week dates and more, which nobody else does
        raise mistake(f"'{text}' is no date", "write YYYY-MM-DD")
    return text


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _number_as_text(given: object) -> object:
    return str(given) if isinstance(given, int) and not isinstance(given, bool) else given


def _version(given: object) -> object:
    if not isinstance(given, str):
        raise mistake(
            f"version must be text, not {kind_of(given)}", "write it in quotes, so that 2024.10 does not become 2024.1"
        )
    return given


def _edition(text: str) -> str:
    if not _EDITION.fullmatch(text):
        raise mistake(f"'{text}' is no edition", "write year and month, such as 2024-02")
    return text


def _components(given: object) -> object:
    if not isinstance(given, Mapping | str):
        raise mistake(f"components must be a mapping, or the name of a file with one, not {kind_of(given)}")
    return given


RuleId = Annotated[Text, AfterValidator(_rule_id), Field(json_schema_extra={"pattern": f"^{_RULE_ID.pattern}$"})]
TypeName = Annotated[Text, AfterValidator(_type)]
SeverityName = Annotated[Severity, BeforeValidator(_severity), WithJsonSchema({"enum": list(Severity)})]
Verdict = Annotated[Status, BeforeValidator(_status), WithJsonSchema({"enum": sorted(_VERDICTS)})]
Capability = Annotated[Text, AfterValidator(_capability), Field(json_schema_extra={"enum": sorted(CAPABILITIES)})]
Uncollected = Annotated[Text, AfterValidator(_uncollected)]
Day = Annotated[Text, AfterValidator(_day), Field(json_schema_extra={"pattern": f"^{_DAY.pattern}$"})]
Edition = Annotated[Text, AfterValidator(_edition), Field(json_schema_extra={"pattern": f"^{_EDITION.pattern}$"})]
Components = Annotated[Any, BeforeValidator(_components), WithJsonSchema({"type": ["object", "string"]})]
Version = Annotated[Text, BeforeValidator(_version)]
Reference = Annotated[Text, BeforeValidator(_number_as_text), WithJsonSchema({"type": ["string", "integer"]})]


class ConditionDocument(RootModel[Any]):
    """A condition in the words of Azure Policy. Its content is read by `language.parse`, which knows places and names."""


class ParameterDocument(Document):
    """The declaration of a value that an organisation may set."""

    called: ClassVar[str] = "a parameter"
    type: Literal["array", "object", "string", "integer", "number", "boolean"]
    """One of array, object, string, integer, number, boolean."""
    default: Any = None
    """The value where nobody sets another."""
    allowed: list[Any] = Field(default_factory=list)
    """The values that may be set; of a list, those that its elements may have."""
    description: Text
    """What it decides."""


class RuleRemediationDocument(Document):
    """What to do about a failure."""

    called: ClassVar[str] = "remediation"
    text: Text
    """What the owner of the resource should do."""
    cli: Text = ""
    """A command that does it."""
    bicep: Text = ""
    """The same as a template."""
    changes: Text = ""
    """What is changed, in a few words such as `diagnostic settings`; `{part}` is the part of the resource that is judged.
    Rules that name the same are mended by one change of a resource. Where it is left out, it is the property that decides."""
    changed_on: Text = ""
    """The path of an input: what it names, else what it was read from, is changed (default: the resource that is judged)."""


class OnTypeDocument(Document):
    """A rule that is asked of every resource of a type."""

    called: ClassVar[str] = "applies"
    type: TypeName
    """The resource type, such as Microsoft.Storage/storageAccounts."""
    when: ConditionDocument | None = None
    """Where this is false, the rule does not apply."""


class OnTypesDocument(Document):
    """A rule that is asked of every resource of several types, whose properties mean the same."""

    called: ClassVar[str] = "applies"
    types: Annotated[list[TypeName], Field(min_length=1)]
    """The resource types."""
    when: ConditionDocument | None = None
    """Where this is false, the rule does not apply."""


class OnComponentDocument(Document):
    """A rule that is asked of the resources bound to a component of the baseline."""

    called: ClassVar[str] = "applies"
    component: Text
    """The component's name."""
    type: TypeName | None = None
    """Only its resources of this type."""
    when: ConditionDocument | None = None
    """Where this is false, the rule does not apply."""


class OnCapabilityDocument(Document):
    """A rule that is asked of the resources of all components that give a capability."""

    called: ClassVar[str] = "applies"
    capability: Capability
    """What the components are to the architecture: `state store`."""
    type: TypeName | None = None
    """Only their resources of this type."""
    when: ConditionDocument | None = None
    """Where this is false, the rule does not apply."""


class OnFactDocument(Document):
    """A rule that is asked of every fact of a kind."""

    called: ClassVar[str] = "applies"
    fact: Text
    """The kind of fact that an analysis derives."""
    where: ConditionDocument | None = None
    """Which of them the rule is about; others get no finding."""
    when: ConditionDocument | None = None
    """Where this is false, the rule does not apply."""


def _asked_of(given: object) -> str | None:
    """Return which alternative of `applies` is meant, by the key that only it has."""
    for key in ("fact", "component", "capability", "type", "types"):
        if isinstance(given, Mapping) and key in given:
            return f"~{key}"
    return None


AppliesDocument = Annotated[
    Annotated[OnTypeDocument, Tag("~type")]
    | Annotated[OnTypesDocument, Tag("~types")]
    | Annotated[OnFactDocument, Tag("~fact")]
    | Annotated[OnComponentDocument, Tag("~component")]
    | Annotated[OnCapabilityDocument, Tag("~capability")],
    Discriminator(_asked_of),
]


class ExampleEvidenceDocument(Document):
    """A leaf that an example's verdict must show."""

    called: ClassVar[str] = "an example's evidence"
    path: Text = ""
    """The property."""
    operator: Text = ""
    """How it was compared."""
    expected: Any = None
    """With what."""
    actual: Any = None
    """What was there."""
    assumed: Any = None
    """What stood in for an absent value."""
    name: Text = ""
    """The name of the element that decided."""


class ExampleDocument(Document):
    """A resource or fact, and the verdict that the rule must give."""

    called: ClassVar[str] = "an example"
    name: Text
    """What it shows."""
    resource: dict[str, Any]
    """The resource or fact, with as little in it as the question needs."""
    verdict: Verdict
    """What the rule must say of it."""
    parameters: dict[str, Any] = Field(default_factory=dict)
    """Values of the rule's parameters."""
    related: dict[Text, list[dict[str, Any]]] = Field(default_factory=dict)
    """Relation → the resources that it leads to."""
    uncollected: list[Uncollected] = Field(default_factory=list)
    """Paths that are not known, or `related:NAME`."""
    evidence: list[ExampleEvidenceDocument] = Field(default_factory=list)
    """Leaves that the verdict must show."""


def _both_ways(examples: list[ExampleDocument]) -> list[ExampleDocument]:
    for status in (Status.PASS, Status.FAIL):
        if not any(example.verdict is status for example in examples):
            raise mistake(f"a rule needs at least one example that must {status}")
    return examples


class RuleDocument(Document):
    """One question about an estate, with everything needed to ask, explain and test it."""

    called: ClassVar[str] = "a rule"
    id: RuleId
    """Its name: kebab-case, service first, equal to the file's name; never changed, never reused."""
    title: Text
    """The requirement, as a short statement that is true where it passes."""
    fault: str = ""
    """What is wrong where it fails, as a sentence that is true of every failure; where left out, the values tell it."""
    severity: SeverityName
    """How much a failure matters: critical, high, medium, low or info."""
    rationale: Text
    """Why it matters."""
    remediation: RuleRemediationDocument
    """What to do about a failure."""
    references: list[Text] = Field(default_factory=list)
    """Pages that say more."""
    controls: dict[str, list[Text]] = Field(default_factory=dict)
    """Framework → ids of its controls; the framework's version is part of its name."""
    parameters: list[Text] = Field(default_factory=list)
    """The names of the baseline's parameters that the rule reads."""
    declares: dict[str, ParameterDocument] = Field(default_factory=dict)
    """Parameters of the rule's own, which no baseline declares: name → declaration."""
    applies: AppliesDocument
    """Whom the rule is asked of."""
    require: ConditionDocument
    """What must hold."""
    evidence: list[Text] = Field(default_factory=list)
    """Paths that each finding shows besides what decided."""
    examples: Annotated[list[ExampleDocument], AfterValidator(_both_ways), Field(json_schema_extra={"minItems": 2})]
    """Its tests and documentation: at least one that passes and one that fails."""


class SettingDocument(Document):
    """What a baseline says about one rule."""

    called: ClassVar[str] = "a rule's settings"
    enabled: bool | None = None
    """Whether the rule is in force."""
    severity: SeverityName | None = None
    """How much a failure matters here."""
    parameters: dict[str, Any] = Field(default_factory=dict)
    """Values of parameters for this rule alone."""


class LegDocument(Document):
    """One thing that a control asks."""

    called: ClassVar[str] = "a leg"
    asks: Text
    """What is asked, as a statement that is to hold."""
    rule: RuleId | None = None
    """The rule that answers it."""
    example: Text = ""
    """The name of an example of the rule that fails."""
    when: ConditionDocument | None = None
    """Which subjects of the rule are this control's, where the rule judges those of several."""
    manual: Text = ""
    """What a person should look at, where it cannot be seen from outside."""


class ControlDocument(Document):
    """A requirement with its legs."""

    called: ClassVar[str] = "a control"
    id: Text
    """Its id in reports."""
    title: Text
    """What it asks for, in a line."""
    severity: SeverityName
    """How much a failure matters."""
    article: Text = ""
    """The sentence of the architecture that it rests on."""
    link: Text = ""
    """A page that says more."""
    legs: Annotated[list[LegDocument], Field(min_length=1)]
    """What it asks, one by one."""


class ControlsDocument(Document):
    """A file of controls."""

    called: ClassVar[str] = "a file of controls"
    controls: list[ControlDocument]
    """The controls."""


class RequirementDocument(Document):
    """One requirement of a public framework."""

    called: ClassVar[str] = "a requirement"
    title: Text
    """Its title."""
    link: Text = ""
    """The page about it."""


class RequirementsDocument(Document):
    """The requirements of a public framework."""

    called: ClassVar[str] = "a framework"
    name: Text
    """Its name in rules, with its version."""
    title: Text
    """What it is called."""
    version: Version = ""
    """Its version, as text in quotes."""
    link: Text = ""
    """The page where it is published."""
    requirements: dict[str, RequirementDocument]
    """Id → requirement, in the framework's order."""


class AttestationDocument(Document):
    """What a person has looked at where no rule can: recorded and shown, never a pass."""

    called: ClassVar[str] = "an attestation"
    control: Text
    """The control."""
    asks: Text = ""
    """Which of its manual legs, as it is worded; may be left out where there is one."""
    by: Text
    """Who looked."""
    on: Day
    """When, such as '2025-06-30'."""
    link: Text = ""
    """Where the record of it is kept."""
    valid_until: Day
    """The last day on which it holds."""


class EstateDocument(Document):
    """An estate that a baseline must judge as it says here."""

    called: ClassVar[str] = "an estate"
    file: Text
    """The file beside the baseline that holds it."""
    as_of: Text = ""
    """The time of judgement, where the file does not tell."""
    fails: list[RuleId] = Field(default_factory=list)
    """The rules that fail, each at least once; all others must not."""
    unknown: list[RuleId] = Field(default_factory=list)
    """The rules that have an answer that is not known."""


class SignDocument(Document):
    """A resource by which an estate of the architecture is recognised."""

    called: ClassVar[str] = "a sign"
    type: TypeName
    """The resource type."""
    where: list[Any] = Field(default_factory=list)
    """What the resource must be, as in a component."""
    weight: int = 1
    """How strongly it tells, from 1 on."""
    edition: Edition | None = None
    """The edition of which it tells, where it tells of one alone."""


class RemovalDocument(Document):
    """What a baseline takes away from the one that it extends."""

    called: ClassVar[str] = "remove"
    components: list[Text] = Field(default_factory=list)
    """Names of components; what was reached from them alone is reached no more."""
    parameters: list[Text] = Field(default_factory=list)
    """Names of parameters, or of a key of one: `subnet_roles.training`."""
    rules: list[Text] = Field(default_factory=list)
    """Globs of rule ids."""
    controls: list[Text] = Field(default_factory=list)
    """Globs of ids of controls."""
    rows: dict[str, list[Any]] = Field(default_factory=dict)
    """Table → its rows: the values that tell them (`{principal: workspace}`), or the name of an entry."""


class _AnyBaseline(Document):
    called: ClassVar[str] = "a baseline"
    name: Text
    """Its name in reports."""
    version: Version
    """Its version, as text in quotes."""
    title: Text = ""
    """What it is, in a line."""
    description: Text = ""
    """What it is, at length."""
    references: list[Text] = Field(default_factory=list)
    """Pages that say more."""
    rules: list[Text] = Field(default_factory=list)
    """Globs of rule ids, in order; one that begins with `!` takes rules out again."""
    settings: dict[str, SettingDocument] = Field(default_factory=dict)
    """Rule id → what differs for that rule."""
    tables: dict[str, Any] = Field(default_factory=dict)
    """Name → a table, or the name of a file beside the baseline."""
    components: Components = Field(default_factory=dict)
    """Name → a declaration, or the name of one file beside the baseline that holds all of them."""
    controls: dict[str, Text] = Field(default_factory=dict)
    """Framework → the file beside the baseline that holds its controls, or a folder of such files."""
    attestations: list[AttestationDocument] = Field(default_factory=list)
    """What people have looked at."""
    editions: list[Edition] = Field(default_factory=list)
    """The editions of the architecture that it holds, the latest last; rows and components say `since` and `until`."""
    signs: list[SignDocument] | None = None
    """Resources by which an estate of the architecture is recognised; an empty list: by none."""
    estates: list[EstateDocument] = Field(default_factory=list)
    """Estates that `auditor baseline validate` judges by it, and what must come of them."""


class WholeBaselineDocument(_AnyBaseline):
    """Which rules are in force, with which parameters and severities, what is expected, and which components there are."""

    also: ClassVar[tuple[str, ...]] = ("extends", "declares", "remove", "rows", "controls_as")
    parameters: dict[str, ParameterDocument] = Field(default_factory=dict)
    """Name → declaration of a value that rules, tables, components and analyses read."""


class OverlayDocument(_AnyBaseline):
    """What differs from another baseline."""

    extends: Text
    """The baseline below: a shipped one, or a file beside this one."""
    parameters: dict[str, Any] = Field(default_factory=dict)
    """Name → value of a parameter that a baseline below, or a rule, declares; of an object only the keys given."""
    declares: dict[str, ParameterDocument] = Field(default_factory=dict)
    """Parameters that no baseline below has: name → declaration. One that is an object below gets further keys."""
    remove: RemovalDocument | None = None
    """What is taken away from the baseline below."""
    rows: dict[str, list[Any]] = Field(default_factory=dict)
    """Table → rows that are put before those of the baseline below."""
    controls_as: dict[str, Text] = Field(default_factory=dict)
    """Framework of the baseline below → the name under which its controls are carried on here."""


class ExemptionEntryDocument(Document):
    """A deviation that somebody accepted, until a day. It needs a fingerprint, or a rule and a scope."""

    model_config = ConfigDict(
        json_schema_extra={
            "if": {"not": {"required": ["fingerprint"]}},
            "then": {"required": ["rule", "scope"]},
        }
    )
    called: ClassVar[str] = "an exemption"
    id: Reference | None = None
    """Its name in reports; without one it is made of what it covers."""
    fingerprint: Text | None = None
    """The one failure that it covers, by the fingerprint in reports."""
    rule: Text | None = None
    """A rule id, or a glob."""
    scope: Text | None = None
    """The resource, or anything above it: resource group, subscription; or a glob of resource ids."""
    part: Text | None = None
    """What of the resource, as reports call it (sub_object), or a glob."""
    component: Text | None = None
    """The part of the architecture, or a glob."""
    reason: Text
    """Why it is accepted."""
    approved_by: Text
    """Who accepted it."""
    ticket: Reference
    """Where that is written down."""
    expires_on: Day
    """The last day on which it holds, such as '2025-12-31'."""
    accepts: dict[str, Any] | None = None
    """How far it goes: the set that the failure rested on (`rests_on` in the JSON report). What is beyond it is not accepted."""

    @model_validator(mode="after")
    def _names_failures(self) -> ExemptionEntryDocument:
        missing = [name for name in ("rule", "scope") if getattr(self, name) is None]
        if self.fingerprint is None and missing:
            raise mistake(f"an exemption needs '{missing[0]}'", "or a 'fingerprint'")
        return self


class ExemptionsDocument(Document):
    """A file of accepted deviations."""

    called: ClassVar[str] = "an exemption file"
    exemptions: list[ExemptionEntryDocument]
    """The deviations."""
