"""The page that anybody opens: whole without a browser, and in a headless Chromium as a reader uses it."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from lxml import html
from msgspec.structs import replace

from auditor import audit
from auditor.inputs import read
from auditor.model import (
    Assumption,
    Finding,
    FindingSet,
    ItemSet,
    LevelSets,
    OperationFormula,
    OperationSets,
    PacketBox,
    PacketSet,
    PermittedOperations,
    Report,
    Severity,
    Status,
)
from auditor.report import html_page
from auditor.report.format import View, named
from auditor.report.pipeline_log import harmless
from auditor.rulebook import in_force
from tests.checkout import ROOT, SAMPLE
from tests.report.conftest import EXEMPT, MISSING, OPENAI_PUBLIC, PICTURE, UNREAD, report_of
from tests.report.hostile import HOSTILE, hostile_report
from tests.report.test_hostile_texts import bytes_of

ORACLES = ROOT / "build" / "oracles"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DOUBT = Assumption("rule", "x", holds=False)
READ = OperationFormula("pattern", "*/read")
TABLE_OF = {"components": "Components of", "causes": "Causes"}


@pytest.fixture(scope="module")
def sample() -> Report:
    """Return the report on the sample, with its pictures."""
    return judged(SAMPLE)


def judged(path: Path) -> Report:
    terms = audit.Terms(complete=True, draw=True)
    return audit.audit(read.read(str(path)), in_force.load(in_force.Selection("openai-chat")), terms)


def page_of(report: Report) -> str:
    return bytes_of(report, "html").decode()


def parsed(report: Report) -> Any:
    return html.document_fromstring(page_of(report))


def island_of(page: Any) -> Any:
    return json.loads(page.get_element_by_id("report-data").text)


@pytest.mark.parametrize("kind", ["sample", "plain", "hostile", "empty"])
def test_a_page_is_whole_and_asks_nobody_for_anything(kind: str, sample: Report, report: Report) -> None:
    reports = {"sample": sample, "plain": report, "hostile": hostile_report(list(HOSTILE)), "empty": report_of()}
    page = parsed(reports[kind])
    loading = [
        *page.xpath("//*[@src or @srcset or @data or @action or @poster]"),
        *page.xpath("//link[@href!='data:,']"),
    ]
    assert [element.tag for element in loading] == []
    assert page.xpath("//iframe | //object | //embed | //form | //img | //base") == []
    assert all(re.fullmatch(r"#[\w-]+|https://\S+", link) for link in page.xpath("//a/@href"))
    styles = "".join(page.xpath("//style/text()"))
    assert "url(" not in styles
    assert "@import" not in styles
    identifiers = page.xpath("//@id")
    assert len(identifiers) == len(set(identifiers))
    inner = {link[1:] for link in page.xpath("//a/@href") if link.startswith("#")}
    assert inner - {"main"} <= set(identifiers)


def test_its_policy_lets_our_own_script_and_style_run_and_nothing_else(report: Report) -> None:
    page = parsed(report)
    (policy,) = page.xpath("//meta[@http-equiv='Content-Security-Policy']/@content")
    allowed = dict(part.split(" ", 1) for part in policy.split("; "))
    assert (allowed["default-src"], allowed["base-uri"], allowed["form-action"]) == ("'none'", "'none'", "'none'")
    for kind, text in (
        ("script-src", page.xpath("//script[not(@type)]/text()")),
        ("style-src", page.xpath("//style/text()")),
    ):
        assert allowed[kind] == f"'sha256-{base64.b64encode(hashlib.sha256(text[0].encode()).digest()).decode()}'"
    for name in ("page.js", "page.css"):
        own = (Path(html_page.__file__).parent / name).read_text(encoding="utf-8")
        assert harmless(own) == own, "a pipeline's guard would change it"
    assert page.xpath("//@style | //@onclick | //@onload | //@onerror") == []


def test_it_tells_what_the_json_tells(sample: Report) -> None:
    page, document = parsed(sample), json.loads(bytes_of(sample, "json"))
    told = island_of(page)["findings"]
    assert Counter((each["status"], each["rule"], each["id"]) for each in told) == Counter(
        (each["status"], each["rule_id"], each["fingerprint"]) for each in document["findings"]
    )
    plain = page.xpath("//noscript//tbody/tr")
    by_status = document["summary"]["by_status"]
    assert len(plain) == by_status["fail"] + by_status["unknown"]
    tiles = {tile.xpath("string(span)").strip(): tile.xpath("string(strong)") for tile in page.find_class("tile")}
    assert {word: tiles[word] for word in ("failures in all", "unknown", "passed")} == {
        "failures in all": str(by_status["fail"]),
        "unknown": str(by_status["unknown"]),
        "passed": str(by_status["pass"]),
    }
    severities = {f"{name} failures": f"{count}" for name, count in document["summary"]["by_severity"].items()}
    assert {word: tiles[word] for word in severities} == severities
    assert len(page.xpath("//section[@id='causes']//tbody/tr")) == len(document["causes"])
    assert len(page.xpath("//section[@id='controls']//tbody/tr")) == len(document["coverage"]["controls"])
    assert len(page.xpath("//section[@id='coverage']//tbody/tr")) == sum(
        len(document["coverage"][part]) for part in ("types", "unmet_rules")
    )


def test_the_picture_shows_every_component_that_is_there_or_required(sample: Report) -> None:
    (picture,) = sample.pictures
    page = parsed(sample)
    drawn = page.xpath("//svg//a/@data-component")
    shown = [each for each in picture.components if each.resource_ids or each.is_required]
    assert sorted(drawn) == sorted(each.name for each in shown)
    table = page.xpath(f"//table[caption[starts-with(., '{TABLE_OF['components']}')]]/tbody/tr")
    assert len(table) == len(shown)
    arrows = page.xpath("//svg//path[starts-with(@class, 'call')]")
    assert len(arrows) == len(picture.calls) + sum(bool(each.visitors) for each in shown)
    areas = set(page.xpath("//svg//text[@class='area']/text()"))
    assert areas == {each.area for each in shown}


def test_what_is_missing_is_dashed_and_so_is_every_call_of_it() -> None:
    page = parsed(replace(report_of(MISSING), pictures=[PICTURE]))
    classes = {box.get("data-component"): box.get("class") for box in page.xpath("//svg//a")}
    assert classes == {
        "gateway": "box not-applicable", "openai": "box unknown absent", "firewall": "box missing absent",
        "odd": "box not-applicable",
    }  # fmt: skip
    calls = Counter(page.xpath("//svg//path[starts-with(@class, 'call')]/@class"))
    assert calls == {"call absent": 2, "call unseen": 1, "call": 2}
    assert "missing" in page.xpath("string(//svg//a[@data-component='firewall'])")


def test_a_box_stands_as_the_worst_of_its_findings_does() -> None:
    findings = [replace(each, workload="chat01", component="gateway") for each in (OPENAI_PUBLIC, EXEMPT, UNREAD)]
    expected = {3: "critical", 2: "unknown", 1: "accepted"}
    for count, css in expected.items():
        chosen = [findings[index] for index in {3: (0, 1, 2), 2: (1, 2), 1: (1,)}[count]]
        page = parsed(replace(report_of(*chosen), pictures=[PICTURE]))
        assert page.xpath("//svg//a[@data-component='gateway']/@class") == [f"box {css}"]


def test_every_cell_of_the_grid_leads_to_its_pair_and_a_packet(sample: Report) -> None:
    page = parsed(sample)
    (picture,) = sample.pictures
    cells = page.xpath("//table[@class='matrix']//td/a")
    assert len(cells) == len(picture.network) > 50
    for link, pair in zip(sorted(cells, key=_number), picture.network, strict=True):
        behind = page.get_element_by_id(link.get("href")[1:])
        assert behind.xpath("string(h4)").startswith(f"{pair.source} → {pair.destination}")
        assert link.text == {"yes": "part" if pair.is_partial else "all", "no": "none", "unknown": "?"}[pair.answer]
        assert (pair.packet is None) or behind.xpath("pre")


def _number(link: Any) -> int:
    return int(link.get("href").rpartition("-")[2])


def test_exemptions_have_a_calendar() -> None:
    accepted = replace(
        EXEMPT, fingerprint="e2", exemption=replace(EXEMPT.exemption, id="EX-2", expires_on="2024-04-02")
    )
    report = replace(report_of(EXEMPT, accepted), as_of=datetime(2024, 2, 20, tzinfo=UTC))
    page = parsed(report)
    months = {
        month.xpath("string(span)"): month.xpath("string(strong)") for month in page.xpath("//ol[@class='calendar']/li")
    }
    assert list(months) == [f"2024-{month:02}" for month in range(2, 13)]
    assert {name: count for name, count in months.items() if count.isdigit()} == {"2024-04": "1", "2024-12": "1"}
    rows = [[cell.text_content() for cell in row] for row in page.xpath("//section[@id='exemptions']//tbody/tr")]
    assert [row[:4] for row in rows] == [
        ["2024-04-02", "42 days", "EX-2", "1 finding"],
        ["2024-12-31", "315 days", "EX-1", "1 finding"],
    ]


def test_a_reader_that_hears_the_page_finds_its_parts(sample: Report) -> None:
    page = parsed(sample)
    assert page.get("lang") == "en"
    assert [len(page.xpath(f"//{name}")) for name in ("header", "nav", "main", "h1")] == [1, 1, 1, 1]
    for section in page.xpath("//main/section"):
        (heading,) = section.xpath("h2")
        assert section.get("aria-labelledby") == heading.get("id")
    contents = page.xpath("//nav//a/@href")
    assert contents == [f"#{section.get('id')}" for section in page.xpath("//main/section")]
    assert all(table.xpath("caption") for table in page.xpath("//main//table[not(ancestor::noscript)]"))


def test_pictures_are_made_only_where_a_format_shows_them() -> None:
    terms = audit.Terms(complete=True)
    plain = audit.audit(
        read.read(str(SAMPLE)), in_force.load(in_force.Selection("openai-chat", select=["app-*"])), terms
    )
    assert plain.pictures == ()
    assert [name for name in ("html", "json", "table") if named(name).draws] == ["html"]


def test_a_page_without_passes_is_small_and_counts_all_the_same(sample: Report) -> None:
    target = io.BytesIO()
    stream = io.TextIOWrapper(target, encoding="utf-8", newline="")
    named("html").write(sample, stream, View(include_passed=False))
    stream.flush()
    page = html.document_fromstring(target.getvalue().decode())
    assert {each["status"] for each in island_of(page)["findings"]} <= {"fail", "unknown"}
    assert any(
        "809 passed" in tile.text_content() or "passed" in tile.text_content() for tile in page.find_class("tile")
    )


# In a browser, where there is one.


@pytest.fixture(scope="module")
def modules() -> Path:
    """Return the folder whose node_modules hold puppeteer-core and axe-core, or skip."""
    if CHROMIUM is None or shutil.which("node") is None:
        pytest.skip("needs chromium and node")
    if not all((ORACLES / "node_modules" / name).is_dir() for name in ("puppeteer-core", "axe-core")):
        pytest.skip("needs npm's puppeteer-core and axe-core in build/oracles")
    return ORACLES


def seen(modules: Path, file: Path, scenario: str) -> Any:
    """Return what a scenario saw; nothing may be asked of anybody, and the console stays silent."""
    script = Path(__file__).with_name("browser.mjs")
    command = ["node", str(script), str(modules), str(CHROMIUM), str(file), scenario]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=180)
    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout)
    assert (told["errors"], told["requests"]) == ([], [])
    return told


@pytest.fixture(scope="module")
def file(sample: Report, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a page of the sample, of which some failures are accepted, as a file."""
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_bytes(bytes_of(_with_exemptions(sample), "html"))
    return path


