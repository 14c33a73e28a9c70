"""The manual page, from the same commands and options that `--help` shows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import typer

from auditor.cli import streams
from auditor.lazy_imports import lazy_imports
from auditor.report import pipeline_log

with lazy_imports(__name__):
    from auditor import shipped

_PARAGRAPH: Final = re.compile(r"\n\s*\n")
_VERBATIM: Final = "\b"
"""What begins a paragraph whose lines stay as they are."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(man)


def man(context: typer.Context) -> None:
    """Print the manual page: `auditor man > auditor.1`, then `man ./auditor.1`."""
    command = context.find_root().command
    name = command.name or ""
    root = typer.Context(command, info_name=name, **command.context_settings)
    with streams.output(None, pipeline_log.APART) as out:
        out.write("\n".join(_page(name, root)) + "\n")


def _page(name: str, root: typer.Context) -> Iterator[str]:
    """Yield the lines of the page in the macros of man(7)."""
    command = root.command
    yield f'.TH {_quoted(name.upper())} 1 "" {_quoted(f"{name} {shipped.tool_version()}")} {_quoted("User Commands")}'
    yield ".SH NAME"
    yield f"{_text(name)} \\- {_text((command.help or '').rstrip('.'))}"
    yield ".SH SYNOPSIS"
    yield f".B {_text(name)}"
    yield _text(" ".join(command.collect_usage_pieces(root)))
    yield ".SH OPTIONS"
    yield from _parameters(root)
    yield ".SH COMMANDS"
    yield from _commands(root)
    yield ".SH EXIT STATUS"
    yield from _prose(command.epilog or "")
    yield ".SH FILES"
    yield from _entry("auditor.toml", "Defaults of options, or [tool.auditor] in pyproject.toml.")


def _commands(context: typer.Context) -> Iterator[str]:
    for name, command in sorted(getattr(context.command, "commands", {}).items()):
        if command.hidden:
            continue
        own = typer.Context(command, info_name=name, parent=context)
        if getattr(command, "commands", None):
            yield from _commands(own)
            continue
        yield f".SS {_quoted(own.command_path)}"
        yield f".B {_text(own.command_path)}"
        yield _text(" ".join(command.collect_usage_pieces(own)))
        yield from _prose(command.help or "")
        yield from _parameters(own)
        yield from _prose(command.epilog or "")


def _parameters(context: typer.Context) -> Iterator[str]:
    for parameter in context.command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None:
            yield from _entry(*record)


def _entry(term: str, text: str) -> Iterator[str]:
    yield ".TP"
    yield f".B {_text(term)}"
    yield _text(" ".join(text.split())) or "\\&"


def _prose(text: str) -> Iterator[str]:
    for paragraph in _PARAGRAPH.split(text.strip("\n")):
        if paragraph.lstrip().startswith(_VERBATIM):
            yield from (".PP", ".nf")
            yield from map(_text, paragraph.replace(_VERBATIM, "").strip("\n").splitlines())
            yield ".fi"
        elif paragraph.strip():
            yield ".PP"
            yield _text(" ".join(paragraph.split()))


def _text(text: str) -> str:
    """Return text that no macro and no escape comes out of; hyphens stay what is typed."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-")
    escaped = "".join(sign if sign.isascii() else f"\\[u{ord(sign):04X}]" for sign in escaped)
    return f"\\&{escaped}" if escaped.startswith((".", "'")) else escaped


def _quoted(text: str) -> str:
    return f'"{_text(text)}"'
