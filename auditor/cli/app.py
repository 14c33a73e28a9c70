"""Put the commands together, all or the one that is run, and turn what goes wrong into one line and an exit code."""

from __future__ import annotations

import atexit
import gc
import logging
import os
import sys
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Annotated, Final, NoReturn

import typer
from typer.main import get_command

from auditor.cli import streams
from auditor.cli.context import INTERRUPTED, NO_ANSWER
from auditor.cli.plain_values import take_plain_values
from auditor.errors import AuditorError, ContentError, Interrupted
from auditor.lazy_imports import lazy_imports

with lazy_imports(__name__):
    from auditor import shipped
    from auditor.cli import (
        access,
        bundle,
        catalogue,
        collect,
        content,
        control,
        diff,
        evaluate,
        exemption,
        fact,
        history,
        keys,
        man_page,
        network,
        ratchet,
        settings,
        snapshot,
        variables,
        why,
    )

MISTAKES_SHOWN = 50
_PREFIX: Final = "AUDITOR_"
_QUIET: Final = frozenset({"-q", "--quiet", "AUDITOR_QUIET"})
_OBJECTS = 50_000
"""So many new objects between two looks of the collector: modules and rules are many, and stay."""

_MODULES: Final[Mapping[tuple[str, ...], ModuleType]] = {
    ("scan", "collect"): collect,
    ("evaluate", "demo", "explain"): evaluate,
    ("diff",): diff,
    ("keys",): keys,
    ("why",): why,
    ("access",): access,
    ("network",): network,
    ("bundle",): bundle,
    ("catalogue",): catalogue,
    ("control",): control,
    ("exemption",): exemption,
    ("fact",): fact,
    ("history",): history,
    ("ratchet",): ratchet,
    ("snapshot",): snapshot,
    ("rule", "baseline", "schema"): content,
    ("man",): man_page,
}
"""The module of each command, or of several that come together: in the order of the help, and imported when used.

It has what adds them (`register`), or is the one group of that name (`app`).
"""
_TELL_OF_ALL: Final = frozenset({"man", "schema"})
"""Commands that tell of all others."""


def command_line(names: Sequence[str] = ()) -> typer.Typer:
    """Return the command line with the commands of these names and those that come with them, or with all."""
    app = typer.Typer(
        name="auditor",
        help="Judge a deployed Azure estate against an architecture baseline, and show the evidence.",
        epilog="Exit codes: 0 nothing at or above --fail-on; 1 failures; 2 no trustworthy answer; 130 interrupted.",
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(root)
    for own, module in _MODULES.items():
        if names and frozenset(own).isdisjoint(names):
            continue
        if hasattr(module, "register"):
            module.register(app)
        else:
            app.add_typer(module.app, name=own[0])
    return app


class _HarmlessLines(logging.Formatter):
    """Logs quote what strangers wrote: nothing secret of it is shown, and each line is as harmless as any remark."""

    def format(self, record: logging.LogRecord) -> str:
        """Return a record, its traceback included, as lines."""
        return "\n".join(map(streams.safe, streams.without_secrets(super().format(record)).splitlines()))


def _show_version(value: bool) -> None:
    if value:
        with streams.output(None) as out:
            out.write(f"auditor {shipped.tool_version()}\n")
        raise typer.Exit


def root(
    context: typer.Context,
    version: Annotated[  # noqa: ARG001 - its callback does the work
        bool, typer.Option("--version", "-V", help="Show the version and exit.", is_eager=True, callback=_show_version)
    ] = False,
    verbose: Annotated[int, typer.Option("-v", "--verbose", count=True, help="Log more to stderr (-vv: debug).")] = 0,
) -> None:
    """Read the configuration and set up logging."""
    level = (logging.WARNING, logging.INFO, logging.DEBUG)[min(verbose, 2)]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_HarmlessLines("%(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(handlers=[handler])
    logging.getLogger().setLevel(logging.ERROR)  # what a library warns of, our own messages say better
    logging.getLogger("auditor").setLevel(level)
    context.default_map = settings.defaults(context.command)
    _tell_of_misspelt_variables(context.command)


def _tell_of_misspelt_variables(command: settings.Command) -> None:
    given = [name for name in os.environ if name.upper().startswith(_PREFIX)]
    if given and _QUIET.isdisjoint(sys.argv) and _QUIET.isdisjoint(given):
        for line in variables.misspelt(given, _PREFIX, command, lambda: get_command(command_line())):
            streams.remark(line)


def main() -> NoReturn:
    """Run the command line; the only place that knows what an unexpected error looks like to a user."""
    gc.set_threshold(_OBJECTS)
    atexit.register(gc.freeze)  # else Python looks at all that there is before it ends, and everything ends with it
    streams.prepare()
    try:
        command = get_command(command_line(_named(sys.argv[1:])))
        take_plain_values(command)
        command(prog_name="auditor", standalone_mode=True)
    except ContentError as problem:
        _fail(*map(str, problem.problems))
    except Interrupted as problem:
        _fail(str(problem), code=INTERRUPTED)
    except AuditorError as problem:
        _fail(str(problem), *problem.reasons)
    except SystemExit as ended:  # Typer turns an interrupt into its code
        if ended.code == INTERRUPTED:
            _fail("interrupted", code=INTERRUPTED)
        raise
    except KeyboardInterrupt:
        _fail("interrupted", code=INTERRUPTED)
    except OSError as problem:
        streams.forget(sys.stdout)
        _fail(f"{problem.filename or 'what was to be written'}: {problem.strerror or problem}")
    except Exception as problem:
        logging.getLogger("auditor").debug("unexpected error", exc_info=True)
        hint = "this is a bug in auditor: please report it, with the output of the same command with -vv"
        _fail(f"{type(problem).__name__}: {problem} ({hint})")
    sys.exit(0)


def _named(arguments: Sequence[str]) -> Sequence[str]:
    """Return the one command that has to be there, or none where all have to.

    Putting all together costs as much as a quarter of a short command. All are needed to help, to complete a line, to
    say which command was meant, and to check a file with settings for any of them.
    """
    name = next((each for each in arguments if not each.startswith("-")), "")
    known = {each for names in _MODULES for each in names} - _TELL_OF_ALL
    return [name] if name in known and "_AUDITOR_COMPLETE" not in os.environ and not settings.are_there() else []


def _fail(*problems: str, code: int = NO_ANSWER) -> NoReturn:
    for text in problems[:MISTAKES_SHOWN]:
        streams.remark(f"auditor: {text}")
    if len(problems) > MISTAKES_SHOWN:
        streams.remark(f"auditor: and {len(problems) - MISTAKES_SHOWN} more mistakes")
    sys.exit(code)
