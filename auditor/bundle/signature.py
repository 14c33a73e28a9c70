"""Sign a manifest with an Ed25519 key that lies in a file or a variable, and check such a signature."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from msgspec import Struct

from auditor.errors import AuditorError, InputError

KEY_VARIABLE: Final = "AUDITOR_BUNDLE_KEY_PEM"
PASSPHRASE_VARIABLE: Final = "AUDITOR_BUNDLE_KEY_PASSPHRASE"  # noqa: S105 - the name of a variable
_CONTEXT: Final = b"auditor-bundle 1\n"  # what is signed can be taken for nothing else that the same key signs
_LARGEST: Final = 65_536
_MAKE: Final = "make one with `openssl genpkey -algorithm ed25519`"


class Signature(Struct, frozen=True):
    """A signature and the key that it is to be checked with."""

    public_key: bytes
    value: bytes

    @property
    def fingerprint(self) -> str:
        """Return the fingerprint of the key."""
        return _fingerprint(self.public_key)


def private_key(path: Path | None) -> Ed25519PrivateKey | None:
    """Return the key of a file, else of the variable; None where neither is given."""
    pem = _pem(path) if path is not None else os.environ.get(KEY_VARIABLE, "").encode()
    if not pem:
        return None
    label = str(path) if path is not None else KEY_VARIABLE
    passphrase = os.environ.get(PASSPHRASE_VARIABLE)
    try:
        key = load_pem_private_key(pem, passphrase.encode() if passphrase else None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as problem:
        hint = f"{_MAKE}; of a locked one, set {PASSPHRASE_VARIABLE}"
        raise AuditorError(f"{label}: is no private key that can be read", hint) from problem
    if not isinstance(key, Ed25519PrivateKey):
        raise AuditorError(f"{label}: is no Ed25519 key", _MAKE)
    return key


def public_key(path: Path) -> bytes:
    """Return the public key of a file."""
    try:
        key = load_pem_public_key(_pem(path))
    except (ValueError, UnsupportedAlgorithm) as problem:
        hint = "write it with `openssl pkey -in KEY -pubout`"
        raise AuditorError(f"{path}: is no public key that can be read", hint) from problem
    if not isinstance(key, Ed25519PublicKey):
        raise AuditorError(f"{path}: is no Ed25519 key", _MAKE)
    return _raw(key)


def fingerprint_of(key: Ed25519PrivateKey) -> str:
    """Return the fingerprint of a key: of its public half."""
    return _fingerprint(_raw(key.public_key()))


def sign(manifest: bytes, key: Ed25519PrivateKey) -> bytes:
    """Return the text of a signature."""
    return _text(Signature(_raw(key.public_key()), key.sign(_CONTEXT + manifest)))


def check(text: bytes, manifest: bytes, label: str) -> Signature:
    """Return a signature that fits the manifest. InputError where it does not."""
    fault = InputError(f"{label}: its signature does not fit", "it was changed after it was signed")
    try:
        told = json.loads(text)
        signature = Signature(*(base64.b64decode(told[name], validate=True) for name in ("public_key", "signature")))
        Ed25519PublicKey.from_public_bytes(signature.public_key).verify(signature.value, _CONTEXT + manifest)
    except (ValueError, KeyError, TypeError, RecursionError, InvalidSignature) as problem:
        raise fault from problem
    if _text(signature) != text:  # the same signature, spelled otherwise
        raise fault
    return signature


def _text(signature: Signature) -> bytes:
    document = {
        "algorithm": "Ed25519",
        "public_key": base64.b64encode(signature.public_key).decode(),
        "signature": base64.b64encode(signature.value).decode(),
    }
    return json.dumps(document, indent=1, sort_keys=True).encode() + b"\n"


def _pem(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(_LARGEST)
    except OSError as problem:
        raise AuditorError(f"{path}: cannot be read: {problem.strerror}", "name the file of the key") from problem


def _raw(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def _fingerprint(raw: bytes) -> str:
    return f"SHA256:{hashlib.sha256(raw).hexdigest()}"
