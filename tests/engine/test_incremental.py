"""What an earlier run kept changes no answer of a later one, whatever has changed, and whatever the file holds."""

from __future__ import annotations

import inspect
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import msgpack
from msgspec.structs import replace

from auditor import audit
from auditor.engine.incremental import judging, kept_answers
from auditor.engine.incremental.kept_answers import KeptAnswers
from auditor.engine.incremental.trace import TimeComparison, Trace, TracingContext
from auditor.estate.graph import Estate
from auditor.model import Gap, HeldBody, Severity
from auditor.snapshot.hash import assemble
from auditor.snapshot.model import Metadata, Snapshot
from auditor.snapshot.normalise import ExportEntry, normalise
from tests.audit.judging import shipped, written
from tests.checkout import ROOT, SAMPLE
from tests.estates.chat import chat_bodies

Json = dict[str, Any]
Change = Callable[[list[Json]], None]
AT = datetime(2024, 3, 1, tzinfo=UTC)
VALUES = (None, True, False, 1, "*", "Enabled", "Disabled", "10.0.0.0/8", "2031-01-01", [], {"a": "b"})


def _state(bodies: Sequence[Json], gaps: Sequence[Gap] = (), *, read: str = "2024-03-01T00:00:00Z") -> Snapshot:
    rows, own = normalise(ExportEntry(body, "here", collected_at=read) for body in bodies)
    return assemble(rows, [*own, *gaps], Metadata(complete=True, collected_at=read))


def _same(snapshot: Snapshot, answers: Path, **terms: Any) -> None:
    """Hold that a snapshot is judged with a file of answers as it is without one."""
    given = audit.Terms(**{"as_of": AT, "processes": 1, **terms})
    plain, kept = (audit.audit(snapshot, shipped(), replace(given, answers=path)) for path in (None, answers))
    for form in ("json", "csv"):
        assert written(kept, form) == written(plain, form)
    assert [repr(each) for each in kept.findings] == [repr(each) for each in plain.findings]


def _taken(snapshot: Snapshot, answers: Path) -> Mapping[tuple[str, ...], bool]:
    """Return which parts of a snapshot would be taken from a file."""
    context = audit.context(snapshot, shipped(), audit.Terms(as_of=AT))
    question = judging.Evaluation(context, shipped())
    kept = KeptAnswers(answers, judging.made_by(question), print)
    parts = judging.IncrementalEvaluation(question, lambda *_: list, kept, dict)
    return {part.place: kept.findings(part.place) is not None for part in parts.parts}


@st.composite
def _changes(draw: st.DrawFn) -> list[Json]:
    """Draw an estate with resources that are gone, doubled, spelled otherwise, or have other values or fewer."""
    bodies = [dict(one) for one in chat_bodies()]
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(bodies) - 1))
        match draw(
            st.sampled_from(["gone", "doubled", "upper", "top", "property", "property", "lacking", "deep", "deep"])
        ):
            case "gone":
                del bodies[at]
            case "doubled":
                bodies.append({**bodies[at], "id": f"{bodies[at]['id']}2", "name": f"{bodies[at].get('name')}2"})
            case "upper":
                bodies[at] = {**bodies[at], "id": str(bodies[at]["id"]).upper()}
            case "top":
                bodies[at] = {**bodies[at], draw(st.sampled_from(["location", "kind", "sku", "tags", "identity"])): draw(
                    st.sampled_from(VALUES)
                )}  # fmt: skip
            case kind:
                properties = bodies[at].get("properties")
                if isinstance(properties, dict) and properties:
                    name = draw(st.sampled_from(sorted(properties)))
                    changed = dict(properties)
                    if kind == "lacking":
                        del changed[name]
                    else:
                        changed[name] = _other(draw, changed[name]) if kind == "deep" else draw(st.sampled_from(VALUES))
                    bodies[at] = {**bodies[at], "properties": changed}
    return bodies


def _other(draw: st.DrawFn, value: Any) -> Any:
    """Return a value with another one somewhere in it."""
    if isinstance(value, dict) and value:
        name = draw(st.sampled_from(sorted(value)))
        return {**value, name: _other(draw, value[name])}
    if isinstance(value, list) and value:
        at = draw(st.integers(0, len(value) - 1))
        return [*value[:at], _other(draw, value[at]), *value[at + 1 :]]
    return draw(st.sampled_from(VALUES))


