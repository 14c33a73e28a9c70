"""What strangers write is harmless in every format, as the reader of the format and the agents of pipelines see it."""

from __future__ import annotations

import ast
import csv
import io
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import openpyxl  # type: ignore[import-untyped]  # its stubs are a package of their own
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree, html
from markdown_it import MarkdownIt

from auditor.model import Report
from auditor.report.format import NAMES, View, named
from auditor.report.pipeline_log import LogSafeStream
from tests.checkout import ROOT
from tests.report.agents import azure_commands, github_commands
from tests.report.hostile import HOSTILE, hostile_report

_UNSHOWN = re.compile(
    "[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e0fff]"
)
_NUMBER = re.compile(r"-\d+(\.\d+)?([eE][+-]?\d+)?")


def bytes_of(report: Report, name: str, *, width: int = 100) -> bytes:
    """Return what a format writes of all findings, through the stream that the command line gives it."""
    chosen, target = named(name), io.BytesIO()
    stream = LogSafeStream(target, chosen.hash_sign)
    chosen.write(report, stream, View(include_passed=True, width=width, verbose=True, color=True))
    stream.finish()
    return target.getvalue()


def _table(written: str, _: Report) -> None:
    plain = re.sub(r"\x1b\[[0-9;]*m", "", written)
    assert not _UNSHOWN.search(plain)
    assert "\r" not in plain


def _csv(written: str, _: Report) -> None:
    rows = list(csv.reader(io.StringIO(written, newline="")))
    assert written.count("\n") == len(rows)
    assert len({len(row) for row in rows}) == 1
    for cell in (cell for row in rows for cell in row):
        assert not re.match(r"\s*[=+\-@\uff1d]", cell) or _NUMBER.fullmatch(cell)
        assert not _UNSHOWN.search(cell)


def _json(written: str, report: Report) -> None:
    document = json.loads(written)
    assert not _UNSHOWN.search(written)
    assert {each["message"] for each in document["findings"]} == {each.message for each in report.findings}
    assert document["notices"] == sorted(report.notices)


def _jsonl(written: str, report: Report) -> None:
    head, *findings = map(json.loads, written.splitlines())
    assert not _UNSHOWN.search(written)
    assert {each["message"] for each in findings} == {each.message for each in report.findings}
    assert head["notices"] == sorted(report.notices)


def _markdown(written: str, _: Report) -> None:
    assert not _UNSHOWN.search(written)
    page = MarkdownIt("gfm-like", {"html": True, "linkify": False}).parse(written)
    inner = [child for token in page for child in token.children or ()]
    assert {token.type for token in [*page, *inner]} <= _MARKDOWN
    html = {token.content for token in [*page, *inner] if token.type.startswith("html")}
    assert not re.search(r"<(?!/?(details|summary|code)\b|!-- -->)", "".join(html))


_MARKDOWN = {
    *(
        "heading_open",
        "heading_close",
        "paragraph_open",
        "paragraph_close",
        "inline",
        "text",
        "html_block",
        "html_inline",
    ),
    *(f"{part}_{end}" for part in ("table", "thead", "tbody", "tr", "th", "td") for end in ("open", "close")),
    *("text_special", "softbreak"),
}


def _events(written: str, report: Report) -> None:
    events = [json.loads(line) for line in written.splitlines()]
    assert not _UNSHOWN.search(written)
    assert len(events) == len(report.findings)


def _one_document(written: str, _: Report) -> None:
    json.loads(written)
    assert not _UNSHOWN.search(written)


def _xml(written: str, report: Report) -> None:
    root = etree.fromstring(written.encode())
    assert not _UNSHOWN.search("".join([written, *(str(text) for text in root.itertext())]))
    assert {element.tag for element in root.iter()} <= {
        *("testsuites", "testsuite", "properties", "property", "testcase", "failure", "error", "skipped"),
    }
    assert len(root.findall(".//testcase")) == len(report.findings)


def _annotations(written: str, report: Report) -> None:
    assert not _UNSHOWN.search(written)
    commands = [*github_commands(written), *azure_commands(written)]
    assert {command.name for command in commands} <= {"error", "warning", "notice", "task.logissue"}
    assert all(set(command.properties) <= {"title", "type", "code"} for command in commands)
    told = {command.properties.get("code") for command in commands} - {None}
    assert told <= set(report.rules)


def _workbook(written: bytes, report: Report) -> None:
    book = openpyxl.load_workbook(io.BytesIO(written))
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    assert {cell.data_type for cell in cells} <= {"s", "n", "inlineStr"}
    assert not any(cell.hyperlink for cell in cells)
    assert not any(_UNSHOWN.search(cell.value) for cell in cells if isinstance(cell.value, str))
    assert book["findings"].max_row == len(report.findings) + 1


def _page(written: str, report: Report) -> None:
    assert not _UNSHOWN.search(written)
    page = html.document_fromstring(written)
    assert {str(element.tag) for element in page.iter()} <= _ELEMENTS
    assert {
        name for element in page.iter() for name in element.attrib if name.startswith(("on", "style", "src"))
    } == set()
    assert all(re.match(r"#|https://", link) for link in page.xpath("//a/@href"))
    assert len(re.findall("<script", written, re.IGNORECASE)) == len(page.xpath("//script")) == 2
    assert written.count("<!") == 1
    told = json.loads(page.get_element_by_id("report-data").text)["findings"]
    assert len(told) == len(report.findings)


