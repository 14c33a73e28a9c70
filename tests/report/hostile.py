"""Texts that strangers could choose as names, tags and reasons, and reports that hold nothing else."""

from __future__ import annotations

from itertools import cycle
from typing import Final

from msgspec.structs import replace

from auditor.model import (
    ControlCoverage,
    Coverage,
    DrawnCall,
    DrawnComponent,
    Finding,
    FrameworkReport,
    ManualCheck,
    NetworkPair,
    OpenGap,
    Report,
    RequirementResult,
    SettlingPermission,
    Status,
    TypeCoverage,
    WorkloadPicture,
)
from tests.report.conftest import EXEMPT, GAP, GROUP, MISSING, OPENAI_PUBLIC, PASSED, ROUTE, SKIPPED, UNREAD, report_of

HOSTILE: Final = (
    "Ops ##vso[task.complete result=Succeeded]",
    "##vso[task.setvariable variable=PATH;]x",
    "##[error]all is well",
    "##teamcity[buildStatus status='SUCCESS']",
    "::error file=a,line=1::b",
    "::add-mask::x",
    "x\n::stop-commands::t\r::set-output name=a::b",
    "%0A::error::x%0D%25 %AZP25 %3A",
    '"quoted", \'single\' and ""twice""',
    "line\r\nbreak\u2028and\u2029more\x85\x0b",
    "|a|b| ``` `tick` * _ ~ # > - 1.",
    "</td></table></details><script>alert(1)</script><img src=x onerror=alert(1)>",
    "]]> <![CDATA[ <!-- & &amp; &#60; \x00 \ufffe",
    "a@b.example mailto:a@b.example xmpp:a@b.example/x ftp://x.example HTTPS://x.example",
    "[click](javascript:alert(1)) ![x](https://evil.example/x.png) www.evil.example @octocat #1",
    "=HYPERLINK(1)",
    "\u200b=cmd|' /C calc'!A0",
    "\uff1d1+1",
    "+1;-1;@SUM(A1)",
    "soft\u00adhyphen zero\u200bwidth\u200d\u2060\u2063\ufeff",
    "\u202egnp.exe\u2066\u061c",
    "\u0627\u0644\u0639\u0631\u0628\u064a\u0629 \u691c\u7d22",
    "\U0001f600\U000e0041\U000e007f",
    "\x1b[31mred\x1b]8;;https://evil.example\x07link\x1b]8;;\x07\x9b2J",
    "{0} {} {name} %s $(id) `id` ${{ github.token }}",
    "\ud800lone",
    "007",
    "2024.1",
    "1e5",
)


def hostile_report(texts: list[str]) -> Report:
    """Return a report of every status in which each text that is not the tool's own is one of these."""
    source = cycle(texts)

    def text() -> str:
        return next(source)

    def finding(each: Finding, number: int) -> Finding:
        evidence = [
            replace(leaf, path=text(), actual=[text(), {text(): text()}], expected=text(), name=text(), source=text(),
                    assumed=text() if leaf.absent else None, api_version=text())
            for leaf in each.evidence
        ]  # fmt: skip
        exemption = each.exemption and replace(
            each.exemption, id=text(), reason=text(), approved_by=text(), ticket=text(), scope=text(), expires_on=text()
        )
        return replace(
            each, resource_id=None if each.is_absence else f"{GROUP}/providers/Microsoft.Storage/x/{text()}",
            resource_type=text(), message=text(), sub_object=text(), workload=text(), component=text(),
            location=text(), evidence=evidence, witness={text(): text()}, unknown_reason=text(),
            missing_permission=text(), exemption=exemption, remediation_cli=text(), collected_at=text(),
            controls={text(): [text()]}, fingerprint=f"{number:032x}", tags={text(): text()},
        )  # fmt: skip

    findings = [
        finding(each, number)
        for number, each in enumerate([OPENAI_PUBLIC, EXEMPT, MISSING, ROUTE, UNREAD, PASSED, SKIPPED])
    ]
    made = report_of(*findings, notices=(text(), text()))
    gap = OpenGap(replace(GAP, what=text(), scope=text(), reason=text()), settled_by=text())
    counts = dict.fromkeys(Status, 1)
    control = ControlCoverage(text(), text(), Status.FAIL, counts, [text()], {text(): 1}, [text()], [text()], [gap])
    rules = {
        key: replace(rule, title=text(), rationale=text(), remediation=text(), references=[text()], file=text())
        for key, rule in made.rules.items()
    }
    requirement = RequirementResult(text(), text(), text(), None, counts, [], [ManualCheck(text(), text(), text())])
    components = [
        DrawnComponent(
            text(), text(), text(), is_required=True, resource_ids=[text()][:number], not_known=text(), visitors=text()
        )
        for number in (0, 1, 1)
    ]
    calls = [DrawnCall(each.name, other.name, is_seen=True) for each in components for other in components]
    pairs = [
        NetworkPair(text(), text(), text(), text(), answer, is_partial=True, passes=[text()], stopped=[text()], notes=[text()],
                    packet={"source": text(), "destination": text(), "protocol": text(), "assuming": [text()]},
                    unknowns=[text()])
        for answer in ("yes", "no", "unknown")
    ]  # fmt: skip
    return replace(
        made,
        pictures=[WorkloadPicture(text(), text(), components, calls, pairs)],
        rules=rules,
        gaps=[gap.gap],
        coverage=Coverage(
            [gap], [SettlingPermission(text(), 1)], [TypeCoverage(text(), 1, 1, 0, 0, 1)], [control], {text(): text()}
        ),
        framework=FrameworkReport("own", text(), text(), [requirement]),
        snapshot=replace(made.snapshot, scope={text(): text()}, subscription_names={SUBSCRIPTION_KEY: text()}),
        reference_data={text(): text()},
    )


SUBSCRIPTION_KEY: Final = GROUP.split("/")[2].lower()
