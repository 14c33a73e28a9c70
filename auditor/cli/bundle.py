"""The commands on bundles: create, verify."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from auditor.cli import options as opt
from auditor.cli import streams
from auditor.cli.help_page import GroupedCommand, examples
from auditor.errors import AuditorError
from auditor.lazy_imports import lazy_imports
from auditor.report.format import NAMES

with lazy_imports(__name__):
    from auditor import audit, shipped
    from auditor.bundle import manifest, pack, signature
    from auditor.bundle import verify as verification
    from auditor.rulebook import in_force

app = typer.Typer(
    help="Pack a report with all that it was made from, and check such a bundle.",
    epilog="Exit codes: 0 packed, or whole and judged again the same; 2 not so.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_DEFAULT_REPORTS = ("json", "csv", "markdown")


@app.command(
    "create",
    cls=GroupedCommand,
    epilog=examples("auditor bundle create estate.snapshot --key audit.pem -o audit.tar"),
)
def create(
    sources: opt.Sources,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The bundle to write.")],
    key: Annotated[
        Path | None,
        typer.Option(
            "--key",
            metavar="FILE",
            envvar="AUDITOR_BUNDLE_KEY",
            help="Ed25519 key to sign with (PEM), else AUDITOR_BUNDLE_KEY_PEM; without one the bundle is not signed.",
        ),
    ] = None,
    report: Annotated[
        list[str] | None,
        typer.Option(
            "--report",
            metavar="FORMAT",
            help="A report to pack (repeatable; default: json, csv and markdown).",
        ),
    ] = None,
    baseline: opt.Baseline = opt.DEFAULT_BASELINE,
    rules: opt.Rules = None,
    exemptions: opt.Exemptions = None,
    select: opt.Select = None,
    ignore: opt.Ignore = None,
    assignments: opt.Set = None,
    complete: opt.Complete = False,
    framework: opt.Framework = None,
    as_of: opt.AsOf = None,
    quiet: opt.Quiet = False,
) -> None:
    """Judge an estate and pack snapshot, rules, baseline, exemptions and reports into one file, with hashes and a signature.

    Secrets that the estate holds are left out. The same inputs and key give the same bytes.
    """
    streams.check_writable(output)
    streams.check_apart([output], [*sources, *(exemptions or ())])
    names = list(dict.fromkeys(report or _DEFAULT_REPORTS))
    for name in names:
        if name not in NAMES:
            raise AuditorError(f"--report {name}: there is no such format", f"known: {', '.join(NAMES)}")
    signing_key = signature.private_key(key)
    request = pack.PackRequest(
        sources=sources,
        selection=in_force.Selection(baseline, rules or (), assignments or (), select or (), ignore or ()),
        exemptions=exemptions or (),
        framework=framework,
        terms=audit.Terms(complete=complete, as_of=opt.time_of(as_of)),
        reports=names,
    )
    packed = pack.pack(request, output, signing_key)
    if not quiet:
        streams.remark(f"{len(packed.files):,} files, snapshot {packed.snapshot_sha256[:12]}, {_signer(packed)}")


@app.command("verify", cls=GroupedCommand, epilog=examples("auditor bundle verify audit.tar --key audit.pub"))
def verify(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The bundle.")],
    key: Annotated[
        Path | None,
        typer.Option("--key", metavar="FILE", help="The public key (PEM) of whom it must be signed by."),
    ] = None,
) -> None:
    """Check every byte of a bundle and its signature, judge it again, and compare the reports."""
    verified = verification.verify(file, signature.public_key(key) if key else None)
    told = verified.manifest
    reports = ", ".join(told.terms.reports)
    lines = [
        f"whole: {len(told.files):,} files, packed by auditor {told.tool_version}",
        f"judged again by auditor {shipped.tool_version()} as of {told.terms.as_of}: the same bytes in {reports}",
        f"snapshot {told.snapshot_sha256}, baseline {told.terms.baseline}",
        f"{_signer(told)}{'' if told.signed_by is None else ', the key given' if verified.is_vouched_for else _UNVOUCHED}",
    ]
    with streams.output(None) as out:
        out.write("\n".join(map(streams.safe, lines)) + "\n")


_UNVOUCHED = ": whose key that is, --key says"


def _signer(told: manifest.Manifest) -> str:
    return f"signed by {told.signed_by}" if told.signed_by else "not signed: anybody could have made it"
