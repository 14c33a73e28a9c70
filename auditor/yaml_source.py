"""Read YAML 1.2 (core schema) into nodes that know where they stand; refuse what a hostile file could abuse."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple, NoReturn

from msgspec import Struct, field

from auditor.errors import ContentError
from auditor.lazy_imports import lazy_imports

with lazy_imports(__name__):
    import yaml

MAX_BYTES: Final = 256 * 1024
MAX_DEPTH: Final = 64
_INTEGER: Final = re.compile(r"[-+]?[0-9]{1,18}")
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]{1,3})?")
_NUMERIC: Final = frozenset("+-.0123456789")
_CONSTANTS: Final[Mapping[str, bool | None]] = {
    "": None,
    "~": None,
    **dict.fromkeys(("null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}

_NOTED: Final[ContextVar[set[Path] | None]] = ContextVar("noted", default=None)

Scalar = str | int | float | bool | None


class Mark(NamedTuple):
    """A place in a file; line and column count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class Node(Struct, frozen=True):
    """A YAML value with its place. `value` is a scalar, a list of nodes, or nodes by key; `keys` are the keys' places."""

    value: Scalar | list[Node] | dict[str, Node]
    mark: Mark
    keys: Mapping[str, Mark] = field(default_factory=dict)

    def plain(self) -> object:
        """Return the value as plain Python data."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value

    def child(self, *keys: str | int) -> Node:
        """Return the node at keys and numbers that are there; the last one before a gap where they are not."""
        node = self
        for key in keys:
            if isinstance(node.value, dict) and key in node.value:
                node = node.value[str(key)]
            elif isinstance(node.value, list) and isinstance(key, int):
                node = node.value[key]
        return node

    def fail(self, message: str, hint: str = "") -> NoReturn:
        """Raise a ContentError that points here."""
        raise ContentError(f"{self.mark}: {message}", hint)

    def mapping(self, what: str) -> dict[str, Node]:
        """Return the node's entries, or fail saying what should be a mapping."""
        if not isinstance(self.value, dict):
            self.fail(f"{what} must be a mapping, not {kind_alone(self.value)}")
        return self.value

    def items(self, what: str) -> list[Node]:
        """Return the node's elements, or fail saying what should be a list."""
        if not isinstance(self.value, list):
            self.fail(f"{what} must be a list, not {kind_of(self.value)}")
        return self.value

    def text(self, what: str) -> str:
        """Return a non-empty string, or fail saying what should be one."""
        if not isinstance(self.value, str) or not self.value.strip():
            self.fail(f"{what} must be text, not {kind_of(self.value)}")
        return self.value

    def check_keys(self, allowed: Iterable[str], what: str) -> dict[str, Node]:
        """Return the entries of a mapping whose keys are all allowed, or fail at the first that is not."""
        entries, names = self.mapping(what), list(allowed)
        for key in entries:
            if key not in names:
                raise ContentError(f"{self.keys[key]}: unknown key '{key[:60]}' in {what}", suggestion(key, names))
        return entries


def kind_of(value: object) -> str:
    """Return what a user calls a YAML value."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return f"the text '{value[:40]}'" if value.strip() else "empty text"
        case list():
            return "a list"
        case _:
            return "a mapping"


def kind_alone(value: object) -> str:
    """Return the same without any of a text: what is no mapping may be another file than was meant, with a secret in it."""
    return "text" if isinstance(value, str) else kind_of(value)


def near(word: str, known: Iterable[str]) -> list[str]:
    """Return the known words, at most two, that a misspelt one was probably meant to be; the likeliest first."""
    by_lower = {name.lower(): name for name in sorted(known)}
    alike = difflib.get_close_matches(word[:100].lower(), list(by_lower), n=2, cutoff=0.6)
    return [by_lower[name] for name in alike]


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return "did you mean …?", or the known words where none is near and they are few."""
    names = sorted(known)
    if alike := near(word, names):
        return "did you mean " + " or ".join(f"'{name}'" for name in alike) + "?"
    return f"known: {', '.join(names)}" if names and len(names) <= 30 else ""


@contextmanager
def noting() -> Iterator[set[Path]]:
    """Give the files that are read as long as the block runs."""
    noted: set[Path] = set()
    token = _NOTED.set(noted)
    try:
        yield noted
    finally:
        _NOTED.reset(token)


def note(path: Path) -> None:
    """Count a file as read, for whoever asked for those that are."""
    if (noted := _NOTED.get()) is not None:
        noted.add(path)


