"""Read and write files of known failures; a JSON report is read as one, too."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Final, Literal

from pydantic import ValidationError

from auditor.engine import value_sets
from auditor.engine.finding_sets import as_document, from_document, grown
from auditor.engine.known import JudgedFailures, KnownFailure, KnownFailures
from auditor.errors import AuditorError
from auditor.model import Evidence, FindingSet, Status
from auditor.rulebook.validation import Document
from auditor.snapshot import json_text

RATCHET_VERSION: Final = 1
_REPORT_VERSIONS: Final = (1, 2)
_HEAD: Final = 4096


class KnownFailureDocument(Document):
    """A failure that is known."""

    called: ClassVar[str] = "a known failure"
    rule_id: str
    """The rule that fails."""
    resource_id: str | None
    """The resource that it fails on; null where there is none."""
    sub_object: str
    """What of the resource fails, where one resource has several failures of a rule; else empty."""
    fingerprint: str
    """Rule, resource and part as one, by which the failure is found again."""
    rests_on: dict[str, object] | None = None
    """How far it goes: the set that it rests on, as in the JSON report. What is beyond it is new."""


class RatchetDocument(Document):
    """The failures that are known: what else fails, or goes further, fails a gate. `auditor ratchet` writes it."""

    called: ClassVar[str] = "a file of known failures"
    ratchet_version: Literal[1]
    """Rises only when a reader of the older version would be misled."""
    count: int
    """How many failures are known. It only falls, unless somebody says otherwise."""
    failures: list[KnownFailureDocument]
    """The failures, by rule, resource and part."""


def text_of(known: KnownFailures) -> str:
    """Return a file of known failures: sorted, so that the same failures give the same bytes."""
    failures = known.listed
    document = {
        "ratchet_version": RATCHET_VERSION,
        "count": len(failures),
        "failures": [_document(failure) for failure in failures],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _document(failure: KnownFailure) -> dict[str, object]:
    document: dict[str, object] = {
        "rule_id": failure.rule_id,
        "resource_id": failure.resource_id,
        "sub_object": failure.sub_object,
        "fingerprint": failure.fingerprint,
    }
    if failure.rests_on is not None:
        document["rests_on"] = as_document(failure.rests_on)
    return document


def read(path: Path) -> KnownFailures:
    """Return the failures of a file of known ones, or of a JSON report. AuditorError where it is neither."""
    data = _bytes(path)
    document = json_text.decode(data, str(path))
    if isinstance(document, Mapping) and "ratchet_version" in document:
        return KnownFailures.of(_of_ratchet(path, data))
    return KnownFailures.of(_of_report(path, document).failures)


def read_report(path: Path) -> JudgedFailures:
    """Return what a JSON report says. AuditorError where the file is none."""
    return _of_report(path, json_text.decode(_bytes(path), str(path)))


def is_report(path: Path) -> bool:
    """Whether a file begins as a JSON report does, so that it is none of an estate."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        head = file.read(_HEAD)
    return b'"schema_version"' in head and b'"run_id"' in head


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as problem:
        raise AuditorError(f"{path}: cannot be read: {problem.strerror or problem}") from problem


def _of_ratchet(path: Path, data: bytes) -> list[KnownFailure]:
    try:
        document = RatchetDocument.model_validate_json(data)
    except ValidationError as problem:
        first = problem.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise AuditorError(
            f"{path}: {place or 'the file'}: {first['msg']}", "it is no file of known failures; write it again"
        ) from problem
    return [
        KnownFailure(
            each.fingerprint,
            each.rule_id,
            each.resource_id,
            each.sub_object,
            None if each.rests_on is None else _set(each.rests_on, path, number),
        )
        for number, each in enumerate(document.failures)
    ]


def _set(document: Mapping[str, object], path: Path, number: int) -> FindingSet:
    try:
        of = from_document(document)
        grown(of, of)  # that a set of packets cannot be read shows when it is
    except (ValueError, KeyError) as problem:
        raise AuditorError(f"{path}: failures.{number}.rests_on: {problem}", "write the file again") from problem
    return of


def _of_report(path: Path, document: object) -> JudgedFailures:
    """Return what a report says, whichever version it is of; of what is no report say what would be."""
    findings = document.get("findings") if isinstance(document, Mapping) else None
    if (
        not isinstance(document, Mapping)
        or document.get("schema_version") not in _REPORT_VERSIONS
        or not isinstance(findings, list)
    ):
        raise AuditorError(
            f"{path}: is neither a JSON report nor a file of known failures",
            "write one: auditor ratchet write INPUT -o FILE",
        )
    told = [_Told(path, number, each) for number, each in enumerate(findings)]
    rules = document.get("rules")
    asked = set(rules) if isinstance(rules, Mapping) else {each.rule_id for each in told}
    return JudgedFailures(
        failures=[each.failure() for each in told if each.status == Status.FAIL and not each.is_exempted],
        settled={each.fingerprint for each in told if each.status not in {Status.FAIL, Status.UNKNOWN}},
        answered=asked - {each.rule_id for each in told if each.status == Status.UNKNOWN},
        is_closed=not document.get("gaps"),
    )


class _Told:
    """A finding as a report tells it."""

    def __init__(self, path: Path, number: int, document: object) -> None:
        if not isinstance(document, Mapping):
            raise AuditorError(f"{path}: findings.{number} is no object", "it is no JSON report of the tool's")
        self._path, self._number, self._document = path, number, document
        self.fingerprint, self.rule_id, self.status = map(self._text, ("fingerprint", "rule_id", "status"))
        self.is_exempted = document.get("exemption") is not None

    def _text(self, name: str) -> str:
        value = self._document.get(name)
        if not isinstance(value, str):
            raise AuditorError(
                f"{self._path}: findings.{self._number}.{name} is no text", "it is no JSON report of the tool's"
            )
        return value

    def failure(self) -> KnownFailure:
        """Return it as a known failure; releases that wrote no set wrote the values all the same."""
        resource_id = self._document.get("resource_id")
        place = resource_id if isinstance(resource_id, str) else None
        rests_on = self._document.get("rests_on")
        part = str(self._document.get("sub_object") or "")
        if isinstance(rests_on, Mapping):
            found: FindingSet | None = _set(rests_on, self._path, self._number)
        else:
            found = value_sets.of_leaves(map(_leaf, self._objects("evidence")), place)
        return KnownFailure(self.fingerprint, self.rule_id, place, part, found)

    def _objects(self, name: str) -> Sequence[Mapping[str, object]]:
        values = self._document.get(name)
        return [each for each in values if isinstance(each, Mapping)] if isinstance(values, list) else []


def _leaf(document: Mapping[str, object]) -> Evidence:
    name, resource_id = document.get("name"), document.get("resource_id")
    return Evidence(
        path=str(document.get("path")),
        operator=str(document.get("operator")),
        expected=document.get("expected"),
        actual=document.get("actual"),
        assumed=document.get("assumed"),
        absent=document.get("absent") is True,
        name=name if isinstance(name, str) else None,
        resource_id=resource_id if isinstance(resource_id, str) else None,
    )
