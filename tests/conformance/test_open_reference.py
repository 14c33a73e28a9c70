"""The laws of what was not seen, on the published reference implementation."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from functools import cache
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.audit import laws
from tests.audit.judging import judged
from tests.audit.laws import Verdicts
from tests.conformance.material import reference_file

_FEW = settings(max_examples=int(os.environ.get("AUDITOR_EXAMPLES", "2")))


@cache
def _document() -> dict[str, Any]:
    read: dict[str, Any] = json.loads(reference_file().read_text(encoding="utf-8"))
    return {name: value for name, value in read.items() if name not in {"complete", "gaps"}}


@cache
def _before() -> Verdicts:
    return _after(_document())


def _after(document: Mapping[str, Any]) -> Verdicts:
    return Verdicts(judged(document, complete=False))


_ANY = st.integers(0, 10_000)


@_FEW
@given(_ANY)
def test_a_type_less_makes_answers_unknown_at_most(choice: int) -> None:
    types = laws.types_of(_document())
    gone = laws.keys_of(_document(), types[choice % len(types)])
    assert not laws.turned(_before(), _after(laws.without(_document(), gone)), gone)


@_FEW
@given(_ANY, st.integers(1, 20))
def test_a_page_less_makes_answers_unknown_at_most(first: int, length: int) -> None:
    keys = laws.keys_of(_document())
    gone = keys[first % len(keys) :][:length]
    assert not laws.turned(_before(), _after(laws.without(_document(), gone)), gone)


@_FEW
@given(_ANY)
def test_properties_less_make_answers_unknown_at_most(choice: int) -> None:
    keys = laws.keys_of(_document())
    bare = keys[choice % len(keys)]
    assert not laws.turned(_before(), _after(laws.without_properties(_document(), bare)), bare=[bare])


def test_the_command_line_s_own_form_gets_the_same_answers_or_unknown() -> None:
    printed = {**_document(), "resources": list(map(laws.as_printed, _document()["resources"]))}
    assert not laws.turned(_before(), _after(printed))
