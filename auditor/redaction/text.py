"""Find the secrets in a text, and put marks in their place."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import chain
from typing import Final

from auditor.redaction.marks import MARKS, Marker
from auditor.redaction.phrases import MAY_HOLD, PHRASES, Phrases, folded
from auditor.redaction.randomness import WORDS, hidden_text, is_public, is_random
from auditor.redaction.tokens import JSON_WEB_TOKENS, TOKENS

Span = tuple[int, int]

_SHORTEST: Final = 6
_SHORTEST_WORD: Final = 20
_LOOKS_BACK: Final = 10
_PASSES: Final = 4
_REMEMBERED: Final = 50_000
_REMEMBERED_LENGTH: Final = 400
_REMEMBERED_WORDS: Final = 8_192
KNOWN_CLEAN: Final[set[str]] = set()
"""Texts that were looked at and hold no secret, wherever they stand: estates repeat themselves."""
RESOURCE_ID: Final = re.compile(r"/(?:subscriptions|providers)/[A-Za-z0-9._()/-]*+")
_PARTS: Final = re.compile(r"[A-Za-z0-9+_~-]{20,}+={0,2}")
_GUID: Final = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_WORD: Final = r"(?!gl|xox|xapp-|sk-|hv|dp\.|sq0|sdk-|mob-|api-|atlasv1)[a-z0-9]{1,18}+"
PLAIN: Final = re.compile(
    rf"(?:https?://)?{_WORD}(?:[-.]{_WORD})*+/?|"
    r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}/[0-9]{1,2}|"
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?(?:Z|[+-][0-9]{2}:[0-9]{2})?"
)
"""Names, hosts, addresses and times as most are written, in which none of the detectors finds anything.

