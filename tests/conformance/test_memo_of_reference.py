"""The reference estate is judged the same with and without memory, in whatever order its resources and keys stand."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest

from auditor import audit
from auditor.engine.evaluate import Evaluation
from auditor.engine.partwise import findings
from auditor.inputs import read
from tests.audit.judging import shipped
from tests.conformance.material import reference_file
from tests.engine.memorable import by_reference


def _shuffled(chance: Random, value: Any) -> Any:
    """Shuffle the keys of all objects; lists keep their order, but for that of the resources."""
    if isinstance(value, dict):
        return {key: _shuffled(chance, value[key]) for key in chance.sample(list(value), len(value))}
    return [_shuffled(chance, item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize(("seed", "complete"), [(0, True), (1, True), (2, False)])
def test_remembered_findings_are_those_of_the_reference_evaluator(
    seed: int, *, complete: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = json.loads(reference_file().read_text(encoding="utf-8"))
    if seed:
        chance = Random(seed)  # noqa: S311 - an order
        resources = _shuffled(chance, document["resources"])
        document["resources"] = chance.sample(resources, len(resources))
    path = tmp_path / "estate.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    terms = audit.Terms(complete=complete)
    question = Evaluation(audit.context(read.read(path), shipped(), terms), shipped(), terms.explain_passes)

    remembered = findings(question)

    assert [repr(one) for one in remembered] == [repr(one) for one in by_reference(question, monkeypatch)]