def _with_exemptions(report: Report) -> Report:
    failures = iter(range(3))
    findings = [
        replace(each, exemption=EXEMPT.exemption)
        if each.status is Status.FAIL and next(failures, None) is not None
        else each
        for each in report.findings
    ]
    return replace(report, findings=findings)


def _count(text: str) -> int:
    return int(text.split(" of ", maxsplit=1)[0].replace(",", ""))


def test_filters_show_what_they_say(modules: Path, file: Path, sample: Report) -> None:
    told = seen(modules, file, "filters")
    findings = island_of(html.document_fromstring(file.read_text(encoding="utf-8")))["findings"]
    states, severities = Counter(each["state"] for each in findings), Counter(each["severity"] for each in findings)
    components = Counter(each.component for each in sample.findings if each.component)
    assert states["accepted"] == 3
    assert _count(told["start"]) == states["fail"] + states["unknown"]
    assert _count(told["all"]) == len(findings)
    assert {name: _count(text) for name, text in told["status"].items()} == {
        name: states[name] for name in told["status"]
    }
    assert {name: _count(text) for name, text in told["severity"].items()} == {
        each: severities[each] for each in Severity
    }
    assert {name: _count(text) for name, text in told["component"].items()} == components
    controls = sum("SRCH-NET-001" in each.controls.get("openai-chat", ()) for each in sample.findings)
    assert _count(told["control"]) == controls > 0
    assert _count(told["tag"]) == sum(_has_tag(each, "costcenter=4711") for each in sample.findings) > 0
    assert 0 < _count(told["text"]) < len(findings)
    failed = [each for each in sample.findings if each.status is Status.FAIL]
    assert _count(told["tile"]) == sum(each.severity is Severity.CRITICAL for each in failed)
    component, chosen, count = told["box"]
    assert (component, _count(count)) == (chosen, components[component])
    mends, shown = told["cause"]
    assert _count(shown) == int(mends.split()[0])
    assert told["controlLink"][0] == told["controlLink"][1]