@st.composite
def _gaps(draw: st.DrawFn) -> list[Gap]:
    """Draw what was not read: nothing mostly, or something of a resource, or resources of its type."""
    bodies = chat_bodies()
    found = []
    for _ in range(draw(st.integers(0, 2))):
        body = bodies[draw(st.integers(0, len(bodies) - 1))]
        what = draw(st.sampled_from([body["type"], "properties", "properties.publicNetworkAccess", "related:child"]))
        found.append(Gap(body["id"], what, "forbidden", "Some/read"))
    return found


@settings(max_examples=12)
@given(bodies=_changes(), gaps=_gaps(), days=st.sampled_from([0, 0, 1, 400]), read=st.sampled_from([1, 1, 2]))
def test_with_the_answers_of_the_state_before_all_is_judged_as_without(
    tmp_path: Path, bodies: list[Json], gaps: list[Gap], days: int, read: int
) -> None:
    answers = tmp_path / "answers"
    answers.unlink(missing_ok=True)
    _same(_state(chat_bodies()), answers)
    changed = _state(bodies, gaps, read=f"2024-03-0{read}T00:00:00Z")
    _same(changed, answers, as_of=AT + timedelta(days=days))
    _same(changed, answers, as_of=AT + timedelta(days=days))


def _storage(bodies: list[Json]) -> Json:
    return next(body for body in bodies if body["type"].lower() == "microsoft.storage/storageaccounts")


def test_what_rests_on_nothing_that_has_changed_is_not_judged_again(tmp_path: Path) -> None:
    answers, bodies = tmp_path / "answers", [dict(one) for one in chat_bodies()]
    _same(_state(bodies), answers)
    assert all(_taken(_state(bodies), answers).values()), "nothing has changed"
    assert all(_taken(_state(bodies, read="2024-04-01T00:00:00Z"), answers).values()), "all was only read again"

    account = _storage(bodies)
    account["properties"] = {**account["properties"], "minimumTlsVersion": "TLS1_0"}
    taken = _taken(_state(bodies), answers)
    assert not taken["type", "microsoft.storage/storageaccounts", "0"], "this is what it is about"
    assert taken["analysis", "network"], "the network has nothing to do with it"
    assert taken["analysis", "access"], "nor has who may do what"


def test_several_processes_share_what_is_kept(tmp_path: Path) -> None:
    answers, bodies = tmp_path / "answers", [dict(one) for one in chat_bodies()]
    _same(_state(bodies), answers, processes=2)
    assert all(_taken(_state(bodies), answers).values())
    _storage(bodies)["properties"]["minimumTlsVersion"] = "TLS1_0"
    _same(_state(bodies), answers, processes=2)
    assert all(_taken(_state(bodies), answers).values())


@pytest.mark.parametrize(
    "other",
    [
        lambda: audit.Terms(as_of=AT, explain_passes=False),
        lambda: audit.Terms(as_of=AT, complete=False),
    ],
)
def test_of_what_was_judged_on_other_terms_nothing_is_taken(tmp_path: Path, other: Callable[[], audit.Terms]) -> None:
    answers, state = tmp_path / "answers", replace(_state(chat_bodies()), metadata=Metadata())
    audit.audit(state, shipped(), audit.Terms(as_of=AT, complete=True, answers=answers))
    plain, kept = (audit.audit(state, shipped(), replace(other(), answers=path)) for path in (None, answers))
    assert written(kept, "json") == written(plain, "json")


def test_of_what_was_judged_by_other_rules_nothing_is_taken(tmp_path: Path) -> None:
    answers, state = tmp_path / "answers", _state(chat_bodies())
    audit.audit(state, shipped(), audit.Terms(as_of=AT, answers=answers))
    milder = [replace(each, severity=Severity.INFO) for each in shipped().in_force]
    other = replace(shipped(), in_force=milder)
    plain, kept = (audit.audit(state, other, audit.Terms(as_of=AT, answers=path)) for path in (None, answers))
    assert written(kept, "json") == written(plain, "json")


