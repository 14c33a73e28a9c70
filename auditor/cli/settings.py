"""Read `auditor.toml`, or `[tool.auditor]` in pyproject.toml: defaults for options, the nearest file upward wins."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Protocol, get_type_hints

from msgspec import Struct

from auditor.errors import AuditorError, ContentError, Mistakes
from auditor.lazy_imports import lazy_imports

with lazy_imports(__name__):
    from auditor import yaml_source
    from auditor.cli import settings_model, toml_source
    from auditor.rulebook import validation

# Who signs in, where credentials go and what is written. A file lies in a repository, whose next pull request would
# otherwise decide it: an `arm-endpoint` there would be sent the token of whoever runs the tool.
NEVER_FROM_FILE: Final = frozenset(
    {
        *("arm-endpoint", "allow-endpoint", "cloud", "tenant", "auth"),
        *("output", "snapshot", "resume", "force", "history", "notify"),
        *("notify-format", "notify-set", "notify-dry-run", "older-than"),
        *("redaction-key", "keep-secrets", "key"),
        *("everything", "only-for"),
        "answers",  # whoever wrote them says what is not judged
        "dask",  # whoever answers there may run anything here
    }
)

_OWN_SECTION: Final = re.compile(r"^\s*\[+\s*[\"']?tool[\"']?\s*\.\s*[\"']?auditor\b", re.MULTILINE)


class _Parameter(Protocol):
    """What is asked of an option or argument, whichever Click the command line is built with."""

    @property
    def name(self) -> str | None: ...
    @property
    def multiple(self) -> bool: ...
    @property
    def opts(self) -> Sequence[str]: ...
    @property
    def param_type_name(self) -> str: ...
    @property
    def envvar(self) -> str | Sequence[str] | None: ...


class Command(Protocol):
    """What is asked of a command; a group has `commands` as well."""

    @property
    def params(self) -> Sequence[_Parameter]:
        """The options and arguments."""
        ...


class _File(Struct, frozen=True):
    """The file that holds the settings: its text, and the header of the section that they stand in."""

    path: Path
    text: str
    section: str | None
    values: Mapping[str, object]

    def node(self) -> yaml_source.Node:
        """Return the settings with their places, and with dashes in their names as options have them."""
        node = toml_source.nodes_of(self.values, self.text, str(self.path), self.section)
        entries = node.mapping("the settings")
        return yaml_source.Node(
            {_dashed(key): inner for key, inner in entries.items()},
            node.mark,
            {_dashed(key): place for key, place in node.keys.items()},
        )


def defaults(command: Command) -> dict[str, object]:
    """Return option defaults for every command that knows the option.

    ContentError for all keys that no command has, that are never taken from a file, or whose value no option takes.
    """
    file = _found()
    if file is None:
        return {}
    node, known = file.node(), _options(command)
    mistakes = Mistakes()
    mistakes.of(_refuse_reserved, node, known)
    checked = mistakes.of(validation.check, _without_reserved(node, known), model_of(command))
    if checked is None:
        raise mistakes.error()
    mistakes.raise_any()
    return _spread(command, checked.model_dump(by_alias=True, exclude_unset=True, mode="json"))


def are_there() -> bool:
    """Whether there is a file with settings, be they right or wrong."""
    try:
        return _found() is not None
    except AuditorError:
        return True


def _found() -> _File | None:
    try:
        folder = Path.cwd()
    except OSError as problem:
        raise AuditorError("the working directory is not there any more", "go to one that is") from problem
    return _nearest(folder)


def _refuse_reserved(node: yaml_source.Node, known: Mapping[str, Sequence[_Parameter]]) -> None:
    mistakes = Mistakes()
    for key, place in _keys(node):
        name = _dashed(key).lower()
        if _is_reserved(key, known):
            variables = sorted({parameter.envvar for parameter in known[name] if isinstance(parameter.envvar, str)})
            mistakes.add(
                ContentError(
                    f"{place}: '{key}' is never taken from a file, which others may change",
                    f"use {' or '.join([f'--{name}', *variables])}",
                )
            )
    mistakes.raise_any()


def _is_reserved(key: str, known: Mapping[str, Sequence[_Parameter]]) -> bool:
    return _dashed(key).lower() in NEVER_FROM_FILE & known.keys()


def _without_reserved(node: yaml_source.Node, known: Mapping[str, Sequence[_Parameter]]) -> yaml_source.Node:
    """Return the settings without what is refused already, so that it is not refused twice."""
    kept = {
        key: inner
        for key, inner in node.mapping("the settings").items()
        if not _is_reserved(key, known) and not any(_is_reserved(below, known) for below, _ in _keys(inner))
    }
    return yaml_source.Node(kept, node.mark, node.keys)


def _keys(node: yaml_source.Node) -> Iterator[tuple[str, object]]:
    """Yield the keys of a table and of all that it holds, with their places."""
    if isinstance(node.value, dict):
        yield from node.keys.items()
    inner = node.value.values() if isinstance(node.value, dict) else node.value if isinstance(node.value, list) else ()
    for part in inner:
        yield from _keys(part)


def model_of(command: Command) -> type[validation.Document]:
    """Return the model of a settings file: one optional key for each option of the command and of all below it."""
    return settings_model.model_of({key: _declared(command, key) for key in sorted(_options(command))})


def _declared(command: Command, key: str) -> settings_model.OptionSetting:
    """Return what is declared of an option, by whichever command takes most: one value, or several."""
    parameters = _options(command)[key]
    first = parameters[0]
    return settings_model.OptionSetting(
        meaning=getattr(first, "help", None) or "",
        takes=_type_of(command, key),
        is_repeatable=any(parameter.multiple for parameter in parameters),
    )


def _type_of(command: Command, key: str) -> Any:
    """Return the type that a command's function gives an option, or text where it says none."""
    for parameter in command.params:
        if _key(parameter) == key:
            function = getattr(command, "callback", None)
            return get_type_hints(function).get(parameter.name or "", str) if function is not None else str
    below = (_type_of(inner, key) for inner in getattr(command, "commands", {}).values())
    return next((known for known in below if known is not None), None)


