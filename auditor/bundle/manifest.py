"""What a bundle says of itself: every file with its hash, and the terms on which its reports were made."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Final, Literal

from msgspec import Struct
from msgspec.structs import asdict
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from auditor.bundle.archive import MOST_MEMBERS, PackedMember
from auditor.errors import InputError

NAME: Final = "manifest.json"
HASH_NAME: Final = "manifest.sha256"
SIGNATURE_NAME: Final = "signature.json"
SNAPSHOT_NAME: Final = "snapshot.jsonl.zst"
REPORTS: Final = "reports"
LARGEST: Final = 16 * 1024 * 1024
FORMAT: Final = "auditor-bundle"
VERSION: Final = 1

Hash = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class PackedFile(_Strict):
    """A file of the bundle."""

    name: str
    size: int
    sha256: Hash


class PackedTerms(_Strict):
    """How the reports were made: what they were judged by, with places inside the bundle, and when."""

    baseline: str
    rules: list[str]
    exemptions: list[str]
    select: list[str]
    ignore: list[str]
    assignments: list[str]
    framework: str | None
    complete: bool
    as_of: str
    reports: dict[str, str]
    """the file of each report, by the name of its format"""


class Manifest(_Strict):
    """All that a bundle says of itself."""

    format: Literal["auditor-bundle"]
    version: Literal[1]
    tool_version: str
    snapshot_sha256: Hash
    signed_by: str | None
    """the fingerprint of the key that signs it; null: nobody does"""
    terms: PackedTerms
    files: Annotated[list[PackedFile], Field(max_length=MOST_MEMBERS)]


class Origin(Struct, frozen=True):
    """Where the reports of a bundle come from, besides their terms."""

    tool_version: str
    snapshot_sha256: str
    signed_by: str | None


def compose(terms: PackedTerms, origin: Origin, members: Sequence[PackedMember]) -> bytes:
    """Return the text of a manifest: the same for the same content."""
    files = [PackedFile(**asdict(member)) for member in sorted(members, key=lambda member: member.name)]
    manifest = Manifest(format=FORMAT, version=VERSION, terms=terms, files=files, **asdict(origin))
    return _text(manifest.model_dump(mode="json"))


def hash_line(text: bytes) -> bytes:
    """Return the hash of a manifest as `sha256sum` writes and checks it."""
    return f"{hashlib.sha256(text).hexdigest()}  {NAME}\n".encode()


def read(text: bytes, label: str) -> Manifest:
    """Read a manifest; InputError where it is none, or is spelled otherwise than we would."""
    try:
        manifest = Manifest.model_validate_json(text)
    except ValidationError as problem:
        where = ".".join(map(str, problem.errors()[0]["loc"]))
        place = f" at {where}" if where else ""
        hint = "it was damaged, or is of a later version"
        raise InputError(f"{label}: its manifest cannot be read{place}", hint) from problem
    if _text(manifest.model_dump(mode="json")) != text:
        raise InputError(f"{label}: its manifest was written by something else", "pack it again")
    return manifest


def _text(document: Mapping[str, object]) -> bytes:
    return json.dumps(document, indent=1, sort_keys=True).encode("ascii") + b"\n"
