"""What a fact is: a derived object of one kind. A kind is a class, from which its fields, words and types come."""

from __future__ import annotations

import ast
import inspect
import json
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import Enum
from functools import cached_property
from itertools import pairwise
from types import UnionType
from typing import (
    Annotated,
    ClassVar,
    Final,
    Literal,
    TypeAlias,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from msgspec import Struct

from auditor import resource_id as ids
from auditor.azure.vocabulary import ValueType
from auditor.model import FindingSet, Gap, ItemSet

T = TypeVar("T")
Known: TypeAlias = T | Gap
"""A value, or why it is not known."""
S = TypeVar("S")
_HIDDEN: Final = "hidden"
_PLAIN: Final = frozenset((str, bool, int, float, type(None)))  # most values: they are JSON already, and no gaps
Hidden: TypeAlias = Annotated[T, _HIDDEN]
"""A field that rules do not see: what only the sentence, the witness or the remedy of a fact is made from."""


FieldNames: TypeAlias = Sequence[tuple[str, str]]
"""Fields of a record, each by its name and its JSON name."""


def given(value: Known[S], derive: Callable[[S], Known[T]]) -> Known[T]:
    """Return what follows from a value, or why the value is not known."""
    return value if isinstance(value, Gap) else derive(value)


class About(Struct, frozen=True, kw_only=True):
    """What a fact is about.

    `subject` is the id that findings are filed under, `sub_object` tells several facts of one subject apart,
    `inputs` are what the fact was derived from: pairs as `Fact.raw_inputs` returns.
    """

    subject: str
    sub_object: str = ""
    workload: str | None = None
    component: str | None = None
    inputs: Sequence[tuple[str, str]] = ()


class Record(Struct, frozen=True, kw_only=True, dict=True):
    """A part of a fact: an element of one of its lists, or an object in it. Subclasses are `frozen` and `kw_only`.

    A field's JSON name is its name in camel case (`policy_name` → `policyName`, `from_` → `from`). Its type says what
    conditions may compare it with, and `Known[…]` that it may be unknown; the text below it says what it means.
    A field that is None has no value: conditions find it absent. `json_names` are (field, JSON name) of each field.
    """

    json_names: ClassVar[FieldNames] = ()

    def body(self, fields: FieldNames | None = None) -> dict[str, object]:
        """Return the fields that are known as JSON, or some of them."""
        body: dict[str, object] = {}
        for name, json_name in self.json_names if fields is None else fields:
            value = getattr(self, name)
            if type(value) in _PLAIN:
                if value is not None:
                    body[json_name] = value
            elif not isinstance(value, Gap):
                body[json_name] = as_json(value)
        return body

    def gaps(self, prefix: str = "") -> Iterator[tuple[str, Gap]]:
        """Yield the path and the reason of each field that is not known, those inside lists and objects included."""
        for name, json_name in self.json_names:
            value = getattr(self, name)
            if type(value) in _PLAIN:
                continue
            if isinstance(value, Gap):
                yield f"{prefix}{json_name}", value
            elif isinstance(value, Record):
                yield from value.gaps(f"{prefix}{json_name}.")
            elif isinstance(value, tuple):
                for position, element in enumerate(value):
                    if isinstance(element, Record):
                        yield from element.gaps(f"{prefix}{json_name}[{position}].")


RecordClass = TypeVar("RecordClass", bound=Record)


def _declared(part: type[RecordClass]) -> type[RecordClass]:
    declared = {
        name: kind for base in reversed(part.__mro__) for name, kind in vars(base).get("__annotations__", {}).items()
    }
    seen = (name for name in part.__struct_fields__ if name != "about" and not _is_hidden(declared[name]))
    part.json_names = tuple((name, _camel_case(name)) for name in seen)
    return part


def _is_hidden(declared: object) -> bool:
    """Whether an annotation is `Hidden[…]`; as text, which they are as a rule, it need not be evaluated to tell."""
    if isinstance(declared, str):
        return declared.partition("[")[0].rpartition(".")[2] == "Hidden"
    return get_origin(declared) is Annotated and _HIDDEN in get_args(declared)


def _camel_case(name: str) -> str:
    first, *rest = name.strip("_").split("_")
    return first + "".join(word.capitalize() for word in rest)


def record(declared: type[RecordClass]) -> type[RecordClass]:
    """Give a subclass of `Record` the names of its fields in JSON."""
    return _declared(declared)


@record
class Fact(Record, frozen=True, kw_only=True):
    """A fact. Its kind is a subclass, declared with `@fact("family.kind", subject="what its findings are filed under")`.

    `presence` is the JSON name of the field that is 0 where the very thing that the fact is about does not exist.
    `grounds` names, for a field that only says whether or how many, the field that lists them, both by JSON name.
    """

    fact_kind: ClassVar[str]
    filed_under: ClassVar[str]
    presence: ClassVar[str | None] = None
    grounds: ClassVar[Mapping[str, str]] = {}
    about: About

    @property
    def id(self) -> str:
        """Return what identifies the fact in its estate: kind, subject and sub-object."""
        part = f"#{self.about.sub_object.lower()}" if self.about.sub_object else ""
        return f"{self.fact_kind}:{ids.key(self.about.subject)}{part}"

    def sentence(self) -> str:
        """Return what the fact says, for the message of a finding; empty where a rule's leaves say it better."""
        return ""

    def witness(self) -> Mapping[str, object] | None:
        """Return the concrete counter-example (a packet, an operation), JSON-shaped, or None."""
        return None

    def raw_inputs(self) -> Sequence[tuple[str, str]]:
        """Return what it was derived from, the weightiest first: (resource id, property path) pairs.

        `related(NAME)` in place of a path stands for what that relation leads to, a type for all its resources there.
        """
        return self.about.inputs

    def rests_on(self, fields: Sequence[str]) -> FindingSet | None:
        """Return the whole set that a failure is about whose conditions read these fields (JSON names, first steps).

        None where it is about no set.
        """
        listed = dict.fromkeys(self.grounds.get(name, name) for name in fields)
        items = [item for json_name in listed for item in self._items(json_name)]
        return (
            ItemSet(" and ".join(sorted(listed)), tuple(sorted(set(items), key=lambda item: (item.lower(), item))))
            if items
            else None
        )

    def _items(self, json_name: str) -> Iterator[str]:
        value = next((getattr(self, name) for name, other in self.json_names if other == json_name), None)
        for element in value if isinstance(value, tuple) else ():
            plain = as_json(element)
            yield plain if isinstance(plain, str) else json.dumps(plain, sort_keys=True, ensure_ascii=False)

    def remedy(self) -> str | None:
        """Return the command that would mend what is wrong, or None where the rule's own has to do."""
        return None


FactClass = TypeVar("FactClass", bound=Fact)


def fact(kind: str, *, subject: str) -> Callable[[type[FactClass]], type[FactClass]]:
    """Make a subclass of `Fact` the kind of facts that rules call by this name.

    `subject` says what its facts are about, and findings on them are filed under: `the subnet`.
    """

    def declare(declared: type[FactClass]) -> type[FactClass]:
        declared.fact_kind, declared.filed_under = kind, subject
        return _declared(declared)

    return declare


def as_json(value: object) -> object:
    """Return a field's value as JSON."""
    if type(value) in _PLAIN:
        return value
    match value:
        case Record():
            return value.body()
        case Enum():
            return value.value
        case tuple() | list():
            return [as_json(element) for element in value]
        case Mapping():
            return {name: as_json(inner) for name, inner in value.items()}
        case _:
            return value


class FactField(Struct, frozen=True):
    """A field of a kind as rules see it: its path (`zones[*].name`), what it can hold, and whether it may be unknown."""

    path: str
    holds: ValueType
    may_be_unknown: bool = False


class Schema(Struct, frozen=True, dict=True):
    """What rules may read of facts of one kind."""

    record: type[Fact]

    @cached_property
    def fields(self) -> Mapping[str, FactField]:
        """Return the fields by path, in the order of their declaration; a list's elements follow the list."""
        return {field.path: field for field in _fields_of(self.record, "")}

    @cached_property
    def words(self) -> Mapping[str, str]:
        """Return what each field means, by path. Reads the source of the class: for readers, not for judging."""
        return dict(_words_of(self.record, ""))


_JSON_TYPES: Mapping[object, str] = {bool: "boolean", int: "number", float: "number", str: "text"}


def _fields_of(record: type[Record], prefix: str) -> Iterator[FactField]:
    hints = get_type_hints(record)
    for name, json_name in record.json_names:
        alternatives = _alternatives(hints[name])
        path = f"{prefix}{json_name}"
        yield FactField(path, _holds(alternatives), Gap in alternatives)
        for alternative in alternatives:
            yield from _inner_fields(alternative, path)


def _inner_fields(declared: object, path: str) -> Iterator[FactField]:
    if inner := _record_in(declared):
        yield from _fields_of(inner, f"{path}[*]." if get_origin(declared) is tuple else f"{path}.")
    elif get_origin(declared) is tuple:
        yield FactField(f"{path}[*]", _holds(_alternatives(get_args(declared)[0])))


def _holds(alternatives: Sequence[object]) -> ValueType:
    """Return what a field with a union of types can hold; plain text among them may be any text."""
    types = dict.fromkeys(_json_type(alternative) for alternative in alternatives if alternative is not Gap)
    values = () if str in alternatives else [value for alternative in alternatives for value in _values(alternative)]
    return ValueType(tuple(types), tuple(values))


def _record_in(declared: object) -> type[Record] | None:
    element = get_args(declared)[0] if get_origin(declared) is tuple else declared
    return element if inspect.isclass(element) and issubclass(element, Record) else None


def _alternatives(declared: object) -> tuple[object, ...]:
    return get_args(declared) if get_origin(declared) in {Union, UnionType} else (declared,)


def _json_type(declared: object) -> str:
    if declared is type(None):
        return "absent"
    if get_origin(declared) is tuple:
        return "list"
    if get_origin(declared) is Literal or (inspect.isclass(declared) and issubclass(declared, Enum)):
        return "text"
    return _JSON_TYPES.get(declared, "object")


def _values(declared: object) -> tuple[str, ...]:
    if get_origin(declared) is Literal:
        return tuple(str(value) for value in get_args(declared))
    if inspect.isclass(declared) and issubclass(declared, Enum):
        return tuple(str(member.value) for member in declared)
    return ()


def _words_of(record: type[Record], prefix: str) -> Iterator[tuple[str, str]]:
    hints = get_type_hints(record)
    below = _texts_below_fields(record)
    for name, json_name in record.json_names:
        path = f"{prefix}{json_name}"
        yield path, below.get(name, "")
        for alternative in _alternatives(hints[name]):
            if inner := _record_in(alternative):
                yield from _words_of(inner, f"{path}[*]." if get_origin(alternative) is tuple else f"{path}.")


def _texts_below_fields(record: type[Record]) -> Mapping[str, str]:
    body = ast.parse(textwrap.dedent(inspect.getsource(record))).body[0]
    texts: dict[str, str] = {}
    statements = body.body if isinstance(body, ast.ClassDef) else []
    for field, text in pairwise(statements):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(text, ast.Expr):
            words = text.value.value if isinstance(text.value, ast.Constant) else None
            texts[field.target.id] = inspect.cleandoc(words) if isinstance(words, str) else ""
    return texts
