"""Keep the findings of each part of an estate in a file, with all that they rest on, and take over what still holds.

A part is taken over where everything that was asked while it was judged has the same answer now: nothing else can have
entered into it. The file may come from a stranger: nothing but findings can be made of it, and what is damaged, or was made
by another version of the tool or under other rules, counts as not there. It holds findings, which are without secrets,
and keyed digests of what they rest on.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from auditor.engine.incremental.digests import KEY_SIZE, SIZE, Digests
from auditor.engine.incremental.trace import Question, TimeComparison, Trace
from auditor.estate.graph import Estate
from auditor.lazy_imports import lazy_imports
from auditor.snapshot import whole_file

with lazy_imports(__name__):
    import zstandard

Tell = Callable[[str], None]
"""Is told what somebody should know."""
Place = tuple[str, ...]
"""Which part of an estate."""
_Number = Annotated[int, Meta(ge=0)]
_HEAD: Final = b"auditor answers 1\n"
_LEVEL: Final = 3
_LARGEST: Final = 2 << 30
"""Bytes of a file that is read or written, and of what is packed in it."""
_RATIO: Final = 200
_LEAST: Final = 64 << 20
_DAMAGED: Final = "it is damaged"
_LOGGER: Final = logging.getLogger(__name__)


class JudgedAnew(Struct, frozen=True):
    """The findings of a part that was judged now, as plain data, with all that was asked and read for them."""

    place: Place
    asked: Sequence[Question]
    read: Mapping[str, frozenset[str]]
    times: Sequence[TimeComparison]
    exact_time: bool
    findings: list[bytes]

    @classmethod
    def of(cls, place: Place, trace: Trace, findings: list[bytes]) -> JudgedAnew:
        """Return what is to be kept of a part."""
        read = {key: frozenset(members) for key, members in trace.read.items() if members}
        return cls(place, list(trace.asked), read, list(trace.times), trace.exact_time, findings)


class KeptPart(Struct, array_like=True):
    """A part: the numbers of what was asked; of what was read the resource and, behind it, the set of members."""

    place: Place
    asked: list[_Number]
    read: list[_Number]
    read_of: list[_Number]
    members: list[list[str]]
    times: list[TimeComparison]
    time: datetime | None
    findings: list[bytes]


class AnswerTables(Struct, array_like=True):
    """What parts refer to by number: resources with the digests of their members, and questions with those of answers."""

    keys: list[str]
    shapes: list[list[str]]
    shape_of: list[_Number]
    members: list[bytes]
    questions: list[list[str | None]]
    answers: bytes
    parts: list[KeptPart]


def _nothing() -> AnswerTables:
    return AnswerTables([], [], [], [], [], b"", [])


class AnswersFile(Struct, array_like=True):
    """A file: what tells those who wrote it from others, the key of its digests, and its packed tables."""

    made_by: bytes
    key: bytes
    tables: bytes


class KeptAnswers:
    """What an earlier run kept, as far as this run may look at it, and what this one found out about it.

    `made_by` is what tells the tool, the rules and the terms of this run from others. `tell` is told that a file is no use.
    """

    def __init__(self, path: Path, made_by: bytes, tell: Tell) -> None:
        self.path = path
        self._tell = tell
        self._made_by = made_by
        self.key = secrets.token_bytes(KEY_SIZE)
        self._tables = _nothing()
        self._is_ours = True
        self._valid: dict[Place, KeptPart] = {}
        self._digests: Digests | None = None
        self._estate: Estate | None = None
        self._load()

    def _load(self) -> None:
        """Read the file. What is no file of answers is not to be lost, whatever it is."""
        try:
            text = _content(self.path)
            if not text:  # as whoever makes a name for a new file leaves it
                return
            self._is_ours = text.startswith(_HEAD)
            kept = _opened(text)
            if kept.made_by == self._made_by:
                self._tables, self.key = msgspec.msgpack.decode(unpacked(kept.tables), type=AnswerTables), kept.key
        except FileNotFoundError:
            return
        except OSError as problem:
            self._warn(problem.strerror or "it cannot be read")
        except (ValueError, msgspec.MsgspecError, MemoryError, RecursionError):
            self._warn(_DAMAGED if self._is_ours else "it is no file of answers, and stays as it is")

    def _warn(self, why: str) -> None:
        self._tell(f"{self.path}: {why}: all is judged anew")

    def compare(self, digests: Digests, estate: Estate, now: datetime) -> None:
        """Find out which parts still hold. `digests` have this file's key."""
        self._digests, self._estate = digests, estate
        try:
            changed = self._changed(digests, estate)
            holding = _Holding(self._tables, changed, digests)
            self._valid = {part.place: part for part in self._tables.parts if holding.still(part, now)}
        except (
            LookupError,
            ValueError,
            TypeError,
            ArithmeticError,
        ):  # a number that leads nowhere, a time that is none
            self._warn(_DAMAGED)
            self._tables, self._valid = _nothing(), {}

    def findings(self, place: Place) -> Sequence[bytes] | None:
        """Return the findings of a part as packed plain data, or None where they have to be made."""
        part = self._valid.get(place)
        return None if part is None else part.findings

    def _changed(self, digests: Digests, estate: Estate) -> dict[int, frozenset[str] | None]:
        """Return the numbers of the resources that are not as they were, each with what is other; None is everything."""
        tables = self._tables
        changed: dict[int, frozenset[str] | None] = {}
        for number, key in enumerate(tables.keys):
            resource = estate.resource(key)
            if resource is None:
                changed[number] = None
                continue
            before = tables.members[number]
            if before[:SIZE] != digests.whole(resource):
                names = tables.shapes[tables.shape_of[number]]
                old = dict(zip(names, _cut(before), strict=False))
                new = digests.members(resource)
                changed[number] = frozenset(
                    name for name in old.keys() | new.keys() if old.get(name) != new.get(name)
                ) if new else None  # fmt: skip
        return changed

    def keep(self, judged: Iterable[JudgedAnew], now: datetime) -> None:
        """Write what holds of the file before and what was judged anew: the file is there whole, or as it was."""
        if self._digests is None or self._estate is None or not self._is_ours:
            return
        writer = _TablesWriter(self._digests, self._estate, self._tables)
        anew = {each.place: each for each in judged}
        if not anew and self._valid and len(self._valid) == len(self._tables.parts):
            return  # the file says it all
        for place, part in self._valid.items():
            if place not in anew:
                writer.carry(part)
        for each in anew.values():
            writer.add(each, now)
        tables = packed(msgspec.msgpack.encode(writer.tables()))
        text = msgspec.msgpack.encode(AnswersFile(self._made_by, self.key, tables))
        if len(text) > _LARGEST:
            self._tell(f"{self.path}: the answers are too large to be kept")
            return
        try:
            with whole_file.replacing(self.path, private=True) as beside:
                beside.write_bytes(b"%s%s\n%s" % (_HEAD, sha256(text).hexdigest().encode(), text))
        except OSError as problem:
            self._tell(f"{self.path}: the answers cannot be kept: {problem.strerror}")


