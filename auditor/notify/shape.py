"""What a receiver wants to be told, as data: a file of a body with places for texts, and lists with an item per finding."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Final, Literal

from msgspec import Struct
from pydantic import Field

from auditor import resource_id as ids
from auditor.errors import AuditorError
from auditor.model import AgainstKnown, Finding, Report, Severity
from auditor.redaction.body import Redactor
from auditor.report.summary import counted
from auditor.report.text import run_id, sentence, utc, value_text, visible_json
from auditor.rulebook.validation import Document, Text, check
from auditor.yaml_source import Node, load_file

FOLDER: Final = Path(__file__).parent / "receivers"
_PLACE: Final = re.compile(r"\{([a-z_0-9]+)\}")
_OF_RUN: Final = frozenset({"headline", "run_id", "as_of", "baseline", "snapshot_sha256", "new", "left_out"})
_OF_FINDING: Final = frozenset(
    {
        *(
            "fingerprint",
            "short_fingerprint",
            "change",
            "first_seen",
            "severity",
            "level",
            "rule_id",
            "title",
            "summary",
        ),
        *("resource_id", "resource_type", "sub_object", "workload", "message", "remediation", "owner"),
    }
)
_LEVELS: Final = {Severity.CRITICAL: 1, Severity.HIGH: 1, Severity.MEDIUM: 2, Severity.LOW: 3, Severity.INFO: 3}
_SUMMARY: Final = 220
_SHORT: Final = 16


class ReceiverDocument(Document):
    """How a receiver wants to be told of new findings."""

    called: ClassVar[str] = "a receiver"
    about: Text
    """Who it is."""
    signed: bool = False
    """Whether it must be able to tell that a body is ours: then there must be a key to sign it with."""
    message_for: Literal["run", "finding"]
    """Whether it is told once a run, or once for each finding."""
    most_findings: int = 100
    """How many findings a message names; the others it counts."""
    longest_text: int = 20_000
    """How long a text may be, in characters; a longer one is cut."""
    parameters: dict[str, str] = Field(default_factory=dict)
    """Names that the body may use besides ours, with what they stand for unless --notify-set says otherwise."""
    body: dict[str, object]
    """The message, as JSON; {name} stands for a text, and an entry {repeat: findings, item: …} of a list for many."""


class Shape(Struct, frozen=True):
    """How a receiver wants to be told, with its parameters set."""

    document: ReceiverDocument
    parameters: Mapping[str, str]

    @property
    def is_signed(self) -> bool:
        """Return whether its receiver must be able to tell that a body is ours."""
        return self.document.signed


class Message(Struct, frozen=True):
    """A body to post, and the fingerprints of the findings that it tells of."""

    body: bytes
    fingerprints: Sequence[str]

    @property
    def readable(self) -> str:
        """Return the body with a line for each of its values."""
        return visible_json(json.dumps(json.loads(self.body), indent=2, ensure_ascii=False))


def shipped() -> Sequence[str]:
    """Return the names of the receivers that are known."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def load(name: str, assignments: Sequence[str] = ()) -> Shape:
    """Return how a receiver wants to be told: one that is known, or a file of one's own."""
    path = FOLDER / f"{name}.yaml"
    if name not in shipped():
        path = Path(name)
        if not path.is_file():
            raise AuditorError(
                f"--notify-format {name}: is not known", f"write {', '.join(shipped())}, or a file's path"
            )
    node = load_file(path)
    document = check(node, ReceiverDocument)
    _check_places(node.child("body"), document, is_repeated=document.message_for == "finding")
    return Shape(document, {**document.parameters, **_assigned(assignments, document)})


def _assigned(assignments: Sequence[str], document: ReceiverDocument) -> dict[str, str]:
    given = {}
    for text in assignments:
        name, sign, value = text.partition("=")
        if not sign or name not in document.parameters:
            known = ", ".join(sorted(document.parameters)) or "it has none"
            raise AuditorError(f"--notify-set {text}: names no parameter of the receiver", f"known: {known}")
        given[name] = value
    return given


def _check_places(node: Node, document: ReceiverDocument, *, is_repeated: bool) -> None:
    """Refuse names in a body that stand for nothing, and findings outside a list of them."""
    known = _OF_RUN | document.parameters.keys() | (_OF_FINDING if is_repeated else frozenset())
    match node.value:
        case dict() if "repeat" in node.value:
            if node.value["repeat"].plain() != "findings" or node.value.keys() != {"repeat", "item"}:
                node.fail("a repetition must be {repeat: findings, item: …}")
            _check_places(node.value["item"], document, is_repeated=True)
        case dict():
            for inner in node.value.values():
                _check_places(inner, document, is_repeated=is_repeated)
        case list():
            for inner in node.value:
                _check_places(inner, document, is_repeated=is_repeated)
        case str():
            for name in _PLACE.findall(node.value):
                if name not in known:
                    node.fail(f"{{{name}}} stands for nothing here", f"known: {', '.join(sorted(known))}")
        case _:
            pass


