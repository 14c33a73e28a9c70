"""Check what a file holds against its model: every mistake at once, each with its place and what was probably meant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import UnionType
from typing import Annotated, Any, ClassVar, Final, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, StringConstraints, Tag, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails, PydanticCustomError

from auditor.errors import ContentError
from auditor.yaml_source import Node, kind_alone, kind_of, near, suggestion

ALTERNATIVE: Final = "~"
"""What the tag of an alternative begins with, so that no key of a file can be taken for one."""

_WANTED: Final = {
    "string_type": "must be text",
    "string_pattern_mismatch": "must be text",
    "list_type": "must be a list",
    "dict_type": "must be a mapping",
    "model_type": "must be a mapping",
    "bool_type": "must be true or false",
}
_MAPPINGS: Final = frozenset({"dict_type", "model_type"})

Text = Annotated[str, StringConstraints(pattern=r"\S")]
"""Text that says something."""


class Document(BaseModel):
    """What a file, or a part of one, may hold.

    `called` is what its author calls it: "a rule", "an example"; `also` are keys that would make it another document.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, use_attribute_docstrings=True, defer_build=True)
    called: ClassVar[str]
    also: ClassVar[tuple[str, ...]] = ()


Checked = TypeVar("Checked", bound=Document)


def mistake(message: str, hint: str = "") -> PydanticCustomError:
    """Return the error that a model's own validator raises; braces in a text stay as they are."""
    return PydanticCustomError("mistake", "{message}", {"message": message, "hint": hint})


def check(node: Node, model: type[Checked]) -> Checked:
    """Return a node's content as its model. ContentError with all mistakes, in the order of the file."""
    try:
        return model.model_validate(node.plain())
    except ValidationError as problem:
        errors = problem.errors(include_url=False)
    mistakes = [_Mistake(node, model, error) for error in errors]
    meant = {(one.node.mark, name) for one in mistakes for name in one.meant}
    listed = [one for one in mistakes if (one.node.mark, one.missing) not in meant]
    raise ContentError.joined(single for one in sorted(listed, key=lambda one: one.order) for single in one.problems)


class _Mistake:
    """One error of pydantic's, brought to its place in the file. `node` is where it lies, or the mapping around a key."""

    def __init__(self, node: Node, model: type[Document], error: ErrorDetails) -> None:
        self._error = error
        path = error["loc"]
        is_of_key = error["type"] in {"extra_forbidden", "missing"}
        self._key = str(path[-1]) if is_of_key else ""
        self._path = path[:-1] if is_of_key else path
        self.node = node.child(*self._path)  # tags of alternatives lead nowhere
        self._options = list(_options(_type_at(model, self._path)))
        self.missing = self._key if error["type"] == "missing" else None
        self.problems = tuple(self._problems())
        place = self.node.keys[self._key] if error["type"] == "extra_forbidden" else self.node.mark
        self.order = (place.line, place.column)

    @property
    def meant(self) -> Sequence[str]:
        """The keys that an unknown one was probably meant to be; that these are missing need not be said again."""
        return near(self._key, self._known()) if self._error["type"] == "extra_forbidden" else ()

    def _known(self) -> list[str]:
        """Return the keys that may stand here."""
        return sorted({name for _, option in self._options for name in (*_fields(option), *option.also)})

    def _called(self) -> str:
        return next((option.called for _, option in self._options), "a file")

    def _problems(self) -> Iterator[ContentError]:
        kind, given = self._error["type"], self._error["input"]
        if kind == "extra_forbidden":
            yield self._unknown(self._key)
        elif kind == "missing":
            fields = [_fields(option)[self._key] for _, option in self._options if self._key in _fields(option)]
            meaning = next((field.description for field in fields if field.description), "")
            yield self._at(f"{self._called()} needs '{self._key}'", meaning[:1].lower() + meaning[1:].rstrip("."))
        elif kind == "too_short":
            yield self._at(f"{self._label()} must hold at least one")
        elif kind in _WANTED:
            told = kind_alone if kind in _MAPPINGS else kind_of
            yield self._at(f"{self._label()} {_WANTED[kind]}, not {told(given)}")
        elif kind == "union_tag_not_found" and not isinstance(given, Mapping):
            yield self._at(f"{self._label()} must be a mapping, not {kind_alone(given)}")
        elif kind == "union_tag_not_found":
            unknown = [key for key in given if key not in self._known()]
            yield from map(self._unknown, unknown)
            if not unknown:
                one_of = ", ".join(f"'{tag.removeprefix(ALTERNATIVE)}'" for tag, _ in self._options)
                yield self._at(f"{self._called()} needs one of {one_of}")
        elif kind == "literal_error":
            yield self._at(f"'{given}' is no {self._label()}", f"use {self._error['ctx']['expected']}")
        elif kind == "mistake":
            yield self._at(self._error["ctx"]["message"], self._error["ctx"]["hint"])
        else:
            yield self._at(f"{self._label()}: {self._error['msg']}")

    def _unknown(self, key: str) -> ContentError:
        known = self._known()
        tag = next((part for part in reversed(self._error["loc"]) if str(part).startswith(ALTERNATIVE)), None)
        if key in known and tag is not None:
            return ContentError(f"{self.node.keys[key]}: '{key}' does not go with '{str(tag)[1:]}' in {self._called()}")
        return ContentError(
            f"{self.node.keys[key]}: unknown key '{key[:60]}' in {self._called()}", suggestion(key, known)
        )

    def _label(self) -> str:
        names = [part for part in self._path if not str(part).startswith(ALTERNATIVE)]
        name = next((str(part) for part in reversed(names) if isinstance(part, str)), self._called())
        return f"each of {name}" if names and isinstance(names[-1], int) else name

    def _at(self, message: str, hint: str = "") -> ContentError:
        return ContentError(f"{self.node.mark}: {message}", hint)


def _fields(document: type[Document]) -> Mapping[str, FieldInfo]:
    """Return a document's fields as a file spells them."""
    return {field.alias or name: field for name, field in document.model_fields.items()}


def _options(annotation: Any, tag: str = "") -> Iterator[tuple[str, type[Document]]]:
    """Yield the documents that may stand where a type is asked for, each with the tag of its alternative."""
    origin = get_origin(annotation)
    if origin is Annotated:
        inner, *remarks = get_args(annotation)
        yield from _options(inner, next((one.tag for one in remarks if isinstance(one, Tag)), tag))
    elif origin in {Union, UnionType}:
        for inner in get_args(annotation):
            yield from _options(inner)
    elif isinstance(annotation, type) and issubclass(annotation, Document):
        yield tag, annotation


def _type_at(annotation: Any, path: Sequence[int | str]) -> Any:
    """Return the type that a model asks for at a path; of a chosen alternative all that stand beside it, too."""
    for part in path:
        if not str(part).startswith(ALTERNATIVE):
            annotation = _step(annotation, part)
    return annotation


def _step(annotation: Any, part: int | str) -> Any:
    origin = get_origin(annotation)
    if origin is Annotated:
        return _step(get_args(annotation)[0], part)
    if origin in {Union, UnionType}:
        steps = [_step(inner, part) for inner in get_args(annotation)]
        return next((step for step in steps if step is not None), None)
    if origin in {list, dict}:
        return get_args(annotation)[-1]
    if isinstance(annotation, type) and issubclass(annotation, Document):
        field = _fields(annotation).get(str(part))
        return None if field is None else field.annotation
    return None
