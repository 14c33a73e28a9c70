"""The one small tree that conditions are parsed into, whatever front-end they came from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from auditor.azure.paths import ABSENT
from auditor.azure.vocabulary import ResolvedName


class Constant(Struct, frozen=True):
    """A literal value of the rule file."""

    value: object


class Call(Struct, frozen=True):
    """A template function with its arguments.

    `reference` is the property path, resolved at load, of `field`, `subject` and `current`.
    """

    function: str
    arguments: Sequence[Expression]
    reference: ResolvedName | None = None


class PropertyAccess(Struct, frozen=True):
    """`expression.name` or `expression[index]`."""

    of: Expression
    part: Expression


Expression = Constant | Call | PropertyAccess


class Field(Struct, frozen=True):
    """The left side of a leaf: a property of the subject, or of the current member of a quantifier."""

    path: ResolvedName
    text: str


class Value(Struct, frozen=True):
    """The left side of a leaf: a computed value."""

    expression: Expression
    text: str


class Leaf(Struct, frozen=True):
    """One comparison. `operator` is in canonical spelling; `default` stands in for an absent left side.

    Of an operator on ages, `right` is a number of days.
    """

    left: Field | Value
    operator: str
    right: Expression
    default: object = ABSENT


class Undecidable(Struct, frozen=True):
    """Never true and never false: the data cannot answer. `what` is missing, and `why`."""

    what: Expression
    why: Expression


class AllOf(Struct, frozen=True):
    """True when all are."""

    conditions: Sequence[Condition]


class AnyOf(Struct, frozen=True):
    """True when one is."""

    conditions: Sequence[Condition]


class Not(Struct, frozen=True):
    """True when the condition is false."""

    condition: Condition


class Elements(Struct, frozen=True):
    """What is counted: the elements that a path with `[*]` leads to."""

    path: ResolvedName
    text: str


class Values(Struct, frozen=True):
    """What is counted: the elements of a computed list, each known as `current('name')`."""

    expression: Expression
    name: str
    text: str


class Relatives(Struct, frozen=True):
    """What is counted: the resources that a relation leads to."""

    relation: str


class Count(Struct, frozen=True):
    """A comparison of how many members satisfy `where` (all, without it)."""

    of: Elements | Values | Relatives
    where: Condition | None
    operator: str
    right: Expression


class Quantifier(Struct, frozen=True):
    """`every`, `any` or `none` of the members satisfy `where`."""

    kind: Literal["every", "any", "none"]
    of: Elements | Relatives
    where: Condition


Condition = Leaf | Undecidable | AllOf | AnyOf | Not | Count | Quantifier