@pytest.mark.parametrize("cut", [0, 1, 10, 100, 5_000])
def test_a_damaged_file_is_told_and_all_is_judged_anew(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, cut: int
) -> None:
    answers, state = tmp_path / "answers", _state(chat_bodies())
    _same(state, answers)
    whole = answers.read_bytes()
    answers.write_bytes(whole[: len(whole) - 1 - cut])
    with caplog.at_level(logging.WARNING):
        _same(state, answers)
    assert [record.getMessage() for record in caplog.records] == [f"{answers}: it is damaged: all is judged anew"]
    assert all(_taken(state, answers).values()), "it is whole again"


def _forged(answers: Path, forge: Callable[[Any], None]) -> None:
    """Change what a file holds, as somebody could who knows its form."""
    head, _, rest = answers.read_bytes().partition(b"\n")
    text = rest.partition(b"\n")[2]
    file = msgpack.decode(text, type=kept_answers.AnswersFile)
    tables = msgpack.decode(kept_answers.unpacked(file.tables), type=kept_answers.AnswerTables)
    forge(tables)
    file.tables = kept_answers.packed(msgpack.encode(tables))
    text = msgpack.encode(file)
    answers.write_bytes(b"%s\n%s\n%s" % (head, sha256(text).hexdigest().encode(), text))


def _far_number(tables: Any) -> None:
    tables.parts[0].asked[:] = [10**6]


def _far_resource(tables: Any) -> None:
    tables.shape_of[:] = [10**6 for _ in tables.shape_of]
    tables.members[:] = [b"\0" * 16 for _ in tables.members]


def _far_reading(tables: Any) -> None:
    for part in tables.parts:
        part.read.append(10**6)
        part.read_of.append(0)


def _odd_times(tables: Any) -> None:
    for part in tables.parts:
        part.times.append(TimeComparison("<", 10**18, "2024-01-01", holds=True))


def _odd_questions(tables: Any) -> None:
    tables.questions[:] = [["_note_gaps", "a"], ["__class__"], ["once", "x"], ["rows", "a", "b"], [None]] * len(
        tables.questions
    )


def _no_findings(tables: Any) -> None:
    for part in tables.parts:
        part.findings[:] = [b"none"]


def _empty_findings(tables: Any) -> None:
    for part in tables.parts:
        part.findings[:] = [kept_answers.packed(msgpack.encode([[], [], [], [], [], [[1, 2]]]))]


@pytest.mark.parametrize(
    "forge", [_far_number, _far_resource, _far_reading, _odd_times, _odd_questions, _no_findings, _empty_findings]
)
def test_a_file_that_says_what_cannot_be_is_as_good_as_none(tmp_path: Path, forge: Callable[[Any], None]) -> None:
    answers, state = tmp_path / "answers", _state(chat_bodies())
    _same(state, answers)
    _forged(answers, forge)
    _same(state, answers)
    assert all(_taken(state, answers).values()), "it is whole again"


