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
from auditor.engine import asked
from auditor.engine.asked import WHOLE, Question, members_of
from auditor.engine.evaluate import ROWS_OF_A_PART
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
        self._faces: dict[str, str] = {}
        self._known: dict[Question, bytes] = {}
        self._wholes: dict[str, bytes] = {}
        self._typed: tuple[str, Sequence[Resource]] = "", ()

    def of(self, question: Question) -> bytes:
        """Return the digest of the answer to a question, which is asked now. UntellableError where there is none."""
        known = self._known.get(question)
        if known is None:
            known = self._known[question] = self._digest(self._told(self._answer(question)))
        return known

    def now(self, question: Question) -> bytes | None:
        """Return the digest of the answer to what somebody says was asked, or None where there is no answer.

        Only what an estate tells anybody is asked of it: the words may be a stranger's.
        """
        if not question or question[0] is None or question[0].startswith("_") or question[0] == "once":
            return None
        try:
            return self.of(question)
        except Exception:  # noqa: BLE001 - whatever it was, it is no answer
            return None

    def _answer(self, question: Question) -> object:
        match question:
            case (asked.ROWS, str(resource_type), str(first)):
                return self._rows(resource_type, first)
            case (asked.ROLE, str(key)):
                return self._workloads.role_of(key)
            case (asked.WORKLOADS,):
                found = self._workloads
                return [
                    (one.name, one.anchor, one.bindings, one.notices, one.strands) for one in found.all
                ], found.notices
            case (asked.CALLED, str(guid)):
                return self._names().get(guid)
            case (str(name), *arguments):
                of_estate = getattr(self._estate, name)
                return of_estate(*arguments) if callable(of_estate) else of_estate
            case _:
                raise UntellableError("no question")

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
        match answer:
            case _ if type(answer) in _PLAIN:
                return answer
            case Resource():
                return self._face(answer)
            case Enum():
                return [type(answer).__name__, answer.value]
            case ResourceType():
                return answer.key  # the catalogue says the rest
            case Struct():
                return [type(answer).__name__, *self._all(getattr(answer, name) for name in answer.__struct_fields__)]
            case _:
                return self._all(_members(answer))

    def _all(self, answers: Iterable[object]) -> Sequence[object]:
        return [self._told(each) for each in answers]

    def _face(self, resource: Resource) -> str:
        """Return what tells a resource, without a look at its body and without when it was read."""
        known = self._faces.get(resource.key)
        if known is None:
            told = (resource.key, resource.type_key, resource.id, resource.type, resource.name, resource.location)
            more = (sorted(resource.stated), resource.source, resource.api_version)
            known = self._faces[resource.key] = self._digest([*told, *more]).hex()
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