class _Holding:
    """Finds out whether parts still hold; what many of them asked is asked once."""

    def __init__(self, tables: AnswerTables, changed: Mapping[int, frozenset[str] | None], digests: Digests) -> None:
        self._tables = tables
        self._changed = changed
        self._digests = digests
        self._same: list[bool | None] = [None] * len(tables.questions)

    def still(self, part: KeptPart, now: datetime) -> bool:
        """Whether all that was asked for a part has the same answer now."""
        if part.time not in {None, now} or not all(each.is_same_at(now) for each in part.times):
            return False
        members = [frozenset(names) for names in part.members]
        for number, read in zip(part.read, part.read_of, strict=True):
            if number >= len(self._tables.keys):
                raise LookupError("a resource without a key")
            if number in self._changed:
                other = self._changed[number]
                if other is None or not other.isdisjoint(members[read]):
                    return False
        return self._are_same(part.asked)

    def _are_same(self, numbers: Sequence[int]) -> bool:
        """Whether some questions have the answers that they had."""
        same, questions, before = self._same, self._tables.questions, self._tables.answers
        for number in numbers:
            known = same[number]
            if known is None:
                answer = self._digests.now(tuple(questions[number]))
                known = same[number] = answer == before[number * SIZE : (number + 1) * SIZE]
            if not known:
                return False
        return True


