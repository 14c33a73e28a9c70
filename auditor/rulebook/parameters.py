"""Parameters: what a baseline declares that an organisation may set, and how it is set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from auditor.errors import ContentError
from auditor.language.operators import equals
from auditor.lazy_imports import lazy_imports
from auditor.yaml_source import Node, kind_of, load_text, suggestion

with lazy_imports(__name__):
    from auditor.rulebook import documents

_TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "array": (list,),
    "object": (dict,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
}


class Parameter(Struct, frozen=True):
    """A value that may be set. `type` is array, object, string, integer, number or boolean."""

    name: str
    type: str
    default: Any = None
    has_default: bool = False
    allowed: Sequence[Any] = ()
    description: str = ""

    def problem_with(self, value: object) -> str | None:
        """Return why a value does not fit, or None."""
        kinds = _TYPES[self.type]
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            return f"parameter '{self.name}' must be of type {self.type}, not {kind_of(value)}"
        given = value if isinstance(value, list) else [value]
        if self.allowed and not all(any(equals(element, item) for item in self.allowed) for element in given):
            return f"parameter '{self.name}' must be one of {', '.join(map(str, self.allowed))}"
        return None


def declared(name: str, document: documents.ParameterDocument, node: Node) -> Parameter:
    """Return a declared parameter. ContentError where its default does not fit what it declares."""
    has_default = "default" in document.model_fields_set
    description = " ".join(document.description.split())
    parameter = Parameter(name, document.type, document.default, has_default, document.allowed, description)
    if has_default and (problem := parameter.problem_with(parameter.default)):
        node.child("default").fail(problem)
    return parameter


def assigned(parameter: Parameter, present: object, node: Node) -> object:
    """Return a parameter's value after one more setting: of an object only the keys given, null for the default.

    ContentError where the value does not fit, or where a key is none of the declared default's.
    """
    if node.value is None:
        return parameter.default
    value = _merged(present, parameter.default, node)
    if problem := parameter.problem_with(value):
        node.fail(problem)
    return value


def _merged(present: object, default: object, node: Node) -> object:
    if isinstance(present, dict) and isinstance(node.value, dict):
        known = default if isinstance(default, dict) else {}
        return {**present, **{key: _member(key, present, known, inner) for key, inner in node.value.items()}}
    return node.plain()


def _member(key: str, present: Mapping[str, object], default: Mapping[str, object], node: Node) -> object:
    """Return what a key of an object becomes; any key may be set where the declared object has none."""
    if default and key not in default:
        node.fail(f"there is no '{key}' in this parameter", suggestion(key, default))
    declared_value = default.get(key)
    if declared_value is not None and node.value is not None and not _are_alike(declared_value, node.plain()):
        node.fail(f"'{key}' must be {_kind(declared_value)}, not {kind_of(node.value)}")
    return _merged(present.get(key), declared_value, node)


def _kind(value: object) -> str:
    return "text" if isinstance(value, str) else kind_of(value)


def _are_alike(old: object, new: object) -> bool:
    numbers = (int, float)
    if isinstance(old, bool) or isinstance(new, bool):
        return isinstance(old, bool) and isinstance(new, bool)
    return type(old) is type(new) or (isinstance(old, numbers) and isinstance(new, numbers))


def assignment(text: str) -> tuple[str, Node]:
    """Return the parameter and the value that `PARAMETER=VALUE` names; `min_instances.app_service=2` reaches inside."""
    name, sign, value = text.partition("=")
    keys = name.strip().split(".")
    if not sign or not keys[0]:
        raise ContentError(f"--set {text}: write PARAMETER=VALUE")
    node = load_text(value if value.strip() else "''", f"--set {name}")
    for key in reversed(keys[1:]):
        node = Node({key: node}, node.mark, {key: node.mark})
    return keys[0], node
