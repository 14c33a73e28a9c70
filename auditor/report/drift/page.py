"""Show drift to a person: a section for each part that has something to tell, and a last line that counts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from msgspec import Struct

from auditor.diff.drift import Drift
from auditor.report.drift import sentences
from auditor.report.escapes.gfm import Gfm, GfmPage, gfm, gfm_text
from auditor.report.escapes.terminal import TerminalLines
from auditor.report.layout import Layout
from auditor.report.summary import counted

_NARROWEST: Final = 40
MARK: Final = "<!-- auditor:drift -->"
"""What a comment on a pull request begins with, so that the next run finds it and writes no second one."""
_ROOM: Final = 60_000
"""How many characters a comment may have: GitHub takes 65,536, Azure DevOps 150,000; a pipeline may add a few."""
_CUT: Final = "\nThere is more, which does not fit here.\n"
_MOST: Final = 40
_MOST_IN_COMMENT: Final = 25
_LONGEST: Final = 500


class Section(Struct, frozen=True):
    """Lines under a heading; `is_folded` where nobody need look at them first."""

    title: str
    lines: Sequence[str]
    is_folded: bool = False


def sections(drift: Drift) -> Iterator[Section]:
    """Yield what there is to tell, the effect first."""
    effect, findings = drift.effect, drift.findings
    if effect is not None:
        if drift.changes and effect.is_none:
            yield Section(
                "Effect", ["The changes alter nothing in effect: the same packets, operations, filters and names."]
            )
        yield Section("Reach gained", [sentences.of_network(one) for one in effect.reach_gained])
        yield Section("Reach lost", [sentences.of_network(one) for one in effect.reach_lost], is_folded=True)
        yield Section("Access gained", [sentences.of_access(one) for one in effect.access_gained])
        yield Section("Access lost", [sentences.of_access(one) for one in effect.access_lost], is_folded=True)
        yield Section("Content filters", [sentences.of_filter(one) for one in effect.filters])
        yield Section("Private names", [sentences.of_name(one) for one in effect.names])
    yield Section("New findings", [sentences.of_finding(one) for one in findings.new])
    yield Section("Widened findings", [sentences.of_finding(one) for one in findings.widened])
    yield Section("Changed findings", [sentences.of_finding(one) for one in findings.changed], is_folded=True)
    yield Section("Resolved findings", [sentences.of_finding(one) for one in findings.resolved], is_folded=True)
    if drift.changes is not None:
        yield Section("Changed configuration", [sentences.of_change(one) for one in drift.changes], is_folded=True)
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
    """Write drift as GitHub-flavoured Markdown that fits a comment on a pull request.

    The first line is a mark that nobody sees, by which the comment is found again and replaced. What somebody should look
    at first is open, the rest folded; what does not fit is counted.
    """
    head = gfm("{}\n## Drift\n\n{}\n", Gfm(MARK), gfm_text(verdict(drift)))
    out.write(head)
    room = _ROOM - len(head) - len(_CUT)
    for section in sections(drift):
        lines = [_cut(text) for text in sentences.several(section.lines, _MOST_IN_COMMENT)]
        block = _block(section, lines)
        while lines and len(block) > room:
            lines.pop()
            block = _block(section, [*lines, gfm("and {} more", len(section.lines) - len(lines))])
        if not section.lines:
            continue
        if len(block) > room:
            out.write(gfm(_CUT))
            return
        out.write(block)
        room -= len(block)


def _block(section: Section, lines: Sequence[Gfm]) -> Gfm:
    items = Gfm("".join(gfm("- {}\n", line) for line in lines))
    if section.is_folded:
        told = gfm("{} ({})", gfm_text(section.title), len(section.lines))
        return gfm("\n<details>\n<summary>{}</summary>\n\n{}\n</details>\n", told, items)
    return gfm("\n### {}\n\n{}", gfm_text(section.title), items)


def _cut(text: str) -> Gfm:
    return gfm_text(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…")
