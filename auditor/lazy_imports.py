"""Import modules when they are first used, so that `--help` and mistakes in options need not wait for the engine.

This is what PEP 810 (https://peps.python.org/pep-0810/) makes a statement of in Python 3.15. The standard library's
`LazyLoader` will not do: it puts modules that are not executed yet where whoever goes through `sys.modules` wakes them.
"""

from __future__ import annotations

import builtins
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType


class _OnUse(ModuleType):
    """Stands for a module, and gives way to it at the first look at one of its names."""

    def __init__(self, name: str, importer: str) -> None:
        super().__init__(name)
        self.__importer__ = importer

    def __getattr__(self, name: str) -> object:
        module = import_module(self.__name__)
        names = vars(sys.modules[self.__importer__])
        for key in [key for key, value in names.items() if value is self]:
            names[key] = module
        return getattr(module, name)


class _Package(ModuleType):
    """Stands for a package in `from package import module`."""

    def __init__(self, name: str, importer: str) -> None:
        super().__init__(name)
        self.__importer__ = importer

    def __getattr__(self, name: str) -> _OnUse:
        return _OnUse(f"{self.__name__}.{name}", self.__importer__)


@contextmanager
def lazy_imports(importer: str) -> Iterator[None]:
    """Let `import module` and `from package import module`, in the block and in the module of this name, import it on use."""
    real = builtins.__import__

    def import_on_use(
        name: str,
        globals: Mapping[str, object] | None = None,  # noqa: A002 - the names that Python calls it with
        locals: Mapping[str, object] | None = None,  # noqa: A002 - as above
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType:
        if globals is not None and globals.get("__name__") == importer:
            return _Package(name, importer) if fromlist else _OnUse(name, importer)
        return real(name, globals, locals, fromlist, level)

    builtins.__import__ = import_on_use
    try:
        yield
    finally:
        builtins.__import__ = real
