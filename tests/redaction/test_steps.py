"""Whatever a stranger writes is searched in steps proportional to its length: steps are counted, not seconds."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator

import pytest

from auditor.redaction import names, phrases, randomness, text, tokens
from tests.redaction.planted import secrets
from tests.redaction.steps import StepCounter

_TOKENS = {kind: re.compile(rf"(?<![A-Za-z0-9])(?:{pattern})") for kind, pattern in tokens.KINDS.items()}
_PHRASES = {kind: re.compile(pattern) for kind, pattern in phrases.KINDS.items()}
_OTHERS = {
    f"{module.__name__} {name}": value
    for module in (names, randomness, text, phrases, tokens)
    for name, value in sorted(vars(module).items())
    if isinstance(value, re.Pattern) and name not in {"TOKENS", "MARKS"}
}
PATTERNS = {**_TOKENS, **_PHRASES, **_OTHERS}

# What begins a secret again and again and never ends it; runs of what the patterns repeat; and mixtures of both.
_BEGINNINGS = (
    "eyJ", "eyJa.", "-----BEGIN PRIVATE KEY-----", "-----BEGIN ", "-", "--", "/", "://", "://a:", "a:", "@", "sk-", "ghp_",
    "password", "password=", "password:", "password: ", 'password="', "password='", '\\"password\\":\\"', "key=", "token", "sig=",
    "&code=", "Authorization:", "Authorization: Basic ", "Bearer ", "basic ", "mysql ", "mysql -p", "sqlcmd ", "net user ",
    "net user a ", "echo a:", "--from-literal=", "name='key", "name='key' value=", "-u a:", "a-", "a-b", "MII", "sha256-",
    "A1b2", "aB3/", "aB3=", "=", "redacted", "$", "${", "{{", "[", "%a%", "\\", '"', "'", " ", "\n", "a", "A", "0", "-key", "key",
    "Private-Lines: 1", "SG.", "SG.aaaaaaaaaaaaaaaaaaaaaa.", "hooks.slack.com/services/", "dp.pt.", "0-us", "xoxb-", "/pass:",
    "ConvertTo-SecureString ", "redis-cli ", "AZDO", "JQQJ9", "aaaaaaaaaaaaaa.atlasv1.", "0123456789:", "https://a.vault.",
)  # fmt: skip
_SIZE = 300
_WORST = 2
_SLACK = 1.25


def repeated() -> Iterator[str]:
    """Yield what long texts are made of."""
    for number, beginning in enumerate(_BEGINNINGS):
        yield beginning
        yield beginning + _BEGINNINGS[(number * 7 + 3) % len(_BEGINNINGS)]


def sized(part: str, size: int) -> str:
    return (part * size)[:size] + "!"


def steps(pattern: re.Pattern[str], sample: str) -> int:
    counter = StepCounter(pattern)
    for _ in counter.finds(sample):
        pass
    return counter.steps


@pytest.fixture(autouse=True)
def deep_enough() -> Iterator[None]:
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(50_000)
    yield
    sys.setrecursionlimit(before)


@pytest.mark.parametrize("kind", PATTERNS)
def test_twice_the_text_takes_no_more_than_twice_the_steps(kind: str) -> None:
    pattern = PATTERNS[kind]
    worst = sorted(repeated(), key=lambda part: steps(pattern, sized(part, 50)))[-_WORST:]

    ratios = {part: steps(pattern, sized(part, 2 * _SIZE)) / steps(pattern, sized(part, _SIZE)) for part in worst}

    assert max(ratios.values()) <= 2 * _SLACK, ratios


def test_the_counter_notices_a_search_that_starts_over_and_over() -> None:
    pattern = re.compile("a*b")

    assert steps(pattern, "a" * 400) / steps(pattern, "a" * 200) > 3


@pytest.mark.parametrize("kind", PATTERNS)
def test_the_counter_finds_what_python_finds(kind: str) -> None:
    pattern = PATTERNS[kind]
    samples = [*(secret.text[:400] for secret in secrets()[::8]), *(sized(part, 40) for part in repeated())]

    for sample in samples:
        assert list(StepCounter(pattern).finds(sample)) == [match.span() for match in pattern.finditer(sample)]
