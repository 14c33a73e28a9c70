"""Which components give which capability, as the shipped baseline of the chat declares it, for workloads made by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

from auditor.architecture.declare import read_declarations
from auditor.architecture.workloads import givers_of
from auditor.yaml_source import load_file
from tests.checkout import BASELINE


@cache
def chat_givers() -> Mapping[str, Sequence[str]]:
    """Return the components by capability."""
    components = load_file(BASELINE / "components.yaml").plain()
    assert isinstance(components, dict)
    return givers_of(read_declarations(components, {}))
