"""The model of a settings file, made from the options that commands have."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Annotated, Any, Final, Literal, get_args

from msgspec import Struct
from pydantic import BeforeValidator, Field, WithJsonSchema, create_model

from auditor.rulebook.validation import Document, Text


class OptionSetting(Struct, frozen=True):
    """An option as a file may set it: what it means, the type that it takes, and whether it may be given several times."""

    meaning: str
    takes: Any
    is_repeatable: bool


class _Settings(Document):
    called = "the settings"


def model_of(settings: Mapping[str, OptionSetting]) -> type[Document]:
    """Return the model with an optional key for each option, by name."""
    fields: dict[str, Any] = {
        name.replace("-", "_"): (_value(setting), Field(None, alias=name, description=setting.meaning or None))
        for name, setting in settings.items()
    }
    return create_model("Settings", __base__=_Settings, __doc__="Defaults for options of the commands.", **fields)


def _value(setting: OptionSetting) -> Any:
    """Return the type of a value: for a choice its words, for what may be given several times also a list."""
    plain = [part for part in (get_args(setting.takes) or (setting.takes,)) if part is not type(None)]
    kind = plain[0] if plain else str
    if isinstance(kind, type) and issubclass(kind, Enum):
        return Literal[tuple(member.value for member in kind)]
    single = kind if kind in {bool, int, float} else Text
    return _SEVERAL if setting.is_repeatable else single


def _listed(given: object) -> object:
    return [given] if isinstance(given, str) else given


_SEVERAL: Final = Annotated[
    list[Text],
    BeforeValidator(_listed),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]
"""One text, or a list of them."""