def messages(shape: Shape, report: Report, findings: Sequence[Finding]) -> list[Message]:
    """Return the bodies that tell of findings, the worst first; none where there is nothing to tell."""
    ordered = sorted(
        findings, key=lambda each: (each.severity.rank, each.rule_id, each.resource_id or "", each.sub_object)
    )
    if not ordered:
        return []
    groups = [ordered] if shape.document.message_for == "run" else [[each] for each in ordered]
    return [_message(shape, report, group) for group in groups]


def _message(shape: Shape, report: Report, findings: Sequence[Finding]) -> Message:
    limit = shape.document.longest_text
    shown = findings[: shape.document.most_findings]
    of_run = {**shape.parameters, **_run_values(report, findings, len(shown))}
    each = [{**of_run, **_finding_values(finding, report)} for finding in shown]
    values = of_run if shape.document.message_for == "run" else each[0]
    body = _filled(shape.document.body, values, each, limit)
    encoded = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    return Message(encoded, [finding.fingerprint for finding in findings])


_Values = Mapping[str, str | int]


def _filled(value: object, values: _Values, each: Sequence[_Values], limit: int) -> object:
    """Return a body with its texts in their places."""
    match value:
        case str():
            return _text(value, values, limit)
        case Mapping():
            return {name: _filled(inner, values, each, limit) for name, inner in value.items()}
        case list():
            return list(_elements(value, values, each, limit))
        case _:
            return value


def _elements(items: Sequence[object], values: _Values, each: Sequence[_Values], limit: int) -> Iterator[object]:
    for item in items:
        if isinstance(item, Mapping) and "repeat" in item:
            yield from (_filled(item["item"], own, (), limit) for own in each)
        else:
            yield _filled(item, values, each, limit)


def _text(text: str, values: _Values, limit: int) -> str | int:
    """Return a text with its places filled; one that is nothing but a place for a number is the number."""
    whole = _PLACE.fullmatch(text)
    if whole and isinstance(value := values[whole[1]], int):
        return value
    filled = _PLACE.sub(lambda match: str(values[match[1]]), text).strip(" ")
    return filled if len(filled) <= limit else f"{filled[: limit - 1]}…"


def _run_values(report: Report, findings: Sequence[Finding], shown: int) -> dict[str, str | int]:
    left_out = len(findings) - shown
    worst = findings[0].severity.value
    return {
        "headline": f"{_counted(findings)} in an Azure estate, the worst {worst}",
        "run_id": run_id(report),
        "as_of": utc(report.as_of),
        "baseline": f"{report.baseline_name} {report.baseline_version}",
        "snapshot_sha256": report.snapshot.sha256,
        "new": len(findings),
        "left_out": f"{counted(left_out, 'more finding')} not shown; " if left_out else "",
    }


def _change(finding: Finding) -> str:
    """Return what is new: in comparison with earlier audits, or where there are none, with the failures that are known."""
    return finding.change or (finding.against_known or "")


def _counted(findings: Sequence[Finding]) -> str:
    widened = sum(_change(finding) == AgainstKnown.WIDENED for finding in findings)
    new = len(findings) - widened
    told = [counted(new, "new finding")] if new else []
    told += [counted(widened, "wider finding")] if widened else []
    return " and ".join(told)


def _summary(title: str, finding: Finding) -> str:
    subject = ids.name_of(finding.resource_id or "") or ("missing" if finding.is_absence else "")
    return f"{title}: {subject}" if subject else title


def _finding_values(finding: Finding, report: Report) -> dict[str, str | int]:
    rule = report.rules[finding.rule_id]
    owner = next((value_text(value) for name, value in finding.tags.items() if name.lower() == "owner"), "")
    texts = {
        "fingerprint": finding.fingerprint,
        "short_fingerprint": finding.fingerprint[:_SHORT],
        "change": _change(finding),
        "first_seen": finding.first_seen,
        "severity": finding.severity.value,
        "rule_id": finding.rule_id,
        "title": rule.title,
        "summary": _summary(rule.title, finding)[:_SUMMARY],
        "resource_id": finding.resource_id or "",
        "resource_type": finding.resource_type or "",
        "sub_object": finding.sub_object,
        "workload": finding.workload or "",
        "message": finding.message,
        "remediation": " ".join(filter(None, [rule.remediation, finding.remediation_cli])),
        "owner": owner,
    }
    redactor = Redactor()
    return {"level": _LEVELS[finding.severity], **{name: sentence(redactor.text(text)) for name, text in texts.items()}}
