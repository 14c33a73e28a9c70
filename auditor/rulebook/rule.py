"""What a rule is: its metadata, whom it is asked of, what it requires, and its examples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct, field

from auditor.azure.vocabulary import ResolvedName
from auditor.language.ast import AllOf, Condition
from auditor.model import Severity, Status
from auditor.rulebook.parameters import Parameter
from auditor.yaml_source import Node, load_file


class OnType(Struct, frozen=True):
    """A rule that is asked of every resource of some types, whatever part it plays.

    Where `when` is false of a resource, the rule does not apply to it.
    """

    types: Sequence[str]
    when: Condition | None = None


class OnComponent(Struct, frozen=True):
    """A rule that is asked of the resources bound to components: to one, or to all that give a `capability`.

    `types` narrows them, and is empty where any will do.
    """

    components: Sequence[str]
    types: Sequence[str] = ()
    when: Condition | None = None
    capability: str = ""

    @property
    def called(self) -> str:
        """Return what the rule itself calls them: the component, or the capability."""
        return self.capability or self.components[0]


class OnFact(Struct, frozen=True):
    """A rule that is asked of every fact of a kind.

    `where` says which of them the rule is about; others get no finding. `besides`, where it is false of one of these,
    gives it a finding that says the rule does not apply.
    """

    kind: str
    where: Condition | None = None
    besides: Condition | None = None

    @property
    def when(self) -> Condition | None:
        """Return what must hold of a fact for the rule to apply: `where` and what there is besides."""
        both = tuple(condition for condition in (self.where, self.besides) if condition is not None)
        return AllOf(both) if len(both) > 1 else next(iter(both), None)


Applies = OnType | OnComponent | OnFact


class Example(Struct, frozen=True):
    """A resource or fact with the status that the rule must give it; the rule's tests, and its documentation."""

    name: str
    status: Status
    resource: Mapping[str, Any]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    related: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    uncollected: Sequence[str] = ()
    evidence: Sequence[Mapping[str, Any]] = ()
    place: str = ""


def packed(examples: Sequence[Example]) -> str:
    """Return examples as a rule holds them."""
    return msgspec.json.encode(examples).decode()


class Rule(Struct, frozen=True):
    """One question about an estate, with everything needed to ask, explain and test it.

    `parameters` are those that it reads, as the baseline declares them, or the rule itself (`declares`);
    `undeclared` are the names of those that nobody declares: it cannot be in force. `line` is where it starts in its file.
    `packed_examples` are its examples, packed: they are as large as all the rest, and judging an estate needs none.
    """

    id: str
    title: str
    fault: str
    severity: Severity
    rationale: str
    remediation_text: str
    remediation_cli: str
    remediation_bicep: str
    changes: str
    changed_on: str
    references: Sequence[str]
    controls: Mapping[str, Sequence[str]]
    parameters: Mapping[str, Parameter]
    declares: Mapping[str, Parameter]
    undeclared: Sequence[str]
    applies: Applies
    require: Condition
    evidence: Sequence[ResolvedName]
    packed_examples: str
    file: str
    line: int

    @property
    def examples(self) -> Sequence[Example]:
        """Return its examples, in the order of the file."""
        return msgspec.json.decode(self.packed_examples, type=list[Example])

    @property
    def source(self) -> Node:
        """Return its file as nodes, read anew: for saying where in it something is wrong."""
        return load_file(Path(self.file))