def test_a_file_of_something_else_stays_as_it_is(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    answers = tmp_path / "answers"
    answers.write_text("my thesis")
    with caplog.at_level(logging.WARNING):
        _same(_state(chat_bodies()), answers)
    assert "stays as it is" in caplog.text
    assert answers.read_text() == "my thesis"


def test_a_file_that_cannot_be_written_is_told_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        _same(_state(chat_bodies()), tmp_path / "no folder" / "answers")
    assert "cannot be kept" in caplog.text


def test_the_file_holds_no_value_of_what_findings_do_not_tell(tmp_path: Path) -> None:
    answers, bodies = tmp_path / "answers", [dict(one) for one in chat_bodies()]
    _storage(bodies)["properties"]["unheardOf"] = "0123456789-of-nobody"
    _same(_state(bodies), answers)
    texts: list[bytes] = []

    def look(tables: Any) -> None:
        texts.append(msgpack.encode(replace(tables, parts=[])))
        texts.extend(kept_answers.unpacked(data) for part in tables.parts for data in part.findings)

    _forged(answers, look)
    assert not any(b"of-nobody" in text for text in texts)


def test_everything_that_is_asked_of_an_estate_is_noted_or_makes_the_trace_useless() -> None:
    snapshot = _state(chat_bodies())
    context = audit.context(snapshot, shipped(), audit.Terms(as_of=AT))
    plain = {name for name, _ in inspect.getmembers(context.estate) if not name.startswith("_")}
    for name in plain - {"once", "catalogue", "complete", "metadata"}:
        trace = Trace()
        found = getattr(TracingContext(context, trace).estate, name)
        if callable(found):
            count = len(inspect.signature(getattr(Estate, name)).parameters) - 1
            try:
                found(*(["microsoft.network/virtualnetworks", "child"][:count]))
            except Exception:  # noqa: BLE001 - what raises is not noted, so that it must be of no use
                assert not trace.usable
                continue
        assert any(question[0] == name for question in trace.asked) or not trace.usable


@pytest.mark.parametrize("name", ["resources", "of_type"])
def test_what_is_read_of_a_resource_is_noted(name: str) -> None:
    snapshot, trace = _state(chat_bodies()), Trace()
    context = audit.context(snapshot, shipped(), audit.Terms(as_of=AT))
    found: Any = getattr(TracingContext(context, trace).estate, name)
    listed = found if name == "resources" else found("microsoft.storage/storageaccounts")
    account = next(one for one in listed if one.type_key == "microsoft.storage/storageaccounts")
    assert not trace.read.get(account.key)
    assert account.body["location"] == account.location
    assert "minimumTlsVersion" in account.properties
    assert trace.read[account.key] == {"=location", "=properties", "properties.=minimumTlsVersion"}
    assert dict(account.body)
    assert "." in trace.read[account.key]
    assert isinstance(account.held, HeldBody)
    assert account.held.read()
    assert "*" in trace.read[account.key]


@pytest.mark.parametrize(
    ("ask", "later", "holds"),
    [
        (lambda now: now > AT - timedelta(days=5), 1, True),
        (lambda now: AT + timedelta(days=5) < now, 6, False),
        (lambda now: AT + timedelta(days=5) < now, 4, True),
        (lambda now: now - timedelta(days=3) > AT, 2, True),
        (lambda now: now - timedelta(days=3) > AT, 4, False),
        (lambda now: now - AT, 1, False),
        (lambda now: AT - now, 1, False),
        (lambda now: now.isoformat(), 1, False),
        (str, 1, False),
        (lambda now: f"{now:%Y}", 1, False),
        (lambda now: max(now, AT - timedelta(days=1)), 1, True),
        (lambda now: max(now, AT + timedelta(days=1)), 2, False),
        (lambda now: {now}, 1, False),
        (lambda now: now == AT, 1, False),
    ],
)
def test_the_time_of_judgement_counts_as_far_as_it_was_looked_at(
    ask: Callable[[datetime], object], later: int, *, holds: bool
) -> None:
    trace = Trace()
    context = audit.context(_state(chat_bodies()), shipped(), audit.Terms(as_of=AT))
    said, after = ask(TracingContext(context, trace).now), AT + timedelta(days=later)
    assert (not trace.exact_time and all(each.is_same_at(after) for each in trace.times)) is holds
    assert said == ask(AT)


def test_another_state_of_any_of_the_tools_modules_takes_nothing_over(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "auditor", tmp_path / "auditor", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("rules", "baselines"):
        (tmp_path / name).symlink_to(ROOT / name)
    terms = ("--complete", "--as-of", "2024-03-01T00:00:00Z", "--answers", "answers", "--exit-zero", "--include-passed")
    judging_it = [sys.executable, "-m", "auditor", "evaluate", str(SAMPLE), *terms, "-o", "csv=found.csv"]

    def found() -> str:
        subprocess.run(judging_it, check=True, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(tmp_path)})
        return (tmp_path / "found.csv").read_text(encoding="utf-8")

    said, other = "since no rule of its group denies it", "as no rule of its group denies it"
    before = found()
    module = tmp_path / "auditor" / "analysis" / "network" / "subnet_traffic.py"
    module.write_text(module.read_text(encoding="utf-8").replace(said, other), encoding="utf-8")

    assert said in before
    assert found() == before.replace(said, other)
