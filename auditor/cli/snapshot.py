"""The commands on snapshot files: import, export, show."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from auditor.cli import streams
from auditor.errors import AuditorError

app = typer.Typer(help="Work with snapshot files.", no_args_is_help=True, rich_markup_mode=None)

_Source = Annotated[str, typer.Argument(metavar="INPUT", help="A snapshot or export of resources; - for stdin.")]
_Target = Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The file to write.")]


@app.command("import")
def import_(
    source: _Source,
    output: _Target,
    complete: Annotated[bool, typer.Option("--complete", help="Record that the export is the whole truth.")] = False,
) -> None:
    """Turn a foreign export (or an exported snapshot) into a snapshot file."""
    from auditor.estate.navigation import derive  # noqa: PLC0415 - the engine is imported on use
    from auditor.inputs import read  # noqa: PLC0415
    from auditor.snapshot import file  # noqa: PLC0415
    from auditor.snapshot.hash import as_complete  # noqa: PLC0415

    snapshot = read.read(source)
    if complete and not snapshot.metadata.complete:
        snapshot = as_complete(snapshot)
    streams.check_writable(output)
    file.write(snapshot, output, derive(snapshot.resources))
    typer.echo(f"{len(snapshot.resources)} resources, {len(snapshot.gaps)} gaps, sha256 {snapshot.sha256}", err=True)


@app.command("export")
def export(source: _Source, output: _Target) -> None:
    """Write a snapshot as JSON Lines (zstd): one fact a line, the same bytes for the same content."""
    from auditor.inputs import read  # noqa: PLC0415 - the engine is imported on use
    from auditor.snapshot import exchange  # noqa: PLC0415 - the engine is imported on use

    streams.check_writable(output)
    if output.exists() and Path(source).exists() and output.samefile(source):
        raise AuditorError(f"{output}: is the snapshot itself", "write to another file")
    exchange.export(read.read(source), output)


@app.command("show")
def show(source: _Source) -> None:
    """Show what is inside: scope, times, resources by type, relations, gaps and the hash."""
    from auditor.inputs import read  # noqa: PLC0415 - the engine is imported on use
    from auditor.report import snapshot_page  # noqa: PLC0415
    from auditor.snapshot.summary import overview  # noqa: PLC0415

    with streams.output(None) as out:
        snapshot_page.write(overview(read.read(source), source), out)