class _TablesWriter:
    """Gathers the tables of a file."""

    def __init__(self, digests: Digests, estate: Estate, before: AnswerTables) -> None:
        self._digests = digests
        self._estate = estate
        self._before = before
        self._old = {key: number for number, key in enumerate(before.keys)}
        self._keys: dict[str, int] = {}
        self._shapes: dict[tuple[str, ...], int] = {}
        self._shape_of: list[int] = []
        self._members: list[bytes] = []
        self._questions: dict[Question, int] = {}
        self._answers: list[bytes] = []
        self._parts: list[KeptPart] = []

    def carry(self, part: KeptPart) -> None:
        """Take over a part that still holds."""
        before = self._before
        asked = [self._question(tuple(before.questions[number])) for number in part.asked]
        read = [self._resource(before.keys[number]) for number in part.read]
        self._parts.append(msgspec.structs.replace(part, asked=asked, read=read))

    def add(self, judged: JudgedAnew, now: datetime) -> None:
        """Add a part that was judged now, if what was asked for it can be told from other answers."""
        sets: dict[frozenset[str], int] = {}
        try:
            asked = [self._question(question) for question in judged.asked]
        except TypeError:
            _LOGGER.debug("part %s cannot be kept", judged.place, exc_info=True)
            return
        read = [self._resource(key) for key in judged.read]
        read_of = [sets.setdefault(members, len(sets)) for members in judged.read.values()]
        members = [sorted(each) for each in sets]
        time = now if judged.exact_time else None
        self._parts.append(
            KeptPart(judged.place, asked, read, read_of, members, list(judged.times), time, judged.findings)
        )

    def _question(self, question: Question) -> int:
        number = self._questions.get(question)
        if number is None:
            answer = self._digests.of(question)
            number = self._questions[question] = len(self._answers)
            self._answers.append(answer)
        return number

    def _resource(self, key: str) -> int:
        number = self._keys.get(key)
        if number is None:
            number = self._keys[key] = len(self._keys)
            names, digests = self._digests_of(key)
            self._shape_of.append(self._shapes.setdefault(names, len(self._shapes)))
            self._members.append(digests)
        return number

    def _digests_of(self, key: str) -> tuple[tuple[str, ...], bytes]:
        resource, old = self._estate.resource(key), self._old.get(key)
        if resource is None:  # made up by whoever judged, and as it was made
            return (), b""
        if old is not None and self._before.members[old][:SIZE] == self._digests.whole(resource):
            return tuple(self._before.shapes[self._before.shape_of[old]]), self._before.members[old]
        members = self._digests.members(resource)
        return tuple(members), b"".join(members.values()) or self._digests.whole(resource)

    def tables(self) -> AnswerTables:
        """Return what was gathered."""
        return AnswerTables(
            list(self._keys),
            list(map(list, self._shapes)),
            self._shape_of,
            self._members,
            list(map(list, self._questions)),
            b"".join(self._answers),
            self._parts,
        )


def _cut(digests: bytes) -> Iterable[bytes]:
    return (digests[at : at + SIZE] for at in range(0, len(digests), SIZE))


def _content(path: Path) -> bytes:
    with path.open("rb") as file:
        text = file.read(_LARGEST + 1)
    if len(text) > _LARGEST:
        raise ValueError("too large a file")
    return text


def _opened(text: bytes) -> AnswersFile:
    digest, _, rest = text[len(_HEAD) :].partition(b"\n")
    if digest != sha256(rest).hexdigest().encode():
        raise ValueError("a damaged file")
    return msgspec.msgpack.decode(rest, type=AnswersFile)


def packed(text: bytes) -> bytes:
    """Return plain data in less room."""
    return zstandard.ZstdCompressor(level=_LEVEL).compress(text)


def unpacked(text: bytes) -> bytes:
    """Return what was packed. ValueError where it was not, or is more than a file of that size can hold."""
    try:
        size = zstandard.frame_content_size(text)
        if not 0 <= size <= min(_LARGEST, max(_LEAST, _RATIO * len(text))):
            raise ValueError("more than a file of that size can hold")
        return zstandard.ZstdDecompressor().decompress(text)
    except zstandard.ZstdError as problem:
        raise ValueError("nothing that was packed") from problem
