"""The commands that answer questions about networks: matrix, query."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from auditor.cli import options as opt
from auditor.cli.context import AskedEstate, tell
from auditor.lazy_imports import lazy_imports

with lazy_imports(__name__):
    from auditor.analysis.network import expected
    from auditor.network import endpoints, forwarding, reachability, service_query, subnets
    from auditor.report.answers import network as answers

app = typer.Typer(
    help="Ask who reaches whom, decided on sets of packets.",
    epilog="Exit codes: 0 answered, be it yes or no; 2 no trustworthy answer: it depends on what is not known.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


class Protocol(StrEnum):
    """The traffic that a question is about."""

    TCP = "tcp"
    UDP = "udp"
    ICMP = "icmp"
    ANY = "any"


_END = "A subnet, a resource in one (name or id), an address, a prefix, or a service tag such as Internet."


@app.command("matrix")
def matrix(
    sources: opt.Sources,
    workload: Annotated[
        str | None, typer.Option("--workload", metavar="NAME", help="Only this workload (default: all of them).")
    ] = None,
    baseline: opt.Baseline = opt.DEFAULT_BASELINE,
    assignments: opt.Set = None,
    complete: opt.Complete = False,
    output: opt.AnswerOutput = opt.AnswerFormat.TABLE,
    allow_incomplete: opt.AllowIncomplete = False,
    as_of: opt.AsOf = None,
) -> None:
    """Show which subnets of a workload reach which others, and the Internet, by TCP or UDP, and by which rules."""
    context = AskedEstate(sources, baseline, assignments, complete, as_of).context()
    known = forwarding.Forwarding(subnets.Subnets(context.estate))
    roles = expected.roles_of(context.tables)
    chosen = reachability.workloads_named(context.workloads, workload)
    cells = [cell for each in chosen for cell in reachability.matrix(known, each, roles)]
    tell(answers.of_matrix(cells), output, allow_incomplete=allow_incomplete)


@app.command("query")
def query(
    sources: opt.Sources,
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
    output: opt.AnswerOutput = opt.AnswerFormat.TABLE,
    allow_incomplete: opt.AllowIncomplete = False,
    as_of: opt.AsOf = None,
) -> None:
    """Answer whether one end reaches another: yes, no or unknown, with the rules that decide and a packet as proof.

    Yes: some of the traffic passes, whatever is not known. No: none does. Unknown: it depends.
    A service, named by --to, is asked for by each of its doors: the public one and its private endpoints.
    """
    traffic = endpoints.traffic(protocol.value, port)
    known = subnets.Subnets(AskedEstate(sources, baseline, assignments, complete, as_of).context().estate)
    source_end, service = endpoints.find(known, start), service_query.service_named(known, end)
    asked = {"from": source_end.label, "protocol": protocol.value, "port": port or "any"}
    if service is not None:
        sheet = answers.of_service(
            {**asked, "to": service.name}, service_query.ask(known, source_end, service, traffic)
        )
    else:
        target_end = endpoints.find(known, end)
        connection = reachability.connect(forwarding.Forwarding(known), source_end, target_end, traffic)
        sheet = answers.of_query({**asked, "to": target_end.label}, connection)
    tell(sheet, output, allow_incomplete=allow_incomplete)
