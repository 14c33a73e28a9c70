"""The one small tree that conditions are parsed into, whatever front-end they came from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from auditor.azure.paths import ABSENT
from auditor.azure.vocabulary import ResolvedName


@dataclass(frozen=True, slots=True)
class Constant:
    """A literal value of the rule file."""

    value: object


@dataclass(frozen=True, slots=True)
class Call:
    """A template function with its arguments.

    `reference` is the property path, resolved at load, of `field`, `subject` and `current`.
    """

    function: str
    arguments: Sequence[Expression]
    reference: ResolvedName | None = None


@dataclass(frozen=True, slots=True)
class PropertyAccess:
    """`expression.name` or `expression[index]`."""

    of: Expression
    part: Expression


Expression = Constant | Call | PropertyAccess


@dataclass(frozen=True, slots=True)
class Field:
    """The left side of a leaf: a property of the subject, or of the current member of a quantifier."""

    path: ResolvedName
    text: str


@dataclass(frozen=True, slots=True)
class Value:
    """The left side of a leaf: a computed value."""

    expression: Expression
    text: str


@dataclass(frozen=True, slots=True)
class Leaf:
    """One comparison. `operator` is in canonical spelling; `default` stands in for an absent left side.

    Of an operator on ages, `right` is a number of days.
    """

    left: Field | Value
    operator: str
    right: Expression
    default: object = ABSENT


@dataclass(frozen=True, slots=True)
class Undecidable:
    """Never true and never false: the data cannot answer. `what` is missing, and `why`."""

    what: Expression
    why: Expression


@dataclass(frozen=True, slots=True)
class AllOf:
    """True when all are."""

    conditions: Sequence[Condition]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """True when one is."""

    conditions: Sequence[Condition]


@dataclass(frozen=True, slots=True)
class Not:
    """True when the condition is false."""

    condition: Condition


@dataclass(frozen=True, slots=True)
class Elements:
    """What is counted: the elements that a path with `[*]` leads to."""

    path: ResolvedName
    text: str


@dataclass(frozen=True, slots=True)
class Values:
    """What is counted: the elements of a computed list, each known as `current('name')`."""

    expression: Expression
    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Relatives:
    """What is counted: the resources that a relation leads to."""

    relation: str


@dataclass(frozen=True, slots=True)
class Count:
    """A comparison of how many members satisfy `where` (all, without it)."""

    of: Elements | Values | Relatives
    where: Condition | None
    operator: str
    right: Expression


@dataclass(frozen=True, slots=True)
class Quantifier:
    """`every`, `any` or `none` of the members satisfy `where`."""

    kind: Literal["every", "any", "none"]
    of: Elements | Relatives
    where: Condition


Condition = Leaf | Undecidable | AllOf | AnyOf | Not | Count | Quantifier
