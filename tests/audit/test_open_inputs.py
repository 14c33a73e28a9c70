"""Laws of what was not seen: less of an input never makes another answer, and more of it never takes one away."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor import resource_id as ids
from auditor.azure.catalogue import shipped
from auditor.inputs.read import read
from auditor.model import Status
from tests.audit import laws
from tests.audit.judging import judged
from tests.audit.laws import Verdicts
from tests.e2e.command import sample

_FEW = settings(max_examples=int(os.environ.get("AUDITOR_EXAMPLES", "3")))
"""Each example judges an estate: more of them are asked for by AUDITOR_EXAMPLES."""


def _open() -> dict[str, Any]:
    return {name: value for name, value in sample().items() if name not in {"complete", "gaps"}}


@cache
def _before(*, complete: bool = False) -> Verdicts:
    return Verdicts(judged(_open(), complete=complete))


def _after(document: Mapping[str, Any], *, complete: bool = False) -> Verdicts:
    return Verdicts(judged(document, complete=complete))


_DOCUMENT = _open()
_KEYS = laws.keys_of(_DOCUMENT)
_TYPES = laws.types_of(_DOCUMENT)
_EITHER_WAY = (Status.NOT_APPLICABLE, Status.PASS)
"""What a rule may or may not be about passes where its requirement holds either way."""
_ALWAYS = sorted(key for kind in shipped() if kind.always_exists for key in laws.keys_of(_DOCUMENT, kind.name))


@_FEW
@given(st.sampled_from(_TYPES))
def test_a_type_less_in_an_open_input_makes_answers_unknown_at_most(missing: str) -> None:
    gone = laws.keys_of(_DOCUMENT, missing)
    assert not laws.turned(_before(), _after(laws.without(_DOCUMENT, gone)), gone)


@_FEW
@given(st.sampled_from(_KEYS))
def test_a_resource_less_in_an_open_input_makes_answers_unknown_at_most(missing: str) -> None:
    assert not laws.turned(_before(), _after(laws.without(_DOCUMENT, [missing])), [missing])


@_FEW
@given(st.sampled_from(_KEYS))
def test_properties_less_in_an_open_input_make_answers_unknown_at_most(bare: str) -> None:
    changes = laws.turned(_before(), _after(laws.without_properties(_DOCUMENT, bare)), bare=[bare])
    assert not [change for change in changes if change[1:] != _EITHER_WAY]


@_FEW
@given(st.one_of(st.just(_KEYS), st.lists(st.sampled_from(_KEYS), unique=True)))
def test_rows_without_properties_make_answers_unknown_at_most(bare: list[str]) -> None:
    """A pass may go without a word where what led to its subject was not read; a failure may not."""
    document = _DOCUMENT
    for key in bare:
        document = laws.without_properties(document, key)
    changes = laws.turned(_before(complete=True), _after(document, complete=True), bare=bare)
    harmless = {_EITHER_WAY, (Status.PASS, laws.NOWHERE)}
    assert not [change for change in changes if change[1:] not in harmless]


@_FEW
@given(st.integers(0, len(_KEYS) - 1), st.integers(1, 40))
def test_a_page_less_in_an_open_input_makes_answers_unknown_at_most(first: int, length: int) -> None:
    gone = _KEYS[first : first + length]
    assert not laws.turned(_before(), _after(laws.without(_DOCUMENT, gone)), gone)


@_FEW
@given(st.sampled_from(_ALWAYS))
def test_what_always_exists_and_is_not_there_is_unknown_in_a_complete_input(missing: str) -> None:
    gone = [missing] if _is_named(missing) else [key for key in _ALWAYS if _kind_below(key) == _kind_below(missing)]
    after = _after(laws.without(_DOCUMENT, gone), complete=True)
    assert not laws.turned(_before(complete=True), after, gone)
    judged_by = _before(complete=True).items()
    rules = {rule for (rule, resource, _), status in judged_by if resource in gone and status != "not_applicable"}
    owner = missing.rsplit("/", 2)[0]
    assert rules <= {rule for (rule, resource, _), status in after.items() if status == "unknown" and resource == owner}


def test_rows_without_what_azure_always_states_make_answers_unknown_at_most() -> None:
    """A query for some columns leaves out `sku` and `kind`, and then nobody knows what else stands beside properties."""
    stated = {key: kind.always for kind in shipped() if kind.always for key in laws.keys_of(_DOCUMENT, kind.name)}
    assert stated
    for leave_out in (laws.without_names, laws.with_nulls):
        document = leave_out(_DOCUMENT, stated)
        for complete in (False, True):
            changes = laws.turned(_before(complete=complete), _after(document, complete=complete), bare=list(stated))
            harmless = {_EITHER_WAY, (Status.PASS, laws.NOWHERE)}  # a component is bound by the kind of an account
            assert not [change for change in changes if change[1:] not in harmless]


def _kind_below(key: str) -> str:
    return key.rpartition("/")[0]


def _is_named(key: str) -> bool:
    """Whether the names of what always exists are known, so that one of them is missed beside the others."""
    kind = shipped().get(ids.type_of(key) or "")
    return bool(kind and kind.listing and kind.listing.members)


@pytest.mark.parametrize("complete", [False, True])
def test_an_estate_as_the_command_line_prints_it_gets_the_same_answers_or_unknown(*, complete: bool) -> None:
    printed = {**_DOCUMENT, "resources": list(map(laws.as_printed, _DOCUMENT["resources"]))}
    assert printed != _DOCUMENT
    assert not laws.turned(_before(complete=complete), _after(printed, complete=complete))


@settings(max_examples=10)
@given(st.lists(st.integers(0, 4), min_size=2, max_size=9), st.randoms(use_true_random=False))
def test_an_estate_cut_into_files_and_joined_again_is_the_estate(cuts: list[int], order: Any) -> None:
    folder = _folder()
    files = []
    for number, part in enumerate(laws.pages(_DOCUMENT, cuts)):
        files.append(folder / f"{number}.json")
        files[-1].write_text(json.dumps(part), encoding="utf-8")
    order.shuffle(files)
    assert read(*files).sha256 == _whole_hash()


@_FEW
@given(st.lists(st.integers(0, 1), min_size=2, max_size=9).filter(lambda cuts: {0, 1} <= set(cuts)))
def test_a_further_file_makes_no_answer_not_applicable(cuts: list[int]) -> None:
    first = _after(laws.pages(_DOCUMENT, cuts)[0])
    assert not {
        key
        for key, status in first.items()
        if status != Status.NOT_APPLICABLE and _before().get(key) == Status.NOT_APPLICABLE
    }
    answered = {rule for (rule, _, _), status in _before().items() if status != Status.NOT_APPLICABLE}
    assert {rule for (rule, _, _), status in first.items() if status in {Status.PASS, Status.FAIL}} <= answered


@pytest.fixture(autouse=True, scope="module")
def _scratch(tmp_path_factory: pytest.TempPathFactory) -> None:
    _FOLDER.append(tmp_path_factory.mktemp("parts"))


_FOLDER: list[Path] = []


def _folder() -> Path:
    return _FOLDER[-1]


@cache
def _whole_hash() -> str:
    path = _folder() / "whole.json"
    path.write_text(json.dumps(_DOCUMENT), encoding="utf-8")
    return read(path).sha256
