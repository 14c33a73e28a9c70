"""Find words that look like nothing but a key: long, of all kinds of characters, and without any order among them.

What is random and no secret has a form of its own: digests in hexadecimal, GUIDs, certificates, public keys.
"""

from __future__ import annotations

import base64
import binascii
import re
from itertools import pairwise
from string import ascii_lowercase, ascii_uppercase, digits
from typing import Final

WORDS: Final = re.compile(r"[A-Za-z0-9+/=_~-]{20,}+")
_DIGESTS: Final = re.compile(
    r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}|(?<![0-9a-z])[0-9a-f]{16,}+(?![a-z])|(?<![0-9A-Z])[0-9A-F]{16,}+(?![A-Z])"
)
_DIGIT: Final = re.compile("[0-9]")
_KINDS: Final = {ord(character): kind[0] for kind in (ascii_lowercase, ascii_uppercase, digits) for character in kind}
_BASE64: Final = re.compile(r"[A-Za-z0-9+/]{20,}+={0,2}")
_CHUNKS: Final = re.compile(r"[A-Za-z0-9]+")
_PUBLIC: Final = re.compile(
    r"MII[A-Za-z0-9+/]{3}(?!IBA[ADz])"  # a certificate or public key in DER
    r"|AAAA[A-E][0-9][A-Za-z0-9+/]{2}"  # a public key of SSH
    r"|0x[0-9A-Fa-f]*+$"
    r"|[Ss][Hh][Aa]-?[0-9]{1,3}[-=]"
)
_DIGEST_BEFORE: Final = re.compile(r"(?i)sha-?\d{1,3}[-:=]$")
_SHORTEST: Final = 20
_SWITCHES: Final = 0.4
"""Share of neighbours of different kinds (lower case, upper case, digit): 0.62 in random letters and digits, 0.3 in names."""
_DISTINCT: Final = 12


def is_public(word: str, before: str) -> bool:
    """Whether a word that looks random is so openly: a digest, a certificate, a public key. `before` stands before it."""
    return bool(_PUBLIC.match(word) or _DIGEST_BEFORE.search(before))


def is_random(word: str) -> bool:
    """Whether a word has no order that a person, or a naming scheme, would give it."""
    if word.islower() or word.isupper() or not _DIGIT.search(word):
        return False
    word = _DIGESTS.sub("-", word)
    if len(word) < _SHORTEST or len(set(word)) < _DISTINCT:
        return False
    chunks = _CHUNKS.findall(word.translate(_KINDS))
    mixed = sum(len(chunk) for chunk in chunks if len(set(chunk)) == 3)
    if mixed * 2 < sum(map(len, chunks)):
        return False
    pairs = [pair for chunk in chunks for pair in pairwise(chunk)]
    return sum(1 for left, right in pairs if left != right) >= _SWITCHES * max(len(pairs), 1)


def hidden_text(word: str) -> str | None:
    """Return the text that a word is in Base64, or None where it is none."""
    if not _BASE64.fullmatch(word):
        return None
    try:
        text = base64.b64decode(word + "=" * (-len(word) % 4), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
    return text if all(character.isprintable() or character in "\r\n\t" for character in text) else None
