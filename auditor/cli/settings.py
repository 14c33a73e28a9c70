"""Read `auditor.toml`, or `[tool.auditor]` in pyproject.toml: defaults for options, the nearest file upward wins."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from auditor.cli.lazy_imports import lazy_imports
from auditor.errors import ContentError

with lazy_imports(__name__):
    from auditor import yaml_source

# Who signs in, where credentials go and what is written. A file lies in a repository, whose next pull request would
# otherwise decide it: an `arm-endpoint` there would be sent the token of whoever runs the tool.
NEVER_FROM_FILE: Final = frozenset(
    {"arm-endpoint", "cloud", "tenant", "auth", "output", "snapshot", "resume", "history", "notify"}
)


def defaults(command: object) -> dict[str, Any]:
    """Return option defaults for every command that knows the option.

    ContentError for a key that no command has, that is never taken from a file, or that has a list for one value.
    """
    nearest = _nearest(Path.cwd())
    if nearest is None:
        return {}
    path, given = nearest
    known = _options(command)
    _refuse_reserved(path, given, known)
    for key, value in given.items():
        if _dashed(key) not in known:
            raise ContentError(f"{path}: there is no option '{key}'", yaml_source.suggestion(_dashed(key), known))
        if isinstance(value, list) and not any(parameter.multiple for parameter in known[_dashed(key)]):
            raise ContentError(f"{path}: '{key}' takes one value, not a list")
    return _spread(command, {_dashed(key): value for key, value in given.items()})


def _refuse_reserved(path: Path, given: Mapping[str, Any], known: Mapping[str, Sequence[Any]]) -> None:
    for key in _keys(given):
        name = _dashed(key).lower()
        if name in NEVER_FROM_FILE and name in known:
            variables = sorted({parameter.envvar for parameter in known[name] if parameter.envvar})
            raise ContentError(
                f"{path}: '{key}' is never taken from a file, which others may change",
                f"use {' or '.join([f'--{name}', *variables])}",
            )


def _keys(value: object) -> Iterator[str]:
    """Yield the keys of a table and of all that it holds."""
    if isinstance(value, dict):
        yield from value
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for part in inner:
        yield from _keys(part)


def _dashed(name: str) -> str:
    return name.replace("_", "-")


def _nearest(start: Path) -> tuple[Path, dict[str, Any]] | None:
    for folder in (start, *start.parents):
        own = folder / "auditor.toml"
        if own.is_file():
            return own, _read(own)
        project = folder / "pyproject.toml"
        if project.is_file():
            tools = _read(project).get("tool")
            section = tools.get("auditor") if isinstance(tools, dict) else None
            if isinstance(section, dict):
                return project, section
    return None


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as problem:
        if path.name == "pyproject.toml":
            return {}  # somebody else's file: not ours to complain about
        raise ContentError(f"{path}: cannot be read: {problem}") from problem


def _key(parameter: Any) -> str | None:
    """Return how the file names an option: its long form without dashes before it."""
    if parameter.param_type_name != "option":
        return None
    return next((str(text).removeprefix("--") for text in parameter.opts if text.startswith("--")), None)


def _options(command: Any) -> dict[str, list[Any]]:
    """Return by name the options of a command and of all below it."""
    options: dict[str, list[Any]] = {}
    for parameter in command.params:
        if key := _key(parameter):
            options.setdefault(key, []).append(parameter)
    for inner in getattr(command, "commands", {}).values():
        for key, parameters in _options(inner).items():
            options.setdefault(key, []).extend(parameters)
    return options


def _spread(command: object, given: dict[str, object]) -> dict[str, Any]:
    defaults_of: dict[str, Any] = {}
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