Where a `:` is only that of `https://` and there is no `=`, blank or `@`, nothing is said to be a secret. What has no
capital is not random, what has no 20 letters and digits in a row is no hidden text, and of the tokens that do without
either, each begins with one of the barred words.
"""


def redacted(text: str, marker: Marker, is_opaque: bool = False) -> str:  # noqa: FBT001, FBT002 - called for each text there is
    """Return a text with marks for the secrets in it; one without any is returned as it is.

    `is_opaque`: it may be a digest or a public key, so that looking random does not count. What it returns holds no
    more secrets: a text in which marks bring forth new ones again and again is taken out as a whole.
    """
    if text in KNOWN_CLEAN:
        return text
    if is_clean(text):
        if len(text) <= _REMEMBERED_LENGTH:
            _remember(text)
        return text
    for _ in range(_PASSES):
        spans = _secrets_in(text, is_opaque)
        if not spans:
            return text
        text = _replaced(text, spans, marker)
    return text if not _secrets_in(text, is_opaque) else marker.mark(text)


def is_clean(text: str) -> bool:
    """Whether a text holds no secret, wherever it stands."""
    return _is_plain(text) or not _secrets_in(text, is_opaque=False)


def _is_plain(text: str) -> bool:
    """Whether a text is of a form that is seen at a glance to hold no secret."""
    if len(text) < _SHORTEST:
        return True
    return (RESOURCE_ID if text[0] == "/" else PLAIN).fullmatch(text) is not None


def _remember(text: str) -> None:
    if len(KNOWN_CLEAN) >= _REMEMBERED:
        KNOWN_CLEAN.clear()
    KNOWN_CLEAN.add(text)


def _replaced(text: str, spans: tuple[Span, ...], marker: Marker) -> str:
    parts, end = [], 0
    for start, stop in spans:
        parts += [text[end:start], marker.mark(text[start:stop])]
        end = stop
    return "".join([*parts, text[end:]])


def _secrets_in(text: str, is_opaque: bool) -> tuple[Span, ...]:  # noqa: FBT001 - as in `redacted`
    """Return where the secrets of a text are, from left to right and apart from each other."""
    if RESOURCE_ID.fullmatch(text) or _GUID.fullmatch(text):
        return ()
    found = [*_tokens(text, is_opaque), *(_phrases(text) if MAY_HOLD.search(text) else ())]
    if not found:
        return ()
    marks = [match.span() for match in MARKS.finditer(text)] if "redacted" in text else []
    return tuple(_without(_joined(found), marks))


def _tokens(text: str, is_opaque: bool) -> Iterator[Span]:  # noqa: FBT001 - as above
    for match in TOKENS.finditer(text):
        yield match.span()
    if "eyJ" in text:
        for match in JSON_WEB_TOKENS.finditer(text):
            yield match.span()
    if not is_opaque and len(text) >= _SHORTEST_WORD:
        yield from _random_words(text)


def _random_words(text: str) -> Iterator[Span]:
    for match in WORDS.finditer(text):
        word, start = match[0], match.start()
        spans = _known_random_in(word) if len(word) <= _REMEMBERED_LENGTH else _random_in(word)
        if spans and not is_public(word, text[max(0, start - _LOOKS_BACK) : start]):
            for begin, end in spans:
                yield begin + start, end + start


def _random_in(word: str) -> tuple[Span, ...]:
    """Return where a word looks random, whatever stands before it: the same names are in very many texts."""
    whole = ((0, len(word)),)
    if (inner := hidden_text(word)) is not None:
        return whole if _secrets_in(inner, is_opaque=True) else ()
    if is_random(word):
        return whole
    return tuple(_random_parts(word)) if "/" in word or "=" in word else ()


_known_random_in: Final = lru_cache(maxsize=_REMEMBERED_WORDS)(_random_in)


def _random_parts(word: str) -> Iterator[Span]:
    """Yield the random ones among the segments of a path, or of what stands on the sides of a sign of equality."""
    for part in _PARTS.finditer(word):
        if not is_public(part[0], word[max(0, part.start() - _LOOKS_BACK) : part.start()]) and is_random(part[0]):
            yield part.span()


def _are_sought_in(phrases: Phrases, folded_text: str) -> bool:
    """Whether one of the patterns may fit a text: it has one of their words, and what else all of them need."""
    for word in phrases.words:  # a plain loop: it is the inmost of reading an estate
        if word in folded_text:
            return phrases.condition is None or phrases.condition.search(folded_text) is not None
    return False


def _phrases(text: str) -> Iterator[Span]:
    searched = folded(text)
    for phrases in PHRASES:
        if not _are_sought_in(phrases, searched):
            continue
        for match in chain.from_iterable(pattern.finditer(text) for pattern in phrases.patterns):
            name = match.lastgroup
            if name is None:
                continue
            if name == "basic":
                if _is_user_and_password(match[name]):
                    yield match.span(name)
                continue
            start, stop = match.span(name)
            while stop > start and text[stop - 1] == "\\":  # of an escaped quote
                stop -= 1
            if stop > start and not _names_only(text[start:stop]):
                yield start, stop


_NAMES_ONLY: Final = re.compile(
    r"@Microsoft\.KeyVault\(.*|@\{?[A-Za-z]+\(.*|\[[A-Za-z.]{1,40}\(.*|\$\(.*|\$\{.*|\{\{.*|%[A-Za-z_]+%|\*+|<.*|"
    r"https?://[A-Za-z0-9-]{1,63}\.(?:vault|managedhsm)\..*|null|none|true|false|undefined|redacted(?::[0-9a-f]{16})?",
    re.DOTALL | re.IGNORECASE,
)


def _names_only(secret: str) -> bool:
    return _NAMES_ONLY.fullmatch(secret) is not None


_HARMLESS: Final = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?|https?://[A-Za-z0-9.-]{1,255}(?::\d{1,5})?/?|secretref:[a-z0-9-]*",
    re.IGNORECASE,
)
"""A time, the address of a host, the name of a secret."""


def is_reference(text: str) -> bool:
    """Whether a text is no secret, whatever it is called: it says where one is (a vault, a parameter), or when, or for whom."""
    return _NAMES_ONLY.fullmatch(text) is not None or _HARMLESS.fullmatch(text) is not None


def _is_user_and_password(word: str) -> bool:
    try:
        decoded = base64.b64decode(word + "=" * (-len(word) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError):
        return False
    return ":" in decoded and decoded.isprintable()


def _joined(spans: list[Span]) -> list[Span]:
    """Return spans from left to right, those that overlap as one."""
    joined: list[Span] = []
    for start, stop in sorted(spans):
        if joined and start < joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], stop))
        else:
            joined.append((start, stop))
    return joined


def _without(spans: list[Span], marks: list[Span]) -> Iterator[Span]:
    """Yield the spans less the marks in them: what was taken out is gone already. Both go from left to right."""
    passed = 0
    for start, stop in spans:
        while passed < len(marks) and marks[passed][1] <= start:
            passed += 1
        begin = start
        while passed < len(marks) and marks[passed][0] < stop:
            if begin < marks[passed][0]:
                yield begin, marks[passed][0]
            begin = marks[passed][1]
            passed += 1
        if begin < stop:
            yield begin, stop
