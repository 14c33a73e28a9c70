"""The commands on snapshot files: import, export, show."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from auditor.cli import options as opt
from auditor.cli import streams
from auditor.lazy_imports import lazy_imports

with lazy_imports(__name__):
    from auditor.estate import navigation
    from auditor.inputs import read
    from auditor.redaction import body as redaction
    from auditor.redaction import marks
    from auditor.report.pages import snapshot_page
    from auditor.snapshot import exchange, file, summary
    from auditor.snapshot import hash as identity

app = typer.Typer(help="Work with snapshot files.", no_args_is_help=True, rich_markup_mode=None)

_Target = Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The file to write.")]


@app.command("import")
def import_(
    sources: opt.Sources,
    output: _Target,
    complete: Annotated[bool, typer.Option("--complete", help="Record that the export is the whole truth.")] = False,
    keep_secrets: Annotated[
        bool,
        typer.Option(
            "--keep-secrets",
            envvar="AUDITOR_KEEP_SECRETS",
            help="Leave the secrets that exports hold in clear, for whoever reads the file.",
        ),
    ] = False,
    redaction_key: opt.RedactionKey = None,
) -> None:
    """Turn foreign exports (or an exported snapshot) into one snapshot file, without the secrets in them."""
    # Without a key of the user's there are no hashes: what is imported again must give the same snapshot.
    redactor = redaction.Redactor(marks.key_of(redaction_key) if redaction_key else None)
    streams.check_apart([output], sources)
    snapshot = read.imported(*sources, redactor=None if keep_secrets else redactor)
    if complete and not snapshot.metadata.complete:
        snapshot = identity.as_complete(snapshot)
    streams.check_writable(output)
    file.write(snapshot, output, navigation.derive(snapshot.resources))
    streams.remark(f"{len(snapshot.resources)} resources, {len(snapshot.gaps)} gaps, sha256 {snapshot.sha256}")


@app.command("export")
def export(source: opt.Source, output: _Target) -> None:
    """Write a snapshot as JSON Lines (zstd): one fact a line, the same bytes for the same content."""
    streams.check_writable(output)
    streams.check_apart([output], [source])
    exchange.export(read.read(source), output)


@app.command("show")
def show(source: opt.Source) -> None:
    """Show what is inside: scope, times, resources by type, relations, gaps and the hash."""
    with streams.output(None) as out:
        snapshot_page.write(summary.overview(read.read(source), source), out)
