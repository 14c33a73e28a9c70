"""Lay out `--help`: options in groups under headings, in plain text that a pipe takes as well as a terminal."""

from __future__ import annotations

from typing import Final

from typer.core import TyperCommand

JUDGED_BY: Final = "Judged by"
READ: Final = "What is read"
WRITTEN: Final = "What is written"
TABLE: Final = "The table"
ENDS: Final = "How it ends"
_OTHER: Final = "Options"

_GROUPS: Final = {
    **dict.fromkeys(
        ("baseline", "rules", "exemptions", "select", "ignore", "set", "framework", "complete", "as-of"), JUDGED_BY
    ),
    **dict.fromkeys(
        (
            "subscription", "resource-group", "management-group", "tag", "tenant", "cloud", "arm-endpoint",
            "allow-endpoint", "auth", "resolve-principals", "redact-people", "redaction-key", "everything",
            "only-for", "resume", "input",
        ),
        READ,
    ),
    **dict.fromkeys(
        ("output", "snapshot", "include-passed", "csv-delimiter", "csv-bom", "json-version", "report", "key"), WRITTEN
    ),
    **dict.fromkeys(("group-by", "top", "compact", "verbose", "color", "no-pager"), TABLE),
    **dict.fromkeys(("fail-on", "exit-zero", "allow-incomplete"), ENDS),
}  # fmt: skip
"""The heading that an option stands under, by its long name; the others stand last."""


class GroupedCommand(TyperCommand):
    """A command whose options are shown in groups."""

    def format_options(self, ctx, formatter) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001 - Click's, by whichever name Typer has it
        """Write the options under their headings, those of no group last."""
        groups: dict[str, list[tuple[str, str]]] = {
            heading: [] for heading in (*dict.fromkeys(_GROUPS.values()), _OTHER)
        }
        for parameter in self.get_params(ctx):
            if (record := parameter.get_help_record(ctx)) is not None and parameter.param_type_name == "option":
                groups[heading_of(parameter.opts)].append(record)
        for heading, records in groups.items():
            if records:
                with formatter.section(heading):
                    formatter.write_dl(records)


def heading_of(names: list[str]) -> str:
    """Return the heading that an option stands under."""
    found = (_GROUPS.get(name.removeprefix("--")) for name in names if name.startswith("--"))
    return next((heading for heading in found if heading), _OTHER)


def examples(*lines: str) -> str:
    """Return an epilog with examples, one a line, as they can be typed."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)