def _has_tag(finding: Finding, text: str) -> bool:
    return any(text in f"{name}={value}".lower() for name, value in finding.tags.items())


def test_a_finding_is_read_copied_printed_and_linked_to(modules: Path, file: Path, sample: Report) -> None:
    told = seen(modules, file, "reading")
    is_open, text = told["detail"]
    assert is_open
    assert all(word in text for word in ("Remedy", "Where", "Evidence", "Controls", "Rule", "Wanted"))
    assert told["copied"] == "Copied"
    label, (is_hidden, answer) = told["answer"]
    assert not is_hidden
    assert answer.startswith(label.split(":")[0].replace(" to ", " → "))
    unsettled = sum(each.status in {Status.FAIL, Status.UNKNOWN} for each in sample.findings) - 3
    assert told["paper"] == [unsettled, unsettled]
    assert told["afterPaper"] == 1
    assert [is_open for _, is_open in told["linked"]] == [True]


def test_axe_finds_nothing_in_light_and_dark_and_on_a_small_screen(modules: Path, file: Path) -> None:
    assert seen(modules, file, "axe")["violations"] == {"light 1280": [], "dark 1280": [], "light 420": []}


def test_hostile_texts_do_nothing_in_a_browser(modules: Path, tmp_path: Path) -> None:
    path = tmp_path / "hostile.html"
    path.write_bytes(bytes_of(hostile_report(list(HOSTILE)), "html"))
    told = seen(modules, path, "axe")
    assert told["violations"] == {"light 1280": [], "dark 1280": [], "light 420": []}


