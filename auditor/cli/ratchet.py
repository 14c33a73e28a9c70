"""The commands on known failures: whoever adopts the tool gates on what is new, and lets the rest only shrink."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from auditor.cli import options as opt
from auditor.cli import streams
from auditor.cli.context import FAILURES
from auditor.cli.judging import Judging
from auditor.errors import AuditorError
from auditor.lazy_imports import lazy_imports

with lazy_imports(__name__):
    from auditor.engine.accepted import known, known_files
    from auditor.report import pipeline_log, summary, text
    from auditor.rulebook import in_force

app = typer.Typer(
    help="Write down the failures that are known, so that only what is new fails.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
_SHOWN = 20

_KnownFile = Annotated[
    Path, typer.Option("--known", metavar="FILE", envvar="AUDITOR_KNOWN", help="The file of known failures.")
]
_Given = Annotated[
    list[str],
    typer.Argument(metavar="INPUT...", help="Snapshots, exports, folders of them, or one JSON report of an audit."),
]


@app.command()
def write(
    sources: _Given,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The file to write.")],
    baseline: opt.Baseline = opt.DEFAULT_BASELINE,
    rules: opt.Rules = None,
    exemptions: opt.Exemptions = None,
    select: opt.Select = None,
    ignore: opt.Ignore = None,
    assignments: opt.Set = None,
    complete: opt.Complete = False,
    as_of: opt.AsOf = None,
) -> None:
    """Write down what fails now, and how far each failure goes. What an exemption covers is not written."""
    if output.exists():
        raise AuditorError(f"{output}: is there already", "use: auditor ratchet update, which lets it only shrink")
    streams.check_writable(output)
    selection = in_force.Selection(baseline, rules or (), assignments or (), select or (), ignore or ())
    outcome = Judging(sources, selection, exemptions or (), complete, as_of).outcome()
    failures = known.KnownFailures.of(outcome.failures)
    _write(output, failures)
    _tell(f"{output}: {summary.counted(len(failures.listed), 'known failure')}")


@app.command()
def update(
    sources: _Given,
    known_file: _KnownFile,
    allow_growth: Annotated[
        bool, typer.Option("--allow-growth", help="Also write down what is new, or goes further than it did.")
    ] = False,
    baseline: opt.Baseline = opt.DEFAULT_BASELINE,
    rules: opt.Rules = None,
    exemptions: opt.Exemptions = None,
    select: opt.Select = None,
    ignore: opt.Ignore = None,
    assignments: opt.Set = None,
    complete: opt.Complete = False,
    as_of: opt.AsOf = None,
) -> None:
    """Bring a file of known failures up to date; where anything has grown, exit 1 and leave it as it is."""
    selection = in_force.Selection(baseline, rules or (), assignments or (), select or (), ignore or ())
    judging = Judging(sources, selection, exemptions or (), complete, as_of)
    before = known_files.read(known_file)
    after = known.ratcheted(before, judging.outcome(), allow_growth=allow_growth)
    if after.more and not allow_growth:
        for failure in after.more[:_SHOWN]:
            growth = before.growth_of(failure) if failure.fingerprint in before.by_fingerprint else "is new"
            streams.remark(f"auditor: {failure.rule_id} on {failure.resource_id or 'no resource'}: {growth}")
        if len(after.more) > _SHOWN:
            streams.remark(f"auditor: and {len(after.more) - _SHOWN:,} more")
        streams.remark(f"auditor: {known_file} stays as it is: it may only shrink (mend them, or use --allow-growth)")
        raise typer.Exit(FAILURES)
    _keep(known_file, after)


@app.command()
def prune(
    sources: _Given,
    known_file: _KnownFile,
    baseline: opt.Baseline = opt.DEFAULT_BASELINE,
    rules: opt.Rules = None,
    exemptions: opt.Exemptions = None,
    select: opt.Select = None,
    ignore: opt.Ignore = None,
    assignments: opt.Set = None,
    complete: opt.Complete = False,
    as_of: opt.AsOf = None,
) -> None:
    """Take out of a file of known failures what is mended or goes less far now; nothing is added to it."""
    selection = in_force.Selection(baseline, rules or (), assignments or (), select or (), ignore or ())
    judging = Judging(sources, selection, exemptions or (), complete, as_of)
    _keep(known_file, known.ratcheted(known_files.read(known_file), judging.outcome(), allow_growth=False))


def _keep(path: Path, after: known.Ratcheted) -> None:
    _write(path, after.known)
    counts = [
        summary.counted(len(after.known.listed), "known failure"),
        f"{len(after.gone):,} mended",
        f"{after.narrower:,} narrower",
    ]
    _tell(f"{path}: {', '.join(counts)}")


def _write(path: Path, failures: known.KnownFailures) -> None:
    with streams.output(path, pipeline_log.IN_JSON) as out:
        out.write(text.visible_json(known_files.text_of(failures)))


def _tell(line: str) -> None:
    with streams.output(None) as out:
        out.write(f"{streams.safe(line)}\n")
