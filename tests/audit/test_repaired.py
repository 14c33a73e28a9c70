"""The repaired estate fails what the architecture sanctions, and each repair taken back what it is for: nothing else."""

from __future__ import annotations

from functools import cache

import pytest

from auditor.model import Report, Status
from tests.audit.flagged import controls, flagged
from tests.audit.judging import judged
from tests.estates.repaired import EDITS, SANCTIONED, as_document, repaired
from tests.estates.repaired.edit import Edit


@cache
def _whole() -> Report:
    return judged(as_document(repaired()))


def test_the_repaired_estate_fails_what_the_architecture_sanctions_and_nothing_is_unknown() -> None:
    findings = _whole().findings
    assert controls([each for each in findings if each.status is Status.FAIL]) == SANCTIONED
    assert [each for each in findings if each.status is Status.UNKNOWN] == []


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.name)
def test_a_repair_taken_back_is_told_by_its_controls_and_no_others(edit: Edit) -> None:
    found = flagged(as_document(repaired(edit.name)), _whole())
    assert found == {"fail": sorted(edit.repairs), "unknown": sorted(edit.unknown)}


def test_repairs_have_names_of_their_own() -> None:
    assert len({edit.name for edit in EDITS}) == len(EDITS)
