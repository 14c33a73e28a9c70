"""Keep the bodies of resources, and rows that are yet to be read, as compressed text, and decode them when they are asked for.

As values a body takes six times the room of its JSON text, and the text of an estate, whose resources are alike, shrinks
to a tenth. Whoever goes through an estate asks for the same body several times in a row: the last ones are remembered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import orjson
import zstandard
from msgspec import Struct

_LEVEL: Final = 3
_DICTIONARY_SIZE: Final = 64_000  # a larger one saves little, and is slower by being out of reach
_REMEMBERED: Final = 64 << 10
"""Bytes of text after which what was asked for before the last ones is forgotten: twice as many may be held at a time.

Decoding anew into memory that is at hand costs less than what a larger cache costs by being out of reach.
"""


class _Recent:
    """The bodies that were asked for last, by the identity of what they are kept as, which is held with them.

    What is asked for moves among the young ones; once these are many, they are the old ones, and the old ones go.
    """

    __slots__ = ("_old", "_size", "young")

    def __init__(self) -> None:
        self.young: dict[int, tuple[bytes, Mapping[str, object], int]] = {}
        self._old: dict[int, tuple[bytes, Mapping[str, object], int]] = {}
        self._size = 0

    def old(self, content: bytes) -> Mapping[str, object] | None:
        """Return an old body, which is young again; None where it is forgotten."""
        known = self._old.pop(id(content), None)
        if known is None:
            return None
        self.add(*known)
        return known[1]

    def add(self, content: bytes, body: Mapping[str, object], size: int) -> None:
        """Remember a body, whose text has this size."""
        self.young[id(content)] = content, body, size
        self._size += size
        if self._size > _REMEMBERED:
            self._old, self.young, self._size = self.young, {}, 0


_RECENT: Final = _Recent()


class Bodies:
    """Bodies that are compressed with one dictionary, or without any."""

    __slots__ = ("_dictionary", "_packer", "_unpacker")

    def __init__(self, dictionary: bytes | None = None, *, is_written: bool = False) -> None:
        """Make a store; one that `is_written` is for many. ZstdError, ValueError, MemoryError for what is no dictionary."""
        trained = None if dictionary is None else zstandard.ZstdCompressionDict(dictionary)
        if trained is not None and is_written:
            trained.precompute_compress(level=_LEVEL)
        self._dictionary = dictionary
        self._packer = zstandard.ZstdCompressor(level=_LEVEL, dict_data=trained)
        self._unpacker = zstandard.ZstdDecompressor(dict_data=trained)

    @classmethod
    def like(cls, samples: Sequence[bytes]) -> Bodies:
        """Return a store for bodies whose texts are like these."""
        if not samples:
            return cls()
        try:
            trained = zstandard.train_dictionary(_DICTIONARY_SIZE, list(samples))
        except zstandard.ZstdError:  # too little to learn from: bodies that are all but empty
            return cls()
        return cls(trained.as_bytes(), is_written=True)

    def __reduce__(self) -> tuple[type[Bodies], tuple[bytes | None]]:
        """Go to another process as the dictionary."""
        return Bodies, (self._dictionary,)

    def keep(self, body: Mapping[str, object]) -> bytes:
        """Return a body as compressed text."""
        return self.packed(orjson.dumps(body))

    def packed(self, text: bytes | memoryview) -> bytes:
        """Return a text compressed."""
        return bytes(memoryview(self._packer.compress(text)))  # what the packer gives holds room for the whole text

    def text(self, content: bytes) -> bytes:
        """Return the text of a body. ZstdError where there is none."""
        return self._unpacker.decompress(content)

    def read(self, content: bytes) -> Mapping[str, object]:
        """Return a body."""
        known = _RECENT.young.get(id(content))
        if known is not None:
            return known[1]
        return _RECENT.old(content) or self._decoded(content)

    def _decoded(self, content: bytes) -> Mapping[str, object]:
        text = self.text(content)
        body: Mapping[str, object] = orjson.loads(text)
        _RECENT.add(content, body, len(text))
        return body


class PackedRow(Struct, frozen=True):
    """A row of an export as compressed text."""

    content: bytes
    store: Bodies

    @classmethod
    def of(cls, text: bytes | memoryview, store: Bodies) -> PackedRow:
        """Return a text as it is kept in a store."""
        return cls(store.packed(text), store)

    def decoded(self) -> object:
        """Return the value."""
        return orjson.loads(self.store.text(self.content))
