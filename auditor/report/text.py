"""Turn what a report holds into text: harmless whoever chose it, and the same whenever it is written."""

from __future__ import annotations

import hashlib
import json
import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from string import ascii_letters
from typing import Final

from auditor.model import Evidence, Report

_PLAIN: Final = frozenset((str, int, bool, type(None)))
_CONTROLS: Final = (
    "\x00-\x1f\x7f-\x9f"  # C0 and C1 controls, with the escape that starts a terminal sequence
    "\u2028\u2029"  # line and paragraph separator
    "\ud800-\udfff"  # lone surrogates have no UTF-8 form
    "\ufffe\uffff"  # no characters; XML holds none of them (https://www.w3.org/TR/xml/#charsets)
)
# What does not show, or shows other text than is there: two names that look alike are told apart by it.
_UNSHOWN: Final = (
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # direction: it shows an id as another one (CVE-2021-42574)
    "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200d\u2060-\u2065\u206a-\u206f\u3164\ufeff\uffa0"
    "\ufff9-\ufffb\U000e0000-\U000e0fff"  # annotations, and tags: a whole alphabet that no font shows
)
_CONTROL: Final = re.compile(f"[{_CONTROLS}]")
_UNSHOWN_CHARACTER: Final = re.compile(f"[{_UNSHOWN}]")
_HIDDEN: Final = re.compile(f"[{_CONTROLS}{_UNSHOWN}]")
_HIDDEN_IN_JSON: Final = re.compile(f"[\x7f-\x9f\u2028\u2029\ufffe\uffff{_UNSHOWN}]")
_COMPACT: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_WORDS: Final = {None: "null", True: "true", False: "false"}
_SHORT: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}

# A spreadsheet cell holds 32,767 characters:
# https://support.microsoft.com/en-us/office/excel-specifications-and-limits-1672b34d-7043-467e-8e27-269d656771c3
_CELL_LIMIT: Final = 32_000
_PLAIN_NUMBER: Final = re.compile(r"-\d+(\.\d+)?([eE][+-]?\d+)?")
_FORMULA_STARTS: Final = frozenset("=+-@\N{MINUS SIGN}")
_BLANK_STARTS: Final = ("\t", "\r")
_HARMFUL_STARTS: Final = frozenset("=+-@ ")  # of what shows and is ASCII: behind a blank, there may be a formula
_MONTH: Final = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}"
_NUMBER_LIKE: Final = re.compile(
    rf"[\s.,:/eE+%$€£()-]*\d[\s\d.,:/eE+%$€£()-]*|true|false|{_MONTH}[\s./-]?\d{{1,4}}|\d{{1,4}}[\s./-]?{_MONTH}(?:[\s./-]?\d{{1,4}})?",
    re.IGNORECASE,
)
_BEGIN_NO_NUMBER: Final = frozenset(ascii_letters) - frozenset("eEtTfFjJmMaAsSoOnNdD")
"""Letters with which neither an exponent nor a truth nor a month begins."""
_LONGEST_DATE: Final = 19  # digits, a month, digits
_NUMBER_SIGNS: Final = "0123456789 \t\n\r\v\f\x1c\x1d\x1e\x1f.,:/eE+%$()-"
"""What of ASCII a number may hold."""
# What shows nothing where a text begins: blanks, format characters such as a zero-width space, marks without a letter.
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Me", "Mn", "Zl", "Zp", "Zs"})
_FILLERS: Final = frozenset("\u115f\u1160\u2800\u3164\uffa0")  # letters by category, blank by looks


def _escaped(match: re.Match[str]) -> str:
    character = match[0]
    code = ord(character)
    if code > 0xFFFF:
        return f"\\U{code:08x}"
    return _SHORT.get(character) or (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}")


def visible(text: str) -> str:
    r"""Return text with every character that controls or does not show spelled out (`\x1b`, `\u200b`): it does nothing."""
    if text.isascii() and text.isprintable():
        return text
    return _HIDDEN.sub(_escaped, text)


def visible_json(text: str) -> str:
    r"""Return JSON with every character that does not show written as `\u200b`, which reads back as what it was."""
    return text if text.isascii() else _HIDDEN_IN_JSON.sub(lambda match: json.dumps(match[0])[1:-1], text)


def sentence(text: str) -> str:
    """Return prose on one line: white space folded, all that does not show is spelled out."""
    return visible(" ".join(re.split(r"[ \t\r\n]+", text.strip(" \t\r\n"))))


def blanked(text: str) -> str:
    """Return text on one line: each control character or line break is a space, what else does not show is spelled out."""
    line = _CONTROL.sub(" ", text.replace("\r\n", "\n"))
    return line if line.isascii() else _UNSHOWN_CHARACTER.sub(_escaped, line)


