"""Say in a word, a sign and a colour how things stand: for single findings, and for what has many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

from msgspec import Struct

from auditor.model import Finding, Severity, Status
from auditor.report.escapes.html import Html, html, html_text
from auditor.report.summary import counted

ACCEPTED: Final = "accepted"
"""A failure that an exemption covers; shown as a state of its own, counted as the failure that it is."""
SIGNS: Final[Mapping[str, str]] = {
    "fail": "✕", "unknown": "?", ACCEPTED: "◷", "pass": "✓", "not_applicable": "\N{EN DASH}", "missing": "✕", "manual": "☞",
    "not_covered": "\N{EN DASH}",
}  # fmt: skip
WORDS: Final[Mapping[str, str]] = {
    "not_applicable": "does not apply",
    "not_covered": "not covered",
    "manual": "by a person",
}


class State(Struct, frozen=True):
    """How a thing stands: the class that colours it, and a sentence."""

    css: str
    words: str


def state_of(finding: Finding) -> str:
    """Return `fail`, `accepted`, `unknown`, `pass` or `not_applicable`."""
    if finding.status is Status.FAIL and finding.exemption is not None:
        return ACCEPTED
    return finding.status.value


def worst_of(findings: Iterable[Finding]) -> State:
    """Return how what has these findings stands, by the worst of them."""
    states: Counter[str] = Counter()
    severities: Counter[Severity] = Counter()
    for each in findings:
        states[state_of(each)] += 1
        if state_of(each) == Status.FAIL:
            severities[each.severity] += 1
    if severities:
        worst = min(severities, key=lambda severity: severity.rank)
        share = "all" if len(severities) == 1 and severities[worst] > 1 else f"{severities[worst]:,}"
        return State(worst.value, f"{counted(states['fail'], 'failure')}, {share} {worst.value}")
    for name in ("unknown", ACCEPTED, "pass"):
        if states[name]:
            return State(name, f"{states[name]:,} {name}")
    return State("not_applicable", "nothing judged")


def pill(state: str, words: str = "") -> Html:
    """Return a state as a coloured word with its sign; colour is never the only carrier of a meaning."""
    shown = words or WORDS.get(state, state.replace("_", " "))
    sign = (
        html("span", {"aria-hidden": "true"}, html_text(f"{SIGNS.get(state, '')} "))
        if state in SIGNS
        else html_text("")
    )
    return html("span", {"class": f"pill {state.replace('_', '-')}"}, sign, html_text(shown))


def sign_of(css: str) -> str:
    """Return the sign of a state or severity."""
    return SIGNS.get(css, "✕")
