"""Take the secrets out of a body without any shortcut: every member by its name, every text by all detectors, each time."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

from auditor.redaction import text as texts
from auditor.redaction.harmless import OPTION
from auditor.redaction.marks import Marker
from auditor.redaction.names import (
    API_PROPERTY_ENDINGS,
    ENVELOPE,
    NAMED,
    NAMES_IN_TREES,
    NAMING,
    VALUES,
    Meaning,
    folded,
    is_always_secret,
    looks_like_a_key,
    meaning_of,
)

Clean = Callable[[str, Any], Any]


def each(value: dict[str, Any], clean: Clean) -> dict[str, Any]:
    return {name: clean(name, item) for name, item in value.items()}


class PlainRedactor:
    """What `Redactor` is, by the same detectors and names, without memory."""

    def __init__(self, key: bytes | None, *, people: bool) -> None:
        self.mark, self.marker, self.people = Marker(key).mark, Marker(key), people

    def body(self, body: dict[str, Any]) -> dict[str, Any]:
        return each(body, lambda name, item: item if name.lower() in ENVELOPE else self.property(body, name, item))

    def property(self, body: dict[str, Any], name: str, value: Any) -> Any:
        if name.lower() != "properties" or not isinstance(value, dict):
            return self.member(name, value)
        kind, own_name = str(body.get("type", "")).lower(), str(body.get("name", "")).rpartition("/")[2]
        if folded(own_name) in {"appsettings", "connectionstrings"} and "/config" in kind:
            return each(value, lambda _, item: self.tree(item))
        is_variable = kind == "microsoft.automation/automationaccounts/variables"
        if (is_variable or meaning_of(own_name) is Meaning.SECRET) and isinstance(value.get("value"), str):
            return each(value, lambda key, item: self.tree(item) if key == "value" else self.member(key, item))
        return self.any(value)

    def text(self, text: str, *, is_opaque: bool = False) -> str:
        for _ in range(5):
            if len(text) < 6 or not (spans := texts._secrets_in(text, is_opaque)):  # noqa: SLF001 - the detectors themselves
                return text
            before, text = text, texts._replaced(text, spans, self.marker)  # noqa: SLF001
        return self.mark(before)

    def member(self, name: str, value: Any) -> Any:  # noqa: PLR0911 - a line for each meaning
        meaning = meaning_of(name)
        if isinstance(value, str):
            if meaning is Meaning.SECRET or (meaning is Meaning.MAYBE and looks_like_a_key(value)):
                return self.secret(value)
            if meaning is Meaning.PERSON and self.people and "@" in value:
                return self.mark(value)
            return self.text(value, is_opaque=meaning is Meaning.OPAQUE)
        if not isinstance(value, dict | list):
            return self.secret(value) if meaning is Meaning.SECRET else value
        is_tree = meaning is Meaning.SECRET and (isinstance(value, list) or is_always_secret(name))
        if meaning is Meaning.TREE or is_tree:
            return self.tree(value)
        if isinstance(value, list):
            return self.list(value, self.named if meaning is Meaning.VALUES else self.any)
        if meaning is Meaning.SECRET:
            return each(value, lambda key, item: self.tree(item) if folded(key) in NAMED else self.member(key, item))
        return each(value, self.api_property) if name.lower() == "apiproperties" else self.any(value)

    def any(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return self.list(value, self.any)
        if not isinstance(value, dict):
            return value
        name = next((str(item) for key, item in value.items() if folded(key) in NAMING), "")
        if VALUES.isdisjoint(value) or not name:
            return each(value, self.member)
        return each(value, lambda key, item: self.member(name if folded(key) in NAMED else key, item))

    def list(self, value: list[Any], clean: Callable[[Any], Any]) -> list[Any]:
        cleaned = [clean(item) for item in value]
        if value and isinstance(value[0], str):
            for place, (option, item) in enumerate(pairwise(value), 1):
                is_named = isinstance(option, str) and OPTION.fullmatch(option)
                if is_named and isinstance(item, str) and not item.startswith("-"):
                    cleaned[place] = self.secret(item)
        return cleaned

    def api_property(self, name: str, value: Any) -> Any:
        return self.tree(value) if name.lower().endswith(API_PROPERTY_ENDINGS) else self.member(name, value)

    def named(self, value: Any) -> Any:
        if not isinstance(value, dict):
            return self.any(value)
        return each(value, lambda key, item: self.tree(item) if key.lower() == "value" else self.member(key, item))

    def tree(self, value: Any) -> Any:
        if isinstance(value, list):
            return self.list(value, self.tree)
        if not isinstance(value, dict):
            return self.secret(value)

        def clean(name: str, item: Any) -> Any:
            is_name = name.lower() in NAMES_IN_TREES and not isinstance(item, dict | list)
            return self.any(item) if is_name else self.tree(item)

        return each(value, clean)

    def secret(self, value: Any) -> Any:
        if value is None or isinstance(value, bool) or value in ("", [], {}):
            return value
        if isinstance(value, str) and texts.is_reference(value):
            return self.text(value)
        return self.mark(str(value))
