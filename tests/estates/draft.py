"""An estate that is being changed: resources are looked up by the end of their id."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from tests.estates.arm import Body


class Draft:
    """The resources of an estate, to be changed in place."""

    def __init__(self, bodies: list[Body]) -> None:
        self.bodies = bodies

    def __getitem__(self, end: str) -> Body:
        """Return the only resource whose id ends so."""
        [body] = [each for each in self.bodies if each["id"].endswith(f"/{end}")]
        return body

    def __contains__(self, end: str) -> bool:
        return any(each["id"].endswith(f"/{end}") for each in self.bodies)

    def of_type(self, kind: str) -> list[Body]:
        """Return the resources of a type."""
        return [each for each in self.bodies if each["type"] == kind]

    def below(self, end: str) -> list[Body]:
        """Return a resource with all whose ids start with its own."""
        top = self[end]["id"]
        return [each for each in self.bodies if each["id"] == top or each["id"].startswith(f"{top}/")]

    def add(self, *bodies: Body) -> None:
        """Add resources, each a copy."""
        self.bodies += json.loads(json.dumps(bodies))

    def remove(self, *ends: str) -> None:
        """Remove resources with all that lies below them."""
        for end in ends:
            gone = {each["id"] for each in self.below(end)}
            self.bodies = [each for each in self.bodies if each["id"] not in gone]

    def put(self, end: str, path: str, value: Any) -> None:
        """Set a property of a resource by its path below `properties`; a number is a place in a list."""
        put(self[end]["properties"], path, value)

    def drop(self, end: str, path: str) -> None:
        """Take a property of a resource away, as Azure leaves one out that was never set."""
        *steps, last = path.split(".")
        holder = self[end]["properties"]
        for step in steps:
            holder = holder[int(step)] if step.isdigit() else holder[step]
        del holder[int(last) if last.isdigit() else last]

    def document(self, like: Mapping[str, Any]) -> dict[str, Any]:
        """Return the estate as the document that another one is."""
        return {**like, "resources": sorted(self.bodies, key=lambda body: (body["type"], body["id"]))}


Change = Callable[[Draft], object]
"""What is done to an estate."""


def put(body: Any, path: str, value: Any) -> None:
    """Set what a path leads to; a number in it is a place in a list."""
    *steps, last = path.split(".")
    for step in steps:
        body = body[int(step)] if step.isdigit() else body.setdefault(step, {})
    body[int(last) if last.isdigit() else last] = value