def _dashed(name: str) -> str:
    return name.replace("_", "-")


def _nearest(start: Path) -> _File | None:
    for folder in (start, *start.parents):
        own = folder / "auditor.toml"
        if own.is_file():
            text = _text(own)
            return _File(own, text, None, _parsed(own, text))
        project = folder / "pyproject.toml"
        if project.is_file():
            text = _text(project)
            tools = _parsed(project, text).get("tool")
            section = tools.get("auditor") if isinstance(tools, dict) else None
            if isinstance(section, dict):
                return _File(project, text, "tool.auditor", section)
    return None


def _text(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return stream.read(yaml_source.MAX_BYTES + 1).decode()
    except (OSError, UnicodeDecodeError) as problem:
        if path.name == "pyproject.toml":
            return ""  # somebody else's file: not ours to complain about
        raise ContentError(f"{path}: cannot be read: {problem}") from problem


@lru_cache(maxsize=1)
def _parsed(path: Path, text: str) -> Mapping[str, object]:
    """Return what a file says; one of somebody else's that cannot be read says nothing, unless it speaks of us."""
    try:
        return toml_source.parse(text, str(path))
    except ContentError:
        if path.name == "pyproject.toml" and not _OWN_SECTION.search(text):
            return {}
        raise


def _key(parameter: _Parameter) -> str | None:
    """Return how the file names an option: its long form without dashes before it."""
    if parameter.param_type_name != "option":
        return None
    return next((str(text).removeprefix("--") for text in parameter.opts if text.startswith("--")), None)


def variables(command: Command) -> frozenset[str]:
    """Return the environment variables that stand for options of a command and of all below it."""
    parameters = (one for listed in _options(command).values() for one in listed)
    given = (one.envvar for one in parameters if one.envvar)
    return frozenset(name for names in given for name in ([names] if isinstance(names, str) else names))


def _options(command: Command) -> dict[str, list[_Parameter]]:
    """Return by name the options of a command and of all below it."""
    options: dict[str, list[_Parameter]] = {}
    for parameter in command.params:
        if key := _key(parameter):
            options.setdefault(key, []).append(parameter)
    for inner in getattr(command, "commands", {}).values():
        for key, parameters in _options(inner).items():
            options.setdefault(key, []).extend(parameters)
    return options


def _spread(command: Command, given: dict[str, object]) -> dict[str, object]:
    defaults_of: dict[str, object] = {}
    for name, inner in getattr(command, "commands", {}).items():
        own = {}
        for parameter in inner.params:
            key = _key(parameter)
            if key not in given:
                continue
            own[parameter.name] = (
                [given[key]] if parameter.multiple and not isinstance(given[key], list) else given[key]
            )
        defaults_of[name] = own | _spread(inner, given)
    return defaults_of