_ELEMENTS = {
    *(
        "html",
        "head",
        "meta",
        "link",
        "title",
        "style",
        "script",
        "noscript",
        "body",
        "header",
        "nav",
        "main",
        "section",
    ),
    *(
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "p",
        "ul",
        "ol",
        "li",
        "dl",
        "dt",
        "dd",
        "div",
        "span",
        "strong",
        "code",
        "pre",
        "bdi",
        "a",
    ),
    *("table", "caption", "thead", "tbody", "tr", "th", "td", "details", "summary", "button"),
    *("svg", "defs", "marker", "path", "rect", "text"),
}


JUDGES: dict[str, Callable[[str, Report], None]] = {
    "azure-devops": _annotations,
    "coverage": _csv,
    "csv": _csv,
    "github": _annotations,
    "html": _page,
    "json": _json,
    "jsonl": _jsonl,
    "junit": _xml,
    "markdown": _markdown,
    "ocsf": _events,
    "oscal": _one_document,
    "sarif": _one_document,
    "table": _table,
}
OWN_COMMANDS: dict[str, tuple[int, int]] = {"github": (4, 0), "azure-devops": (0, 4)}
"""How many commands a format has of its own for GitHub and for Azure in a hostile report; others have none."""
TEXT_FORMATS = [name for name in NAMES if not named(name).is_binary]


@pytest.mark.parametrize("name", TEXT_FORMATS)
@settings(max_examples=15)
@given(texts=st.lists(st.sampled_from(HOSTILE) | st.text(max_size=8), min_size=1, max_size=12).filter(any))
def test_no_text_does_anything(name: str, texts: list[str]) -> None:
    report = hostile_report(texts)
    written = bytes_of(report, name)
    JUDGES[name](written.decode(), report)
    found = (len(github_commands(written.decode())), len(azure_commands(written.decode())))
    assert found == OWN_COMMANDS.get(name, (0, 0))


@pytest.mark.parametrize("name", TEXT_FORMATS)
@pytest.mark.parametrize("text", HOSTILE)
def test_not_one_of_the_list_does_anything_alone(name: str, text: str) -> None:
    report = hostile_report([text])
    written = bytes_of(report, name, width=40).decode()
    JUDGES[name](written, report)
    assert (len(github_commands(written)), len(azure_commands(written))) == OWN_COMMANDS.get(name, (0, 0))


@pytest.mark.parametrize("text", HOSTILE)
def test_a_workbook_holds_each_as_text(text: str) -> None:
    report = hostile_report([text])
    _workbook(bytes_of(report, "xlsx"), report)


def test_every_format_has_a_judge() -> None:
    assert {*JUDGES, "xlsx"} == set(NAMES)


def test_a_format_without_an_escape_and_markup_without_one_do_not_type_check(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(
        "from auditor.model import Report\n"
        "from auditor.report.escapes.gfm import GfmPage, gfm, gfm_text\n"
        "from auditor.report.format import Format, View\n"
        "def write(report: Report, out: GfmPage, view: View) -> None:\n"
        "    out.write(gfm('# {}', gfm_text(report.baseline_name)))\n"
        "    out.write(report.baseline_name)\n"
        "    out.write(gfm('# {}', report.baseline_name))\n"
        "Format('own', write, GfmPage)\n"
        "Format('own', write)\n"
    )
    options = ("--strict", "--follow-imports=silent", f"--cache-dir={ROOT / '.mypy_cache'}", "--no-error-summary")
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", *options, str(tmp_path / "own.py")],
        capture_output=True, text=True, check=False, cwd=ROOT,
    )  # fmt: skip
    wrong = re.findall(r"own\.py:(\d+): error:.*\[([a-z-]+)\]", checked.stdout)
    assert wrong == [("6", "arg-type"), ("7", "arg-type"), ("9", "call-arg")], checked.stdout


def test_no_template_of_markup_is_made_of_text() -> None:
    """`gfm(template, …)` and `Gfm(…)` take literals, or what joins escaped parts."""
    found = []
    for path in (ROOT / "auditor" / "report").rglob("*.py"):
        found += [f"{path.name}: {match}" for match in re.findall(r"\b[gG]fm\(f[\"'].*", path.read_text())]
    assert [each for each in found if not each.startswith("gfm.py")] == []


def test_no_html_is_made_of_text() -> None:
    """Only the escape makes `Html`; elsewhere it takes literals of ours, or a file of ours."""
    found = []
    for path in (ROOT / "auditor" / "report").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Html":
                names = [inner for inner in ast.walk(node.args[0]) if isinstance(inner, ast.JoinedStr | ast.Call)]
                found += [f"{path.parent.name}/{path.name}: {ast.unparse(node)}"] if names else []
    assert [each for each in found if not each.startswith("escapes/html.py")] == [
        "formats/html.py: Html((Path(html_page.__file__).parent / name).read_text(encoding='utf-8').strip())"
    ]