@cache
def yaml_loader() -> type[yaml.CSafeLoader | yaml.SafeLoader]:
    """Return what reads YAML: libyaml where the wheel has it, ten times faster."""
    found: type[yaml.CSafeLoader | yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return found


def load_file(path: Path, shown_as: str | None = None) -> Node:
    """Read one YAML file. ContentError says what is wrong with the file and where."""
    name = shown_as or str(path)
    note(path)
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as problem:
        raise ContentError(f"{name}: cannot be read: {problem.strerror or problem}") from problem
    if len(data) > MAX_BYTES:
        raise ContentError(
            f"{name}: larger than {MAX_BYTES // 1024} KiB", "split it, or check that it is the right file"
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        line = data.count(b"\n", 0, problem.start) + 1
        column = problem.start - data.rfind(b"\n", 0, problem.start)
        raise ContentError(f"{name}:{line}:{column}: is not UTF-8 text", "save the file as UTF-8") from problem
    return load_text(text, name)


def load_text(text: str, name: str) -> Node:
    """Read one YAML document. Anchors, aliases, tags, merge keys, duplicate keys and deep nesting are refused."""
    try:
        reader = yaml_loader()(text)
        try:
            return _document(iter(reader.get_event, None), name)
        finally:
            reader.dispose()
    except UnicodeEncodeError as problem:
        raise ContentError(f"{_place(name, text, problem.start)}: is not text that UTF-8 can write") from problem
    except yaml.reader.ReaderError as problem:
        unprintable = next((at for at, letter in enumerate(text) if not _is_printable(letter)), 0)
        reason = f"not valid YAML: {problem.reason}"
        raise ContentError(f"{_place(name, text, unprintable)}: {reason}", "remove the control character") from problem
    except yaml.YAMLError as problem:
        mark = getattr(problem, "problem_mark", None)
        place = f"{name}:{mark.line + 1}:{mark.column + 1}" if mark else _place(name, text, 0)
        reason = getattr(problem, "problem", None) or str(problem).splitlines()[0]
        lines = text.splitlines()
        tabbed = mark is not None and mark.line < len(lines) and "\t" in lines[mark.line]
        hint = "indent with spaces, not tabs" if tabbed else ""
        raise ContentError(f"{place}: not valid YAML: {reason}", hint) from problem


def _place(name: str, text: str, at: int) -> str:
    return f"{name}:{text.count(chr(10), 0, at) + 1}:{at - text.rfind(chr(10), 0, at)}"


def _is_printable(letter: str) -> bool:
    return letter in "\t\n\r\x85" or not (letter < " " or "\x7f" <= letter <= "\x9f" or letter in "\ufffe\uffff")


def _document(events: Iterator[yaml.Event], name: str) -> Node:
    for event in events:
        if isinstance(event, yaml.StreamEndEvent):
            raise ContentError(f"{name}:1:1: is empty")
        if isinstance(event, yaml.DocumentStartEvent):
            break
    node = _node(next(events), events, name, 0)
    next(events)
    if not isinstance(after := next(events), yaml.StreamEndEvent):
        raise ContentError(f"{_mark(after, name)}: holds more than one document", "write one file for each")
    return node


def _mark(event: yaml.Event, name: str) -> Mark:
    start = event.start_mark
    return Mark(name, start.line + 1, start.column + 1) if start else Mark(name, 1, 1)


def _node(event: yaml.Event, events: Iterator[yaml.Event], name: str, depth: int) -> Node:
    mark = _mark(event, name)
    if not isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent) or event.anchor:
        raise ContentError(f"{mark}: anchors and aliases are not allowed", "write the value out")
    if event.tag and event.tag != "!":
        raise ContentError(f"{mark}: tags such as '{event.tag[:60]}' are not allowed")
    if depth > MAX_DEPTH:
        raise ContentError(f"{mark}: nested deeper than {MAX_DEPTH} levels")
    if isinstance(event, yaml.ScalarEvent):
        return Node(_scalar(event), mark)
    if isinstance(event, yaml.SequenceStartEvent):
        return Node(_sequence(events, name, depth), mark)
    return _mapping(mark, events, name, depth)


def _sequence(events: Iterator[yaml.Event], name: str, depth: int) -> list[Node]:
    found = []
    while not isinstance(event := next(events), yaml.SequenceEndEvent):
        found.append(_node(event, events, name, depth + 1))
    return found


def _mapping(mark: Mark, events: Iterator[yaml.Event], name: str, depth: int) -> Node:
    entries: dict[str, Node] = {}
    keys: dict[str, Mark] = {}
    while not isinstance(event := next(events), yaml.MappingEndEvent):
        text, place = _key(event, events, name, depth)
        if text in entries:
            raise ContentError(f"{place}: key '{text[:60]}' stands here twice; first at line {keys[text].line}")
        keys[text] = place
        entries[text] = _node(next(events), events, name, depth + 1)
    return Node(entries, mark, keys)


def _key(event: yaml.Event, events: Iterator[yaml.Event], name: str, depth: int) -> tuple[str, Mark]:
    """Return a key and its place; that it is text, and nothing else, is seen without making a node of it."""
    if not isinstance(event, yaml.ScalarEvent) or event.anchor or event.tag:
        _node(event, events, name, depth + 1).fail("a key must be text")
    text: str = event.value
    if text == "<<":
        Node(None, _mark(event, name)).fail("merge keys are not allowed")
    return text, _mark(event, name)


def _scalar(event: yaml.ScalarEvent) -> Scalar:
    text: str = event.value
    if not event.implicit[0]:
        return text
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if text[0] not in _NUMERIC:  # most texts are words
        return text
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        number = float(text)
        return number if math.isfinite(number) else text
    return text