def test_without_scripts_a_table_of_failures_remains(modules: Path, file: Path, sample: Report) -> None:
    told = seen(modules, file, "plain")
    assert told["plain"] == sum(each.status in {Status.FAIL, Status.UNKNOWN} for each in sample.findings)
    assert told["seen"]
    assert told["filters"] == 0


def test_ten_thousand_findings_stay_usable(modules: Path, sample: Report, tmp_path: Path) -> None:
    path = tmp_path / "many.html"
    copies = [
        replace(each, fingerprint=f"{each.fingerprint}{copy}") for copy in range(10_000 // len(sample.findings) + 1)
        for each in sample.findings
    ]  # fmt: skip
    path.write_bytes(bytes_of(replace(sample, findings=copies), "html"))
    told = seen(modules, path, "many")
    assert len(copies) >= 10_000
    assert told["rows"] <= 300
    assert told["more"] > told["rows"]
    assert told["focused"] == "SUMMARY"
    assert told["loaded"] < 15_000
    assert told["filtered"] < 2_000


def _jar() -> Iterator[Path]:
    yield from (ORACLES / "node_modules" / "vnu-jar").glob("build/dist/vnu.jar")


@pytest.mark.parametrize("kind", ["plain", "hostile"])
def test_the_nu_html_checker_has_nothing_to_say(kind: str, report: Report, tmp_path: Path) -> None:
    jar = next(_jar(), None)
    if jar is None or shutil.which("java") is None:
        pytest.skip("needs java and npm's vnu-jar in build/oracles")
    path = tmp_path / "page.html"
    path.write_bytes(
        bytes_of(hostile_report(list(HOSTILE)) if kind == "hostile" else replace(report, pictures=[PICTURE]), "html")
    )
    ended = subprocess.run(
        ["java", "-jar", str(jar), "--format", "json", str(path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    messages: list[Mapping[str, Any]] = json.loads(ended.stderr)["messages"]
    told = [message["message"] for message in messages]
    # It takes the block of data for a script; browsers do not ask the policy about what they do not run:
    # https://html.spec.whatwg.org/multipage/scripting.html#prepare-the-script-element (data blocks return first).
    assert [text for text in told if not text.startswith("Inline script violates")] == []
    assert len(told) <= 1


@pytest.mark.parametrize(
    ("of", "lines"),
    [
        (None, []),
        (ItemSet("address", ("8.8.8.0/24",)), ["address: 8.8.8.0/24"]),
        (LevelSets((("violence (Prompt)", ("low", "medium")),)), ["violence (Prompt): low, medium gets through"]),
        (
            PacketSet((PacketBox(("10.0.0.0/8",), ("10.1.0.4",), ("Tcp",), ("22",), (), (DOUBT,)),)),
            ["Tcp 22, from 10.0.0.0/8 to 10.1.0.4, if rule is not x"],
        ),
        (
            OperationSets((PermittedOperations("control", "/", OperationFormula("none_of", parts=(READ,))),)),
            ["control plane, /: not (*/read)"],
        ),
    ],
)  # fmt: skip
def test_a_set_is_told_in_words(of: FindingSet | None, lines: list[str]) -> None:
    told = island_of(parsed(report_of(replace(OPENAI_PUBLIC, rests_on=of))))["findings"]
    assert told[0].get("set", []) == lines


def test_a_set_of_many_parts_is_cut_and_says_so() -> None:
    many = ItemSet("id", tuple(f"{number:03}" for number in range(100)))
    (told,) = island_of(parsed(report_of(replace(OPENAI_PUBLIC, rests_on=many))))["findings"]
    assert (len(told["set"]), told["set"][0], told["set"][-1][:10]) == (41, "id: 000", "… and more")
