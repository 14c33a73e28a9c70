"""Tell answers of an estate, and what stands in its resources, from others without keeping them: by keyed digests.

The key makes it useless to look for two values with the same digest, and for the value behind one, without the file that
holds both.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from hashlib import blake2b
from typing import Final

import orjson
from msgspec import Struct

from auditor.architecture.workloads import Workloads
from auditor.azure.resource_type import ResourceType
from auditor.engine.evaluate import ROWS_OF_A_PART
from auditor.engine.incremental.trace import CALLED, ROLE, ROWS, WHOLE, WORKLOADS, Question, members_of
from auditor.estate.graph import Estate
from auditor.model import Resource

SIZE: Final = 8
KEY_SIZE: Final = 32
_PLAIN: Final = frozenset((str, bool, int, type(None)))


class UntellableError(TypeError):
    """An answer of which it cannot be told what it is."""


class Digests:
    """Digests with one key, of an estate and all that can be asked of it."""

    def __init__(
        self, key: bytes, estate: Estate, workloads: Workloads, names: Callable[[], Mapping[str, str]]
    ) -> None:
        self.key = key
        self._estate = estate
        self._workloads = workloads
        self._names = names
        self._faces: dict[str, bytes] = {}
        self._known: dict[Question, bytes] = {}
        self._wholes: dict[str, bytes] = {}
        self._typed: tuple[str, Sequence[Resource]] = "", ()
        self._nothing = self._digest(None)
        self._asking: dict[str | None, Callable[..., object]] = {
            ROWS: self._rows,
            ROLE: workloads.role_of,
            WORKLOADS: self._binding,
            CALLED: lambda guid: names().get(guid),
        }

    def of(self, question: Question) -> bytes:
        """Return the digest of the answer to a question, which is asked now. UntellableError where there is none."""
        known = self._known.get(question)
        if known is None:
            known = self._known[question] = self._of_answer(self._answer(question))
        return known

    def now(self, question: Question) -> bytes | None:
        """Return the digest of the answer to what somebody says was asked, or None where there is no answer."""
        try:
            return self.of(question)
        except Exception:  # noqa: BLE001 - whatever it was, it is no answer
            return None

    def _answer(self, question: Question) -> object:
        """Ask a question. Only what an estate tells anybody is asked of it: the words may be a stranger's."""
        name = question[0]
        ask = self._asking.get(name)
        if ask is None:
            if name is None or name.startswith("_") or name in {"once", "forget"}:
                raise UntellableError("no question")
            found = getattr(self._estate, name)
            ask = self._asking[name] = found if callable(found) else lambda: found
        return ask(*question[1:])

    def _of_answer(self, answer: object) -> bytes:
        if answer is None:
            return self._nothing
        return self._face(answer) if isinstance(answer, Resource) else self._digest(self._told(answer))

    def _binding(self) -> object:
        found = self._workloads
        return [(one.name, one.anchor, one.bindings, one.notices, one.strands) for one in found.all], found.notices

    def _rows(self, resource_type: str, first: str) -> Sequence[Resource]:
        if self._typed[0] != resource_type:
            self._typed = resource_type, self._estate.judged(resource_type)
        return self._typed[1][int(first) : int(first) + ROWS_OF_A_PART]

    def members(self, resource: Resource) -> Mapping[str, bytes]:
        """Return the digests of all that can be read of a body; none where that is no JSON, so that it equals no other."""
        body = resource.held.read()
        try:
            return {WHOLE: self.whole(resource), **{name: self._digest(value) for name, value in members_of(body)}}
        except UntellableError:
            return {}

    def whole(self, resource: Resource) -> bytes:
        """Return the digest of a body; where it is no JSON, one that it never has again."""
        known = self._wholes.get(resource.key)
        if known is None:
            try:
                known = self._digest(resource.held.read())
            except UntellableError:
                known = secrets.token_bytes(SIZE)
            self._wholes[resource.key] = known
        return known

    def _digest(self, told: object) -> bytes:
        try:
            text = orjson.dumps(told)
        except (TypeError, ValueError) as problem:
            raise UntellableError from problem
        return blake2b(text, key=self.key, digest_size=SIZE).digest()

    def _told(self, answer: object) -> object:
        """Return an answer as JSON that is equal for equal answers, and for no others."""
        if type(answer) in _PLAIN:
            return answer
        match answer:
            case list() if answer and type(answer[0]) is Resource:  # as most are
                return [self._face(each).hex() for each in answer]
            case Resource():
                return self._face(answer).hex()
            case Enum():
                return [type(answer).__name__, answer.value]
            case ResourceType():
                return answer.key  # the catalogue says the rest
            case Struct():
                answer = [type(answer).__name__, *(getattr(answer, name) for name in answer.__struct_fields__)]
            case _:
                pass
        return [self._told(each) for each in _members(answer)]

    def _face(self, resource: Resource) -> bytes:
        """Return what tells a resource, without a look at its body and without when it was read."""
        known = self._faces.get(resource.key)
        if known is None:
            told = (resource.key, resource.type_key, resource.id, resource.type, resource.name, resource.location)
            more = (sorted(resource.stated), resource.source, resource.api_version)
            known = self._faces[resource.key] = self._digest([*told, *more])
        return known


def _members(answer: object) -> Iterable[object]:
    """Return what an answer consists of, in an order of its own. UntellableError where that is not known."""
    match answer:
        case frozenset():
            return sorted(answer)
        case Mapping():
            return answer.items()
        case list() | tuple():
            return answer
        case _:
            raise UntellableError(type(answer).__name__)
