"""Whatever is remembered and skipped, the same comes out as where every text is searched by every detector."""

from __future__ import annotations

import re
from itertools import product
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.redaction import phrases, tokens
from auditor.redaction import text as texts
from auditor.redaction.body import Redactor
from auditor.redaction.harmless import are_plain
from tests.redaction.brute_force import PlainRedactor
from tests.redaction.planted import secrets
from tests.redaction.test_laws import TEXTS

_NAMES = st.sampled_from(
    """id name type properties value Value values key headerName tags env secrets password apiKey createdBy identity
    parameters apiProperties customKey connectionStrings appSettings authSettings etag endpointsList list kind""".split()  # noqa: SIM905 - words
)
_BEGINNINGS = """glpat- xoxb- xapp-1- sk- hvs. dp.pt. sq0atp- api- .atlasv1. us https:// http:// 10.0.0.0
    2024-02-28T10:11:12""".split()  # noqa: SIM905 - words
PLAIN = st.lists(
    st.sampled_from([*_BEGINNINGS, "-", ".", "/", "/24", "Z", "+01:00", "0e3b8a5d-6c1f-4b7e-9a42-5d8c7f6e1b20"])
    | st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=24),
    max_size=9,
).map("".join)  # fmt: skip
_LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | TEXTS
    | PLAIN
    | st.sampled_from(["", "--password", "-key", "/pat", "run", "Standard_ZRS", "dana@contoso.com"])
    | st.sampled_from([secret.text for secret in secrets(5)])
)
_VALUES = st.recursive(
    _LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_NAMES, inner, max_size=5), max_leaves=12
)
_TYPES = st.sampled_from(
    ["Microsoft.Web/sites/config", "Microsoft.Automation/automationAccounts/variables", "Microsoft.KeyVault/vaults"]
)
BODIES = st.fixed_dictionaries(
    {"type": _TYPES, "name": st.sampled_from(["site/appsettings", "clientSecret", "kv"])},
    optional={"properties": st.dictionaries(_NAMES, _VALUES, max_size=6), "tags": _VALUES, "identity": _VALUES},
)


@given(BODIES, st.sampled_from([None, b"k"]), st.booleans())
@settings(max_examples=150)
def test_a_body_comes_out_as_by_brute_force(body: dict[str, Any], key: bytes | None, people: bool) -> None:  # noqa: FBT001 - drawn
    redactor = Redactor(key, people=people)
    expected = PlainRedactor(key, people=people).body(body)

    clean = redactor.body(body)

    assert clean == expected
    assert redactor.body(body) == expected, "what is remembered changes nothing"
    assert (clean is body) is (clean == body)


@given(PLAIN)
@settings(max_examples=200)
def test_no_detector_finds_anything_in_a_text_that_is_plain_at_a_glance(text: str) -> None:
    if texts._is_plain(text):  # noqa: SLF001 - the law of it
        assert len(text) < 6 or texts._secrets_in(text, is_opaque=False) == ()  # noqa: SLF001
    assert Redactor(b"k").text(text) == PlainRedactor(b"k", people=False).text(text)


@given(
    st.lists(
        PLAIN | TEXTS | st.sampled_from(["", "a\n", "abcdef\nabcdef", "-key", "/pat", "@{", "/providers/a.B/c"]),
        min_size=1,
    )
)
@settings(max_examples=200)
def test_texts_are_plain_together_where_each_is(several: list[str]) -> None:
    each = all(
        texts._is_plain(text) and not (len(text) < 6 and text[:1] in {"-", "/", "@"})  # noqa: SLF001 - as above
        for text in several
    )

    assert not are_plain(several) or each
    assert are_plain(several) or not each or any("\n" in text for text in several)


_ODD_LETTERS = str.maketrans({"s": "\u017f", "k": "\u212a", "i": "\u0131", "I": "\u0130"})
_WRITTEN = (
    """password passwd Pass pwd ApiKey client_secret SECRET_KEY_BASE secret-text secretValue -secret Cookie token SAS pat
    credentials signature ?sig %26sig Authorization x-functions-key --connection-string /p:password --key -u --user
    echo mysql sqlcmd osql certutil redis-cli bcp Basic Bearer ConvertTo-SecureString --from-literal &code""".split(),  # noqa: SIM905 - words
    ["", '"', "\\'", " login", " user a", " -p", " -P", " -a"],
    ["=", ":", " ", " = ", "   :", "\t=", "%3D", "\u2003:", " a="],
    ["", '"', "'", "a:", "x "],
    ["Tr0ub4dor&3", "k9Xq27LmZp04kw"],
)


def _missed(text: str) -> list[str]:
    """Return the patterns that fit a text in which they are not looked for."""
    searched = phrases.folded(text)
    passed = (each for each in phrases.PHRASES if not texts._are_sought_in(each, searched))  # noqa: SLF001 - the law of it
    return [one.pattern for each in passed for one in each.patterns if one.search(text)]


def test_each_pattern_is_looked_for_wherever_it_fits() -> None:
    written = ["".join(parts) for parts in product(*_WRITTEN)]
    odd = ["".join(parts).translate(_ODD_LETTERS) for parts in product(*_WRITTEN[:3], [""], _WRITTEN[-1][:1])]

    assert [text for text in [*written, *odd] if _missed(text)] == []
    assert sorted(re.compile(one).pattern for one in phrases.KINDS.values()) == sorted(
        one.pattern for each in phrases.PHRASES for one in each.patterns
    )


@given(TEXTS)
def test_no_pattern_is_missed_in_any_text(text: str) -> None:
    assert _missed(text) == []


_EACH_TOKEN = re.compile(rf"(?<![A-Za-z0-9])(?:{'|'.join(tokens.KINDS.values())})")
_WORDS = st.sampled_from([secret.text for secret in secrets(11)]) | st.text("aA7_~.-Q/=", max_size=60) | TEXTS


@given(
    st.lists(_WORDS | st.sampled_from(["a", " ", "-", "é", "AZDO", "JQQJ9", "AzSeA", "AzFu"]), max_size=4).map("".join)
)
@settings(max_examples=300)
def test_tokens_are_found_where_each_kind_of_them_is_looked_for(text: str) -> None:
    found, expected = ([one.span() for one in pattern.finditer(text)] for pattern in (tokens.TOKENS, _EACH_TOKEN))
    assert found == expected
