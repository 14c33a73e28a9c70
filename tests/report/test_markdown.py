from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token
from msgspec.structs import replace

from auditor.model import Report
from auditor.report.format import View
from auditor.report.formats.markdown import FORMAT
from tests.report.conftest import NASTY_NAMES, OPENAI_PUBLIC, PASSED, SKIPPED, UNREAD, VAULTS, named, report_of

PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
OURS = {"<code>", "</code>", "<!-- -->"}


def text_of(report: Report, *, include_passed: bool = False) -> str:
    out = io.StringIO()
    FORMAT.write(report, out, View(include_passed=include_passed))
    return out.getvalue()


def tables_of(text: str) -> list[list[list[str]]]:
    """Return the cells of each table, as text, the head row first."""
    tables: list[list[list[str]]] = []
    for token in PARSER.parse(text):
        match token.type:
            case "table_open":
                tables.append([])
            case "tr_open":
                tables[-1].append([])
            case "inline" if token.level >= 4:
                tables[-1][-1].append(shown(token))
            case _:
                pass
    return tables


def shown(token: Token) -> str:
    return "".join(child.content for child in token.children or () if child.type != "html_inline")


def inline_of(text: str) -> Iterator[Token]:
    for token in PARSER.parse(text):
        yield from token.children or ()


def test_each_table_has_its_rows_and_columns(report: Report) -> None:
    tables = tables_of(text_of(report, include_passed=True))
    shapes = [(len(table), {len(row) for row in table}) for table in tables]
    #         summary     missing   failures   unknown   accepted  gaps      evidence   notices   passed    skipped
    assert shapes == [
        (2, {9}),
        (2, {4}),
        (18, {4}),
        (2, {4}),
        (2, {4}),
        (2, {4}),
        (18, {4}),
        (3, {1}),
        (2, {2}),
        (2, {2}),
        # the coverage: permissions, what is not known, types, rules that met nothing, controls
        (2, {2}),
        (14, {5}),
        (4, {6}),
        (2, {2}),
        (2, {5}),
    ]


@pytest.mark.parametrize("name", [name for name in NASTY_NAMES if name.isprintable()])
def test_a_name_is_shown_as_it_is(name: str) -> None:
    failures = tables_of(text_of(report_of(named(name))))[1]
    assert failures[1][2] == name.replace("/", "")
    assert name in failures[1][3]


def check_nothing_comes_alive(text: str) -> None:
    tokens = list(inline_of(text))
    assert {token.content for token in tokens if token.type == "html_inline"} <= OURS
    assert {token.type for token in tokens} <= {"text", "html_inline", "softbreak", "text_special"}
    blocks = [token.content for token in PARSER.parse(text) if token.type == "html_block"]
    assert all(block.startswith(("<details><summary>", "</details>")) for block in blocks)
    assert text.count("<details>") == text.count("</details>")


def test_no_name_becomes_markup(report: Report) -> None:
    check_nothing_comes_alive(text_of(report, include_passed=True))


@given(st.text(max_size=60) | st.text(alphabet="|`\\<>*_[]()!&#~\n\r @:/wa1\u2028", max_size=30))
def test_no_text_becomes_markup(name: str) -> None:
    text = text_of(report_of(named(name)))
    check_nothing_comes_alive(text)
    assert [len(row) for row in tables_of(text)[1]] == [4, 4]


def test_links_and_mentions_stay_text(report: Report) -> None:
    text = text_of(report)
    assert "@octocat" not in text
    assert "https://evil" not in text
    assert "www.evil" not in text


def test_the_heading_is_the_verdict(report: Report) -> None:
    first = text_of(report).splitlines()[0]
    assert first.startswith("## 19 failures (3 critical, 4 high")
    assert first.endswith("this audit is incomplete")


def test_passes_are_listed_on_demand_and_counted_always() -> None:
    report = report_of(PASSED, SKIPPED, UNREAD)
    assert "oai-good" not in text_of(report)
    assert tables_of(text_of(report))[0][1][:4] == ["1", "0", "1", "1"]
    assert "oai-good" in text_of(report, include_passed=True)


def test_a_large_report_fits_a_comment_and_counts_what_it_leaves_out() -> None:
    failing = [replace(OPENAI_PUBLIC, resource_id=f"{VAULTS}/kv-{number:05}") for number in range(3_000)]
    passing = [replace(PASSED, resource_id=f"{VAULTS}/kv-{number:05}") for number in range(3_000)]
    unread = [replace(UNREAD, resource_id=f"{VAULTS}/kv-{number:05}") for number in range(3_000)]
    text = text_of(report_of(*failing, *passing, *unread), include_passed=True)
    assert len(text) < 65_000
    tables = tables_of(text)
    listed = sum(len(table) - 1 for table in tables[1:2])
    assert f"\n{3_000 - listed:,} more left out for want of room" in text
    assert "### Unknown (3,000)" in text
    check_nothing_comes_alive(text)