def safe_cell(text: str) -> str:
    """Return text that a spreadsheet shows and never runs: one line, no control characters, no formula."""
    if not text or (
        text[0] not in _HARMFUL_STARTS and len(text) <= _CELL_LIMIT and text.isascii() and text.isprintable()
    ):
        return text  # what nearly all cells are: neither a formula nor anything to hide
    line = cut_cell(blanked(text))
    starts_formula = text.startswith(_BLANK_STARTS) or _seen_first(text) in _FORMULA_STARTS
    return f"'{line}" if starts_formula and not _PLAIN_NUMBER.fullmatch(line) else line


def cut_cell(text: str) -> str:
    """Return text that fits the cell of a spreadsheet, which would cut it silently."""
    if len(text) <= _CELL_LIMIT:
        return text
    return f"{text[:_CELL_LIMIT]} … ({len(text) - _CELL_LIMIT:,} more characters in the JSON report)"


def reads_as_number(text: str) -> bool:
    """Whether some spreadsheet takes a text for a number, a date, a time or a truth, and shows another text for it."""
    if text[:1] in _BEGIN_NO_NUMBER:
        return False
    if len(text) > _LONGEST_DATE and text.isascii() and text.strip(_NUMBER_SIGNS):
        return False  # nearly all that is longer than a date: it holds something that no number has
    return _NUMBER_LIKE.fullmatch(text) is not None


def name_cell(text: str) -> str:
    """Return a name or id that a spreadsheet keeps as it is: what reads as a number starts with an apostrophe."""
    return f"'{text}" if text and reads_as_number(text) else text


def _seen_first(text: str) -> str:
    """Return the first character that shows, in its plain form: some locales take full-width forms for the plain ones."""
    seen = (char for char in text if unicodedata.category(char) not in _UNSEEN and char not in _FILLERS)
    return unicodedata.normalize("NFKC", next(seen, ""))[:1]


def ordered(value: object) -> object:
    """Return a value as plain JSON with sorted keys: the same for equal values, whatever they were read from."""
    if type(value) in _PLAIN or isinstance(value, int | str):
        return value
    match value:
        case float():
            return value if math.isfinite(value) else str(value)
        case Mapping():
            return {str(key): ordered(value[key]) for key in sorted(value, key=str)}
        case AbstractSet():
            return sorted((ordered(inner) for inner in value), key=compact)
        case Sequence() if not isinstance(value, bytes | bytearray):
            return [ordered(inner) for inner in value]
        case _:
            return str(value)


def compact(value: object) -> str:
    """Return JSON on one line, without spaces, keys sorted."""
    if value is None or type(value) is bool:
        return _WORDS[value]
    return _COMPACT(ordered(value))


def value_text(value: object) -> str:
    """Return a string as it is and anything else as compact JSON."""
    return str(value) if isinstance(value, str) else compact(value)


def observed(evidence: Evidence) -> str:
    """Return what was there; an absent value says so, with the default that stood in for it."""
    return observed_as(evidence, evidence.actual)


def observed_as(evidence: Evidence, actual: object) -> str:
    """Return what was there of a leaf whose value is `actual`."""
    if evidence.absent:
        return "(absent)" if evidence.assumed is None else f"(absent, assumed {compact(evidence.assumed)})"
    if actual is None and evidence.assumed is not None:
        return f"(null, assumed {compact(evidence.assumed)})"
    return value_text(actual)


def requirement(evidence: Evidence) -> str:
    """Return what a leaf asked for: path, operator and expected value; of what was not compared, only what it is."""
    if not evidence.decides:
        return f"{evidence.path} ({evidence.operator})"
    if evidence.operator == "count":
        return f"{evidence.path} {value_text(evidence.expected)}"
    return f"{evidence.path} {evidence.operator} {value_text(evidence.expected)}"


def utc(moment: datetime) -> str:
    """Return a time as `2024-02-01T00:00:00Z`; a time without a zone is taken as UTC."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return aware.astimezone(UTC).isoformat().replace("+00:00", "Z")


def utc_text(text: str | None) -> str:
    """Return a recorded time in UTC, or the text itself where it cannot be read as a time."""
    if not text:
        return ""
    try:
        return utc(datetime.fromisoformat(text))
    except (ValueError, OverflowError):
        return text


def run_id(report: Report) -> str:
    """Return 32 hex digits over snapshot hash, baseline name and version, tool version and time of judgement."""
    inputs = [
        report.snapshot.sha256,
        report.baseline_name,
        report.baseline_version,
        report.tool_version,
        utc(report.as_of),
    ]
    return hashlib.sha256(json.dumps(inputs).encode()).hexdigest()[:32]
