"""What a rule is: its metadata, whom it is asked of, what it requires, and its examples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from auditor.azure.vocabulary import ResolvedName
from auditor.language.ast import Condition
from auditor.language.operators import equals
from auditor.model import Severity, Status
from auditor.yaml_source import Node, kind_of

PARAMETER_TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "array": (list,),
    "object": (dict,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
}


@dataclass(frozen=True, slots=True)
class Parameter:
    """A value that a baseline may set. `type` is array, object, string, integer, number or boolean."""

    name: str
    type: str
    default: Any = None
    has_default: bool = False
    allowed: Sequence[Any] = ()
    description: str = ""

    def problem_with(self, value: Any) -> str | None:
        """Return why a value does not fit, or None."""
        kinds = PARAMETER_TYPES[self.type]
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            return f"parameter '{self.name}' must be of type {self.type}, not {kind_of(value)}"
        given = value if isinstance(value, list) else [value]
        if self.allowed and not all(any(equals(one, item) for item in self.allowed) for one in given):
            return f"parameter '{self.name}' must be one of {', '.join(map(str, self.allowed))}"
        return None


@dataclass(frozen=True, slots=True)
class OnType:
    """A rule that is asked of every resource of some types, whatever part it plays.

    Where `when` is false of a resource, the rule does not apply to it.
    """

    types: Sequence[str]
    when: Condition | None = None


@dataclass(frozen=True, slots=True)
class OnComponent:
    """A rule that is asked of the resources bound to a component; `types` narrows them, and is empty where any will do."""

    component: str
    types: Sequence[str] = ()
    when: Condition | None = None


@dataclass(frozen=True, slots=True)
class OnFact:
    """A rule that is asked of every fact of a kind.

    `where` says which of them the rule is about; others get no finding. It is also part of `when`, under which a fact
    gets one that says the rule does not apply.
    """

    kind: str
    where: Condition | None = None
    when: Condition | None = None


Applies = OnType | OnComponent | OnFact


@dataclass(frozen=True, slots=True)
class Example:
    """A resource or fact with the status that the rule must give it; the rule's tests, and its documentation."""

    name: str
    status: Status
    resource: Mapping[str, Any]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    related: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    uncollected: Sequence[str] = ()
    evidence: Sequence[Mapping[str, Any]] = ()
    place: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """One question about an estate, with everything needed to ask, explain and test it."""

    id: str
    title: str
    severity: Severity
    rationale: str
    remediation_text: str
    remediation_cli: str
    remediation_bicep: str
    references: Sequence[str]
    controls: Mapping[str, Sequence[str]]
    parameters: Mapping[str, Parameter]
    applies: Applies
    require: Condition
    evidence: Sequence[ResolvedName]
    examples: Sequence[Example]
    file: str
    source: Node
