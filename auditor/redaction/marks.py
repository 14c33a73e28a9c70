"""Say what stands in a secret's place: `redacted`, or with a key `redacted:` and the start of a keyed hash."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from typing import Final

from auditor.errors import AuditorError

MARK: Final = "redacted"
MARKS: Final = re.compile(r"redacted(?::[0-9a-f]{16})?(?![A-Za-z0-9:])")
_SHORTEST_KEY: Final = 16


def is_marked(text: str) -> bool:
    """Whether a secret was taken out of a text."""
    return MARK in text and MARKS.search(text) is not None


def random_key() -> bytes:
    """Return a key that nobody knows, for one snapshot."""
    return secrets.token_bytes(32)


def key_of(text: str | None) -> bytes:
    """Return the key that a user gave, or a random one; a key that is short enough to be guessed is refused."""
    if not text:
        return random_key()
    if len(text) < _SHORTEST_KEY:
        raise AuditorError(
            f"the redaction key has fewer than {_SHORTEST_KEY} characters: the hashes that it makes could be reversed",
            "give a random one, such as `openssl rand -hex 32` prints, and keep it like a password",
        )
    return text.encode("utf-8", "surrogatepass")


class Marker:
    """Makes marks: with a key, equal secrets get equal marks; without one, all get the same."""

    def __init__(self, key: bytes | None = None) -> None:
        self._key = None if key is None else hashlib.sha256(b"auditor redaction " + key).digest()

    def mark(self, secret: str) -> str:
        """Return what stands in a secret's place."""
        if self._key is None or MARKS.fullmatch(secret):
            return secret if MARKS.fullmatch(secret) else MARK
        digest = hmac.new(self._key, secret.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
        return f"{MARK}:{digest[:16]}"
