"""Read and write files of known failures; a JSON report is read as one, too."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Final, Literal

from pydantic import ValidationError

from auditor.engine.accepted import report_reader
from auditor.engine.accepted.finding_sets import as_document, from_document, grown
from auditor.engine.accepted.known import JudgedFailures, KnownFailure, KnownFailures
from auditor.errors import AuditorError
from auditor.model import FindingSet
from auditor.rulebook.validation import Document
from auditor.snapshot import json_text

RATCHET_VERSION: Final = 1


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
    report = report_reader.report_of(document, str(path))
    if report is None:
        raise AuditorError(
            f"{path}: is neither a JSON report nor a file of known failures",
            "write one: auditor ratchet write INPUT -o FILE",
        )
    return KnownFailures.of(JudgedFailures.of(report).failures)


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
