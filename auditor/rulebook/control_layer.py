"""What one baseline brings of a framework: files of controls, and globs of those below that it takes away."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from auditor.yaml_source import Node


class ControlLayer(Struct, frozen=True):
    """`removed` are the places of globs of ids, which leave before the controls of `files` come in.

    `rules_gone` are globs of rules that are taken away: with them go the legs that they answer, and controls without legs.
    """

    files: Sequence[Node] = ()
    removed: Sequence[Node] = ()
    rules_gone: Sequence[str] = ()
