"""Get the bytes of an input, plain or compressed, without trusting its size."""

from __future__ import annotations

import codecs
import gzip
import io
import sys
import zlib
from pathlib import Path
from typing import IO, Final

import zstandard

from auditor.errors import InputError

SQLITE_MAGIC: Final = b"SQLite format 3\0"
_GZIP: Final = b"\x1f\x8b"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_CHUNK: Final = 1 << 20
_SIP: Final = 1 << 10  # zstd can turn 4 bytes into 128 KiB, and gives all of it at once
_LARGEST: Final = 4 << 30
# Real exports shrink 10 to 100 times. Only padding comes near gzip's limit of 1,032; zstd has none.
_GZIP_RATIO: Final = (64 << 20, 400)
_ZSTD_RATIO: Final = (256 << 20, 2000)
_BEGINNINGS: Final = (b"{", b"[", b" ", b"\n", b"\r", b"\t")
_MARKS: Final = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def label_of(source: str | Path) -> str:
    """Return how messages name a source, safe to print."""
    text = "standard input" if str(source) == "-" else str(source)
    return text.encode("unicode_escape").decode("ascii") if not text.isprintable() else text


def load(source: str | Path) -> bytes:
    """Return the unpacked bytes of a file or, for `-`, of standard input; text comes as UTF-8 without a mark."""
    label = label_of(source)
    if str(source) == "-":
        if sys.stdin is None:
            raise InputError(f"{label} is closed", "give the path of a snapshot or an export")
        return _as_utf8(_unpacked(_peekable(sys.stdin.buffer), label), label)
    try:
        with Path(source).open("rb") as stream:
            return _as_utf8(_unpacked(stream, label), label)
    except FileNotFoundError as error:
        raise InputError(f"{label} does not exist", "give the path of a snapshot or an export") from error
    except IsADirectoryError as error:
        raise InputError(f"{label} is a folder", "give the path of one file in it") from error
    except (OSError, ValueError) as error:
        raise InputError(f"{label} cannot be read: {error}", "check the path and its permissions") from error


def _peekable(stream: IO[bytes]) -> io.BufferedReader:
    return stream if isinstance(stream, io.BufferedReader) else io.BufferedReader(io.BytesIO(stream.read()))


def _unpacked(stream: io.BufferedReader, label: str) -> bytes:
    head = stream.peek(4)[:4]
    try:
        if head.startswith(_GZIP):
            return _gunzipped(stream, label)
        if head == _ZSTD:
            return _unzstd(stream, label)
    except (EOFError, gzip.BadGzipFile, zlib.error, zstandard.ZstdError) as error:
        raise InputError(f"{label} is compressed but damaged or cut off", "export or copy it again") from error
    out = io.BytesIO()  # which gives its bytes away as they are: joining parts would hold them twice
    while chunk := stream.read(_CHUNK):
        out.write(chunk)
        _check_size(out.tell(), label)
    return out.getvalue()


class _Counted(io.RawIOBase):
    """A stream that knows how many bytes were taken from it."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.taken = 0
        self._stream = stream

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        self.taken += len(data)
        return data


def _gunzipped(stream: IO[bytes], label: str) -> bytes:
    counted = _Counted(stream)
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=counted) as unpacked:
        while chunk := unpacked.read(_CHUNK):
            out.write(chunk)
            _check_size(out.tell(), label, counted.taken, _GZIP_RATIO)
    return out.getvalue()


def _unzstd(stream: IO[bytes], label: str) -> bytes:
    out = io.BytesIO()
    taken = 0
    frame = zstandard.ZstdDecompressor().decompressobj()
    data = stream.read(_SIP)
    while data:
        taken += len(data)
        while data:
            out.write(frame.decompress(data))
            _check_size(out.tell(), label, taken, _ZSTD_RATIO)
            data = frame.unused_data if frame.eof else b""
            if data:
                frame = zstandard.ZstdDecompressor().decompressobj()
        data = stream.read(_SIP)
        if data and frame.eof:
            frame = zstandard.ZstdDecompressor().decompressobj()
    if not frame.eof:
        raise EOFError
    return out.getvalue()


def _check_size(size: int, label: str, packed: int = 0, limit: tuple[int, int] = (_LARGEST, 0)) -> None:
    start, ratio = limit
    if size > _LARGEST:
        raise InputError(f"{label} holds more than {_LARGEST >> 30} GiB", "split it by subscription")
    if ratio and size > start and size > packed * ratio:
        raise InputError(
            f"{label} unpacks to more than {ratio} times its size: padding, not an export", "unpack it and look inside"
        )


def _as_utf8(data: bytes, label: str) -> bytes:
    if data.startswith(codecs.BOM_UTF8):
        return data[len(codecs.BOM_UTF8) :]
    data = _marked(data)
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            try:
                return data.decode(encoding).encode()
            except UnicodeError as error:
                raise InputError(f"{label} is not valid {encoding.upper()} text", "save it as UTF-8") from error
    return data


def _marked(data: bytes) -> bytes:
    """Return JSON in UTF-16 with its mark, where it lacks it: its first character and a zero byte say so (RFC 4627, 3)."""
    if data[:1] in _BEGINNINGS and data[1:2] == b"\0" and data[2:4] != b"\0\0":
        return codecs.BOM_UTF16_LE + data
    return codecs.BOM_UTF16_BE + data if data[:1] == b"\0" and data[1:2] in _BEGINNINGS else data
