"""Modules that commands import when they use them."""

from __future__ import annotations

import pytest

from auditor import shipped
from auditor.lazy_imports import lazy_imports

with lazy_imports(__name__):
    from auditor.nowhere import nothing  # type: ignore[import-not-found]

    from auditor import shipped as found_on_use


def test_a_module_is_imported_at_the_first_look_at_one_of_its_names() -> None:
    assert found_on_use.folder is shipped.folder


def test_from_then_on_it_is_the_module_itself() -> None:
    assert found_on_use.DISTRIBUTION
    assert globals()["found_on_use"] is shipped


def test_a_module_that_is_not_there_is_missed_on_use_and_no_earlier() -> None:
    with pytest.raises(ModuleNotFoundError, match=r"auditor\.nowhere"):
        nothing.anything  # noqa: B018 - the look is what is tested
