"""Modules that commands import when they use them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from auditor import shipped
from auditor.cli.lazy_imports import lazy_imports
from tests.checkout import ROOT

with lazy_imports(__name__):
    from auditor.nowhere import nothing  # type: ignore[import-not-found]

    from auditor import shipped as found_on_use


def test_a_module_is_imported_at_the_first_look_at_one_of_its_names() -> None:
    assert found_on_use.folder is shipped.folder


def test_a_module_that_is_not_there_is_missed_on_use_and_no_earlier() -> None:
    with pytest.raises(ModuleNotFoundError, match=r"auditor\.nowhere"):
        nothing.anything  # noqa: B018 - the look is what is tested


def test_no_function_imports_anything_on_its_own() -> None:
    """But for those of the library, whose import must cost nothing and which lies below the command line."""
    own = [
        f"{path.relative_to(ROOT)}:{inner.lineno}"
        for path in sorted({*Path(ROOT, "auditor").rglob("*.py")} - {Path(ROOT, "auditor", "__init__.py")})
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for inner in ast.walk(function)
        if isinstance(inner, ast.Import | ast.ImportFrom)
    ]
    assert own == []
