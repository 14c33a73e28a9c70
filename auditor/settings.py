"""Read `auditor.toml`, or `[tool.auditor]` in pyproject.toml: defaults for options, the nearest file upward wins."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from auditor.errors import ContentError


def defaults(command: Any) -> dict[str, Any]:
    """Return option defaults for every command that knows the option. ContentError for a key that none has."""
    found = _nearest(Path.cwd())
    if found is None:
        return {}
    path, given = found
    known = _options(command)
    for key in given:
        if _dashed(key) not in known:
            from auditor.language.source import suggestion  # noqa: PLC0415 - loads the YAML reader: keep --help quick

            raise ContentError(f"{path}: there is no option '{key}'", suggestion(_dashed(key), known))
    return _spread(command, {_dashed(key): value for key, value in given.items()})


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


def _options(command: Any) -> set[str]:
    names = {key for parameter in command.params if (key := _key(parameter))}
    for inner in getattr(command, "commands", {}).values():
        names |= _options(inner)
    return names


def _spread(command: Any, given: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, inner in getattr(command, "commands", {}).items():
        own = {}
        for parameter in inner.params:
            key = _key(parameter)
            if key not in given or isinstance(given[key], list) > parameter.multiple:
                continue  # a list is for the commands that take several: `output` names formats, or one file
            own[parameter.name] = (
                [given[key]] if parameter.multiple and not isinstance(given[key], list) else given[key]
            )
        found[name] = own | _spread(inner, given)
    return found
