"""Write a report as one page of HTML that needs nothing else: no network, no other file; with filters where scripts run."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Final

from auditor.model import Finding, Report
from auditor.report import html_page
from auditor.report.escapes.html import Html, HtmlPage, html, html_island, html_text
from auditor.report.format import Format, View
from auditor.report.html_page import parts
from auditor.report.html_page.findings import FindingRows, plain_rows, rule_row
from auditor.report.html_page.network import network
from auditor.report.selection import listed, subjects_of
from auditor.report.text import utc

_CONTENTS: Final = (
    ("summary", "Summary"),
    ("architecture", "Architecture"),
    ("causes", "What to change first"),
    ("findings", "Findings"),
    ("network", "Network"),
    ("controls", "Controls by framework"),
    ("coverage", "Coverage"),
    ("gaps", "Gaps"),
    ("exemptions", "Exemptions"),
    ("notices", "Notices"),
)
_PLAIN: Final = ("Severity", "Status", "Where", "What", "Rule", "Remedy")
_LINE_END: Final = Html("\n")


def write(report: Report, out: HtmlPage, view: View) -> None:
    """Write the page; of the findings a script makes rows, and without one there is a table of failures and unknowns."""
    findings = listed(report, include_passed=view.include_passed)
    subjects = subjects_of(findings, report.snapshot.subscription_names)
    name = f"Audit against {report.baseline_name} {report.baseline_version}"
    out.write(Html("<!DOCTYPE html>\n"), Html('<html lang="en">'), _head(name), Html("<body>\n"), _LINE_END)
    out.write(html("a", {"href": "#main", "class": "skip"}, html_text("Skip to the report")), _LINE_END)
    out.write(_header(report, name), _LINE_END, _navigation(), _LINE_END, Html('<main id="main">'), _LINE_END)
    for part in _parts_before(report):
        out.write(part, _LINE_END)
    _write_findings(report, out, findings, subjects)
    for make in (network, parts.controls, parts.coverage, parts.gaps, parts.exemptions, parts.notices):
        out.write(make(report), _LINE_END)
    out.write(Html("</main>\n"))
    _write_island(report, out, findings, subjects)
    out.write(Html("<script>"), _file("page.js"), Html("</script>\n</body></html>\n"))


def _parts_before(report: Report) -> Sequence[Html]:
    makers: Sequence[Callable[[Report], Html]] = (parts.summary, parts.architecture, parts.causes)
    return [make(report) for make in makers]


@cache
def _file(name: str) -> Html:
    """Return a file of ours that is part of every page."""
    return Html((Path(html_page.__file__).parent / name).read_text(encoding="utf-8").strip())


def _head(name: str) -> Html:
    """Return the head; whatever a text of a stranger might come to, nothing is loaded and no other script or style runs."""
    allowed = {
        "default-src": "'none'",
        "script-src": _hash("page.js"),
        "style-src": _hash("page.css"),
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    policy = "; ".join(f"{kind} {what}" for kind, what in allowed.items())
    return html(
        "head",
        None,
        html("meta", {"charset": "utf-8"}),
        html("meta", {"http-equiv": "Content-Security-Policy", "content": policy}),
        html("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}),
        html("meta", {"name": "referrer", "content": "no-referrer"}),
        html("meta", {"name": "color-scheme", "content": "light dark"}),
        html("link", {"rel": "icon", "href": "data:,"}),
        html("title", None, html_text(name)),
        html("style", None, _file("page.css")),
    )


def _hash(name: str) -> str:
    return f"'sha256-{b64encode(hashlib.sha256(_file(name).encode()).digest()).decode()}'"


def _header(report: Report, name: str) -> Html:
    told = f"Judged as of {utc(report.as_of)} · {report.resources:,} resources · snapshot {report.snapshot.sha256[:12]}"
    misfit = [html("p", {"role": "note"}, html_text(report.misfit))] if report.misfit else []
    return html("header", None, *misfit, html("h1", None, html_text(name)), html("p", None, html_text(told)))


def _navigation() -> Html:
    items = [html("li", None, html("a", {"href": f"#{name}"}, html_text(title))) for name, title in _CONTENTS]
    return html("nav", {"aria-label": "Contents"}, html("h2", None, html_text("Contents")), html("ol", None, *items))


def _write_findings(report: Report, out: HtmlPage, findings: Sequence[Finding], subjects: Sequence[str]) -> None:
    out.write(
        Html('<section id="findings" aria-labelledby="findings-heading">'),
        html("h2", {"id": "findings-heading"}, html_text("Findings")),
        html("div", {"id": "filters", "hidden": True}),
        html("p", {"id": "shown", "role": "status", "aria-live": "polite"}),
        html("ul", {"id": "rows", "aria-labelledby": "findings-heading"}),
        html("button", {"type": "button", "id": "more", "hidden": True}, html_text("Show more")),
        Html("<noscript>\n"),
        html(
            "p", None, html_text("All failures and unknowns; filters and evidence need a script of this page to run.")
        ),
        Html('<div class="scroll"><table><thead>'),
        html("tr", None, *(html("th", {"scope": "col"}, html_text(title)) for title in _PLAIN)),
        Html("</thead><tbody>\n"),
    )
    for row in plain_rows(report, findings, subjects):
        out.write(row, _LINE_END)
    out.write(Html("</tbody></table></div></noscript></section>\n"))


def _write_island(report: Report, out: HtmlPage, findings: Sequence[Finding], subjects: Sequence[str]) -> None:
    """Write the findings as JSON, one a line."""
    rows = FindingRows(report)
    out.write(Html('<script type="application/json" id="report-data">{"findings":[\n'))
    for index, (finding, subject) in enumerate(zip(findings, subjects, strict=True)):
        out.write(Html(",\n" if index else ""), html_island(rows.row(finding, subject)))
    rules = {key: rule_row(report.rules[key]) for key in sorted({finding.rule_id for finding in findings})}
    out.write(
        Html('\n],"controls":'),
        html_island(rows.controls),
        Html(',"rules":'),
        html_island(rules),
        Html("}</script>\n"),
    )


FORMAT: Final = Format("html", write, HtmlPage, lists_passes=True, shows_notices=True, draws=True)
