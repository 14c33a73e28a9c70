"""Load conditions from rule files into the tree; every mistake is an error that says where and what would be right."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from msgspec import Struct
from msgspec.structs import replace

from auditor.azure import paths
from auditor.azure.catalogue import Catalogue
from auditor.azure.paths import ABSENT, EACH, Steps
from auditor.azure.vocabulary import ResolvedName, UnknownName, Vocabulary
from auditor.errors import Mistakes
from auditor.language import expressions, literals
from auditor.language.ast import (
    AllOf,
    AnyOf,
    Call,
    Condition,
    Constant,
    Count,
    Elements,
    Expression,
    Field,
    Leaf,
    Not,
    Quantifier,
    Relatives,
    Undecidable,
    Value,
    Values,
)
from auditor.language.operators import AGES, OPERATORS
from auditor.yaml_source import Node, kind_of, suggestion

MAX_DEPTH: Final = 64
MAX_MEMBERS: Final = 4  # nested quantifiers and counts
_OPERATORS: Final = {name.lower(): name for name in OPERATORS}
_QUANTIFIERS: Final[Mapping[str, Literal["every", "any", "none"]]] = {"every": "every", "any": "any", "none": "none"}


class NameScope(Struct, frozen=True):
    """What the names in a condition mean at some place in it.

    `subject` are the names of the judged resource or fact, `here` those of the resource that conditions read (another
    one inside `count: {related: …}`); `members` the lists whose current member is in reach, `values` the names of
    counted values; `parameters` those that the rule declares.
    """

    catalogue: Catalogue
    subject: Vocabulary
    here: Vocabulary
    parameters: frozenset[str]
    members: tuple[Steps, ...] = ()
    values: frozenset[str] = frozenset()
    depth: int = 0
    nested: int = 0  # counts and quantifiers around this place, whatever they go over


def condition(node: Node, names: NameScope) -> Condition:
    """Load one condition. ContentError with the place of what is wrong."""
    if names.depth > MAX_DEPTH:
        node.fail(f"conditions are nested deeper than {MAX_DEPTH} levels")
    entries = node.mapping("a condition")
    deeper = replace(names, depth=names.depth + 1)
    by_name = _by_name(node, entries)
    for joiner in ("allof", "anyof", "not"):
        if joiner in by_name:
            return _joined(node, joiner, entries[by_name[joiner]], deeper)
    for word, kind in _QUANTIFIERS.items():
        if word in by_name:
            _only(node, [by_name[word]])
            return _quantifier(kind, entries[by_name[word]], deeper)
    if "count" in by_name:
        return _count(node, by_name["count"], deeper)
    if "unknown" in by_name:
        return _undecidable(node, by_name["unknown"], deeper)
    if "field" in by_name or "value" in by_name:
        return _leaf(node, by_name, deeper)
    known = ["allOf", "anyOf", "not", "field", "value", "count", "every", "any", "none", "unknown"]
    word = next(iter(entries), "")
    return node.fail("a condition needs one of " + ", ".join(known), suggestion(word, known) if word else "")


def _by_name(node: Node, entries: Mapping[str, Node]) -> dict[str, str]:
    spellings: dict[str, str] = {}
    for key in entries:
        if key.lower() in spellings:
            Node(None, node.keys[key]).fail(f"'{key}' stands here twice, as '{spellings[key.lower()]}' too")
        spellings[key.lower()] = key
    return spellings


def _only(node: Node, allowed: list[str]) -> None:
    node.check_keys(allowed, f"a condition with '{allowed[0]}'")


def _joined(node: Node, joiner: str, inner: Node, names: NameScope) -> Condition:
    _only(node, [key for key in node.mapping("a condition") if key.lower() == joiner])
    if joiner == "not":
        return Not(condition(inner, names))
    mistakes = Mistakes()
    parts = mistakes.each(inner.items("allOf and anyOf"), lambda item: condition(item, names))
    mistakes.raise_any()
    if not parts:
        inner.fail("allOf and anyOf need at least one condition")
    return AllOf(tuple(parts)) if joiner == "allof" else AnyOf(tuple(parts))


def _operator(node: Node, rest: set[str]) -> tuple[str, Node]:
    entries = node.mapping("a condition")
    operators = [word for word in entries if word.lower() not in rest]
    unknown = next((word for word in operators if word.lower() not in _OPERATORS), None)
    if unknown is not None:
        key = Node(None, node.keys[unknown])
        key.fail(f"there is no operator '{unknown}'", suggestion(unknown, [*OPERATORS, *rest]))
    if len(operators) != 1:
        node.fail("a condition needs exactly one operator" + (f", not {', '.join(operators)}" if operators else ""))
    return _OPERATORS[operators[0].lower()], entries[operators[0]]


def _undecidable(node: Node, key: str, names: NameScope) -> Undecidable:
    _only(node, [key])
    inner = node.mapping("a condition")[key]
    entries = inner.check_keys(("what", "why"), key)
    for needed in ("what", "why"):
        if needed not in entries:
            inner.fail(f"'unknown' needs '{needed}'", "say what the data does not show, and why")
        entries[needed].text(needed)
    return Undecidable(expression(entries["what"], names), expression(entries["why"], names))


def _days(node: Node, operator: str, names: NameScope) -> Expression:
    """Load the right side of an operator on ages: `{days: …}`."""
    entries = node.check_keys(("days",), operator)
    if "days" not in entries:
        node.fail(f"'{operator}' needs 'days'")
    days = entries["days"]
    if not _is_expression(days) and (isinstance(days.value, bool) or not isinstance(days.value, int | float)):
        days.fail(f"days must be a number, or an expression in brackets, not {kind_of(days.value)}")
    return expression(days, names)


def _leaf(node: Node, by_name: Mapping[str, str], names: NameScope) -> Leaf | Undecidable:
    entries = node.mapping("a condition")
    operator, right = _operator(node, {"field", "value", "default"})
    left: Field | Value
    if "field" in by_name:
        if "value" in by_name:
            node.fail("a condition reads a field or a value, not both")
        left = _field(entries[by_name["field"]], names)
    else:
        source = entries[by_name["value"]]
        left = Value(expression(source, names), str(source.plain()))
        if isinstance(left.expression, Call) and left.expression.function == "unknown":
            return Undecidable(*left.expression.arguments)
    if operator == "exists" and str(right.value).lower() not in {"true", "false"} and not _is_expression(right):
        right.fail("'exists' takes true or false")
    if isinstance(left, Field) and left.path.known is not None and left.path.known.holds is not None:
        literals.check(left.text, left.path.known.holds, operator, right)
    default = _default(entries[by_name["default"]]) if "default" in by_name else _azure_default(left, operator)
    load = _days(right, operator, names) if operator in AGES else expression(right, names)
    return Leaf(left, operator, load, ABSENT if default is None else default)


def _azure_default(left: Field | Value, operator: str) -> object:
    """Return what Azure applies where a property is absent; whether one exists is asked of the property itself."""
    if isinstance(left, Value) or left.path.known is None or operator == "exists":
        return ABSENT
    return left.path.known.default


def _is_expression(node: Node) -> bool:
    return isinstance(node.value, str) and expressions.is_expression(node.value)


def _default(node: Node) -> object:
    if _is_expression(node):
        node.fail("a default is what Azure applies: it must be a literal, not an expression")
    return expressions.unescape(node.value) if isinstance(node.value, str) else node.plain()


def _field(node: Node, names: NameScope) -> Field:
    text = node.text("field")
    path = _resolve(node, text, names)
    if EACH in _remaining(path.steps, names.members):
        node.fail(
            f"'{text}' means several values at once, which passes or fails by accident when there are none",
            "say every, any or none of them: every: {in: '…[*]', where: …}",
        )
    return Field(path, text)


def _resolve(node: Node, text: str, names: NameScope) -> ResolvedName:
    try:
        return _named(text, names)
    except UnknownName as problem:
        node.fail(f"{names.here.what} has no property '{text}' that rules may name so", str(problem))
    except ValueError as problem:
        node.fail(str(problem))


def _named(text: str, names: NameScope) -> ResolvedName:
    # a full alias: Microsoft.Network/privateEndpoints/privateLinkServiceConnections[*].groupIds
    types = names.catalogue.types() if "/" in text else []
    aliased = [name for name in types if text.lower().startswith(name.lower() + "/")]
    if not aliased:
        return names.here.resolve(text)
    resource_type = max(aliased, key=len)
    if names.here.is_fact or (names.here.what in types and names.here.what != resource_type):
        raise ValueError(f"'{text}' is a property of another type: {names.here.what} is read here")
    return names.catalogue.of_type(resource_type).resolve(text[len(resource_type) + 1 :])


def _remaining(steps: Steps, members: tuple[Steps, ...]) -> Steps:
    longest = max((len(member) for member in members if paths.starts_with(steps, member)), default=0)
    return steps[longest:]


def expression(node: Node, names: NameScope) -> Expression:
    """Load the right side of a condition: a literal, or an expression in brackets (also inside lists)."""
    if isinstance(node.value, list):
        inner = [expression(item, names) for item in node.value]
        if all(isinstance(item, Constant) for item in inner):
            return Constant([item.value for item in inner if isinstance(item, Constant)])
        node.fail("expressions inside a list are not supported", "use one expression: [createArray(…)]")
    if not isinstance(node.value, str):
        return Constant(node.plain())
    if not expressions.is_expression(node.value):
        return Constant(expressions.unescape(node.value))
    try:
        return expressions.parse(node.value, lambda function, text: _reference(function, text, names))
    except UnknownName as problem:
        node.fail(f"an unknown property in {node.value}", str(problem))
    except ValueError as problem:
        node.fail(str(problem))


def _reference(function: str, text: str, names: NameScope) -> ResolvedName | None:
    if function == "parameters":
        if text not in names.parameters:
            raise ValueError(
                f"the rule declares no parameter '{text}'; {suggestion(text, names.parameters)}".rstrip("; ")
            )
        return None
    if function == "subject":
        return names.subject.resolve(text)
    if function == "current":
        if text in names.values:
            return None
        path = _named(text, names)
        if EACH in _remaining(path.steps, names.members):
            raise ValueError(f"current('{text}') stands outside a count or quantifier over it")
        return path
    return _named(text, names)


def _quantifier(kind: Literal["every", "any", "none"], node: Node, names: NameScope) -> Quantifier:
    entries = node.check_keys(("in", "related", "where"), kind)
    if ("in" in entries) == ("related" in entries):
        node.fail(f"'{kind}' needs either 'in' (a list) or 'related' (a relation)")
    if "where" not in entries:
        node.fail(f"'{kind}' needs 'where'")
    of, inner = _members(entries.get("in"), entries.get("related"), names, node)
    return Quantifier(kind, of, condition(entries["where"], inner))


def _inside(node: Node, names: NameScope) -> NameScope:
    if names.nested >= MAX_MEMBERS:
        node.fail(f"counts and quantifiers are nested deeper than {MAX_MEMBERS}")
    return replace(names, nested=names.nested + 1)


def _members(
    listed: Node | None, relation: Node | None, names: NameScope, node: Node
) -> tuple[Elements | Relatives, NameScope]:
    names = _inside(node, names)
    if relation is not None:
        word = relation.text("related")
        navigation = names.catalogue.ways.get(word)
        if navigation is None:
            relation.fail(f"there is no relation '{word}'", suggestion(word, names.catalogue.ways))
        kinds = navigation.types
        here = names.catalogue.of_type(kinds[0]) if len(kinds) == 1 else Vocabulary("related resource", ())
        return Relatives(word), replace(names, here=here, members=())
    if listed is None:
        node.fail("a list or relation is missing")
    text = listed.text("a list")
    path = _resolve(listed, text, names)
    if path.steps[-1] is not EACH:
        listed.fail(f"'{text}' must end in [*]", f"write '{text}[*]'")
    return Elements(path, text), replace(names, members=(*names.members, path.steps))


def _count(node: Node, key: str, names: NameScope) -> Count:
    inner = node.mapping("a condition")[key]
    operator, right = _operator(node, {"count"})
    if operator in AGES:
        right.fail(f"a count is no time: '{operator}' does not fit it")
    entries = inner.check_keys(("field", "value", "name", "related", "where"), "count")
    if sum(word in entries for word in ("field", "value", "related")) != 1:
        inner.fail("count needs exactly one of 'field', 'value' and 'related'")
    of: Elements | Values | Relatives
    if "value" in entries:
        of, within = _values(inner, entries, names)
    else:
        of, within = _members(entries.get("field"), entries.get("related"), names, inner)
    where = condition(entries["where"], within) if "where" in entries else None
    return Count(of, where, operator, expression(right, names))


def _values(node: Node, entries: Mapping[str, Node], names: NameScope) -> tuple[Values, NameScope]:
    names = _inside(node, names)
    if "name" not in entries:
        node.fail("count of a value needs a 'name' for current('…')")
    name = entries["name"].text("name")
    source = entries["value"]
    values = Values(expression(source, names), name, _shown(source.plain()))
    return values, replace(names, values=names.values | {name})


def _shown(value: object) -> str:
    return value if isinstance(value, str) else "list"
