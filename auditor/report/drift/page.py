"""Show drift to a person: a section for each part that has something to tell, and a last line that counts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from auditor.diff.drift import Drift
from auditor.report.drift import sentences
from auditor.report.escapes.gfm import Gfm, GfmPage, gfm, gfm_text
from auditor.report.escapes.terminal import TerminalLines
from auditor.report.layout import Layout
from auditor.report.summary import counted

_NARROWEST: Final = 40
_MOST: Final = 40
_MOST_IN_COMMENT: Final = 25
_LONGEST: Final = 500


@dataclass(frozen=True, slots=True)
class Section:
    """Lines under a heading."""

    title: str
    lines: Sequence[str]


def sections(drift: Drift) -> Iterator[Section]:
    """Yield what there is to tell, the effect first."""
    effect, findings = drift.effect, drift.findings
    if effect is not None:
        if drift.changes and effect.is_none:
            yield Section(
                "Effect", ["The changes alter nothing in effect: the same packets, operations, filters and names."]
            )
        yield Section("Reach gained", [sentences.of_network(one) for one in effect.reach_gained])
        yield Section("Reach lost", [sentences.of_network(one) for one in effect.reach_lost])
        yield Section("Access gained", [sentences.of_access(one) for one in effect.access_gained])
        yield Section("Access lost", [sentences.of_access(one) for one in effect.access_lost])
        yield Section("Content filters", [sentences.of_filter(one) for one in effect.filters])
        yield Section("Private names", [sentences.of_name(one) for one in effect.names])
    yield Section("New findings", [sentences.of_finding(one) for one in findings.new])
    yield Section("Widened findings", [sentences.of_finding(one) for one in findings.widened])
    yield Section("Changed findings", [sentences.of_finding(one) for one in findings.changed])
    yield Section("Resolved findings", [sentences.of_finding(one) for one in findings.resolved])
    if drift.changes is not None:
        yield Section("Changed configuration", [sentences.of_change(one) for one in drift.changes])
    undecided = [*drift.unseen, *(effect.undecided if effect else ()), *findings.undecided]
    yield Section("Could not be decided", [f"It is not known {text}." for text in undecided])


def verdict(drift: Drift) -> str:
    """Return what there is in one line."""
    counts = drift.count()
    parts = [f"{number:,} {name}" for name, number in counts.items() if name != "changes"]
    told = f"Findings: {', '.join(parts)}."
    if drift.changes is None:
        return told
    return f"{counted(len(drift.changes), 'change')}. {told}" if drift.changes else f"Nothing changed. {told}"


def write_table(drift: Drift, out: TerminalLines, width: int, *, color: bool) -> None:
    """Write drift for a terminal."""
    layout = Layout(max(width, _NARROWEST), color)
    lines: list[str] = []
    for section in sections(drift):
        if section.lines:
            lines += layout.heading(section.title)
            lines += layout.rows((), [["-", text] for text in sentences.several(section.lines, _MOST)])
    out.lines([*lines[1:], *([""] if lines else []), *layout.paragraph(verdict(drift), indent=0)])


def write_markdown(drift: Drift, out: GfmPage) -> None:
    """Write drift as GitHub-flavoured Markdown, short enough for a comment."""
    out.write(gfm("## Drift\n\n{}\n", gfm_text(verdict(drift))))
    for section in sections(drift):
        if section.lines:
            out.write(gfm("\n### {}\n\n", gfm_text(section.title)))
            for text in sentences.several(section.lines, _MOST_IN_COMMENT):
                out.write(gfm("- {}\n", _cut(text)))


def _cut(text: str) -> Gfm:
    return gfm_text(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…")
