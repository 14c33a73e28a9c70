"""The commands that answer questions about networks: matrix, query."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from auditor.cli import options as opt
from auditor.cli import streams

if TYPE_CHECKING:  # the engine is imported on use, to keep --help quick
    from auditor.analysis.contract import Context
    from auditor.report.network_answers import Sheet

NO_ANSWER = 2

app = typer.Typer(
    help="Ask who reaches whom, decided on sets of packets.",
    epilog="Exit codes: 0 answered, be it yes or no; 2 no trustworthy answer: it depends on what is not known.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


class Format(StrEnum):
    """How an answer is written."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


class Protocol(StrEnum):
    """The traffic that a question is about."""

    TCP = "tcp"
    UDP = "udp"
    ICMP = "icmp"
    ANY = "any"


_Source = Annotated[str, typer.Argument(metavar="INPUT", help="A snapshot or export of resources; - for stdin.")]
_Format = Annotated[Format, typer.Option("--output", "-o", metavar="FORMAT", help="table, json or csv.")]
_END = "A subnet, a resource in one (name or id), an address, a prefix, or a service tag such as Internet."


@app.command("matrix")
def matrix(
    source: _Source,
    workload: Annotated[
        str | None, typer.Option("--workload", metavar="NAME", help="Only this workload (default: all of them).")
    ] = None,
    baseline: opt.Baseline = opt.DEFAULT_BASELINE,
    assignments: opt.Set = None,
    complete: opt.Complete = False,
    output: _Format = Format.TABLE,
    allow_incomplete: opt.AllowIncomplete = False,
    as_of: opt.AsOf = None,
) -> None:
    """Show which subnets of a workload reach which others, and the Internet, by TCP or UDP, and by which rules."""
    from auditor.analysis.network.expected import roles_of  # noqa: PLC0415 - the engine is imported on use
    from auditor.network.reachability import matrix as cells_of  # noqa: PLC0415
    from auditor.network.reachability import workloads_named  # noqa: PLC0415
    from auditor.network.subnets import Subnets  # noqa: PLC0415
    from auditor.report import network_answers  # noqa: PLC0415

    context = _context(source, baseline, assignments or [], as_of, complete=complete)
    subnets, roles = Subnets(context.estate), roles_of(context.tables)
    cells = [cell for one in workloads_named(context.workloads, workload) for cell in cells_of(subnets, one, roles)]
    _tell(network_answers.of_matrix(cells), output, allow_incomplete=allow_incomplete)


@app.command("query")
def query(
    source: _Source,
    start: Annotated[str, typer.Option("--from", metavar="END", help=_END)],
    end: Annotated[str, typer.Option("--to", metavar="END", help=_END)],
    port: Annotated[
        str | None, typer.Option("--port", metavar="PORT", help="A port, or a range such as 8000-8080 (default: any).")
    ] = None,
    protocol: Annotated[
        Protocol, typer.Option("--protocol", metavar="PROTOCOL", help="tcp, udp, icmp or any.")
    ] = Protocol.TCP,
    baseline: opt.Baseline = opt.DEFAULT_BASELINE,
    assignments: opt.Set = None,
    complete: opt.Complete = False,
    output: _Format = Format.TABLE,
    allow_incomplete: opt.AllowIncomplete = False,
    as_of: opt.AsOf = None,
) -> None:
    """Answer whether one end reaches another: yes, no or unknown, with the rules that decide and a packet as proof.

    Yes: some of the traffic passes, whatever is not known. No: none does. Unknown: it depends.
    """
    from auditor.network import endpoints  # noqa: PLC0415 - the engine is imported on use
    from auditor.network.reachability import connect  # noqa: PLC0415
    from auditor.network.subnets import Subnets  # noqa: PLC0415
    from auditor.report import network_answers  # noqa: PLC0415

    traffic = endpoints.traffic(protocol.value, port)
    places = Subnets(_context(source, baseline, assignments or [], as_of, complete=complete).estate)
    near, far = endpoints.find(places, start), endpoints.find(places, end)
    found = connect(places, near, far, traffic)
    asked = {"from": near.label, "to": far.label, "protocol": protocol.value, "port": port or "any"}
    _tell(network_answers.of_query(asked, found), output, allow_incomplete=allow_incomplete)


def _context(source: str, baseline: str, assignments: Sequence[str], as_of: str | None, *, complete: bool) -> Context:
    from auditor import audit  # noqa: PLC0415 - the engine is imported on use, to keep --help quick
    from auditor.analysis.contract import Context  # noqa: PLC0415
    from auditor.inputs import read  # noqa: PLC0415
    from auditor.rulebook import in_force  # noqa: PLC0415 - the engine is imported on use, to keep --help quick

    chosen = in_force.load(in_force.Selection(baseline, (), assignments))
    terms = audit.Terms(complete=complete, as_of=opt.time_of(as_of))
    asked, _ = audit.prepare(read.read(source), chosen, terms)
    return Context(asked.estate, asked.workloads, asked.parameters, asked.tables, asked.now)


def _tell(sheet: Sheet, output: Format, *, allow_incomplete: bool) -> None:
    from auditor.report.network_answers import WRITERS  # noqa: PLC0415 - the engine is imported on use

    with streams.output(None) as out:
        WRITERS[output.value](sheet, out, streams.width())
    if output is not Format.TABLE:
        for unknown in sheet.unknowns:
            sys.stderr.write(f"note: {streams.safe(unknown)}\n")
    raise typer.Exit(NO_ANSWER if sheet.is_unknown and not allow_incomplete else 0)
