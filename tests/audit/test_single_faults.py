"""Each single fault that operators make is told by the controls that it offends, and by no others.

All of them take minutes: a sample is tried. `AUDITOR_ALL_FAULTS=1` tries all, `AUDITOR_FAULTS_SEED` another sample, by the
number in the names of its tests.
"""

from __future__ import annotations

import os
import random
from functools import cache

import pytest

from auditor.model import Report
from tests.audit.flagged import flagged
from tests.audit.judging import judged
from tests.estates.faults import FAULTS
from tests.estates.faults.fault import Fault
from tests.estates.repaired import as_document, repaired

_SAMPLE = 24
_SEED = int(os.environ.get("AUDITOR_FAULTS_SEED") or 1)
_TRIED = FAULTS if os.environ.get("AUDITOR_ALL_FAULTS") else random.Random(_SEED).sample(FAULTS, _SAMPLE)  # noqa: S311


@cache
def _whole() -> Report:
    return judged(as_document(repaired()))


@pytest.mark.parametrize("fault", _TRIED, ids=lambda fault: f"{_SEED}: {fault.name}")
def test_a_fault_is_told_by_its_controls_and_no_others(fault: Fault) -> None:
    draft = repaired()
    fault.make(draft)
    found = flagged(as_document(draft), _whole())
    assert found == {"fail": sorted(fault.controls), "unknown": sorted(fault.unknown)}


def test_faults_have_names_of_their_own() -> None:
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)
