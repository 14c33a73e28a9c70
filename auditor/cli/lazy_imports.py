"""Import modules when they are first used, so that `--help` and mistakes in options need not wait for the engine.

This is what PEP 810 (https://peps.python.org/pep-0810/) makes a statement of in Python 3.15.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import LazyLoader
from types import ModuleType


class _OnUse(MetaPathFinder):
    """Find modules as usual, and let them be executed at the first look at one of their names."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = LazyLoader(spec.loader)
        return spec


@contextmanager
def lazy_imports() -> Iterator[None]:
    """Import what is imported in the block on use: modules only, as `from package.module import name` looks at a name."""
    finder = _OnUse()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
