"""New findings are told of once, signed, within bounds, and whatever becomes of it changes no exit code."""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
import subprocess
from pathlib import Path

import pytest

from auditor.notify import delivery, shape
from tests.e2e.command import command, environment, estate, in_process, is_one_line
from tests.history.scans import ONLY, account, day, scan
from tests.notify.receiver import Receiver, receiving

_KEY = {"AUDITOR_NOTIFY_KEY": "a key"}


@pytest.fixture
def receiver() -> Receiver:  # type: ignore[misc] # a generator
    with receiving() as running:
        yield running


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "_PAUSE", 0.01)


def told(
    folder: Path, receiver: Receiver, number: int, *names: str, env: dict[str, str] | None = None, more: str = ""
) -> str:
    """Scan accounts that fail, tell the receiver, and return what stderr says of that."""
    accounts = [account(name) for name in names]
    options = ("--notify", receiver.url, *more.split())
    ended = scan(folder, "history.db", day(number), *accounts, options=options, env=_KEY if env is None else env)
    assert ended.code == (1 if names else 0), ended.err
    return "".join(line for line in ended.err.splitlines(keepends=True) if not line.startswith(("history: ", "note: ")))


def test_a_new_finding_is_told_once_and_signed(tmp_path: Path, receiver: Receiver) -> None:
    assert told(tmp_path, receiver, 0, "st1") == ""
    assert told(tmp_path, receiver, 1, "st1", "st2") == ""
    assert told(tmp_path, receiver, 2, "st1", "st2") == ""
    assert receiver.names() == ["st1", "st2"]
    for headers, body in receiver.requests:
        signed = hmac.new(b"a key", body, hashlib.sha256).hexdigest()
        assert headers["X-Auditor-Signature"] == f"sha256={signed}"
        assert headers["Content-Type"].startswith("application/json")
    first = receiver.bodies[0]
    assert (first["event"], first["new"], first["findings"][0]["change"]) == ("new-findings", 1, "new")


def test_what_comes_back_is_told_again(tmp_path: Path, receiver: Receiver) -> None:
    for number, names in enumerate([["st1"], [], ["st1"], ["st1"]]):
        told(tmp_path, receiver, number, *names)
    assert [body["findings"][0]["change"] for body in receiver.bodies] == ["new", "reopened"]


def test_what_was_not_taken_is_told_by_the_next_run(tmp_path: Path, receiver: Receiver) -> None:
    receiver.statuses = [500, 500, 500]
    err = told(tmp_path, receiver, 0, "st1")
    assert (is_one_line(err), "it answered 500, 3 times; the next run tries again" in err) == (True, True), err
    assert "secret-part" not in err
    told(tmp_path, receiver, 1, "st1", "st2")
    assert sorted(receiver.names()) == ["st1", "st2"]


def test_a_receiver_that_was_busy_is_asked_again(tmp_path: Path, receiver: Receiver) -> None:
    receiver.statuses, receiver.headers = [429, 503], {"Retry-After": "0"}
    assert told(tmp_path, receiver, 0, "st1") == ""
    assert (len(receiver.requests), receiver.names()) == (3, ["st1"])
    assert len({headers["X-Auditor-Delivery"] for headers, _ in receiver.requests}) == 1


def test_a_receiver_that_refuses_is_not_asked_again(tmp_path: Path, receiver: Receiver) -> None:
    receiver.statuses = [403]
    assert "it answered 403; the next run" in told(tmp_path, receiver, 0, "st1")
    assert len(receiver.requests) == 1


def test_a_redirect_is_not_followed(tmp_path: Path, receiver: Receiver) -> None:
    with receiving() as elsewhere:
        receiver.statuses, receiver.headers = [307], {"Location": elsewhere.url}
        assert "a redirect, which is not followed" in told(tmp_path, receiver, 0, "st1")
        assert (len(receiver.requests), elsewhere.requests) == (1, [])


def test_a_receiver_that_is_away_or_silent_costs_a_line_and_bounded_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "_ANSWER", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        away = Receiver(url=f"http://127.0.0.1:{silent.getsockname()[1]}/secret-part")
        assert "it does not answer in time, 3 times" in told(tmp_path, away, 0, "st1")
    assert "it cannot be reached, 3 times" in told(tmp_path, away, 1, "st1")


def test_a_rehearsal_shows_the_body_and_takes_nothing_from_the_next_run(tmp_path: Path, receiver: Receiver) -> None:
    err = told(tmp_path, receiver, 0, "st1", env={}, more="--notify-dry-run")
    head, _, body = err.partition("\n")
    assert (head, receiver.requests) == ("would be posted to http://127.0.0.1/…:", [])
    assert json.loads(body)["findings"][0]["resource_id"].endswith("/st1")
    told(tmp_path, receiver, 1, "st1")
    assert receiver.names() == ["st1"]


def test_what_is_accepted_or_below_the_level_is_not_told(tmp_path: Path, receiver: Receiver) -> None:
    (tmp_path / "exemptions.yaml").write_text(
        f"exemptions:\n- {{rule: {ONLY[1]}, scope: '{account('st1')['id']}', reason: old client, approved_by: Ada,"
        " ticket: T-1, expires_on: 2026-03-02}\n"
    )
    accepted = ("--exemptions", "exemptions.yaml", "--notify", receiver.url)
    scan(tmp_path, "history.db", day(0), account("st1"), options=accepted, env=_KEY)
    scan(tmp_path, "other.db", day(0), account("st1"), options=(*accepted[2:], "--fail-on", "critical"), env=_KEY)
    assert receiver.requests == []
    for number in (1, 2, 3):  # it expires on the second day
        scan(tmp_path, "history.db", day(number), account("st1"), options=accepted, env=_KEY)
    assert receiver.names() == ["st1", ""]


def test_two_runs_at_once_tell_once(tmp_path: Path, receiver: Receiver) -> None:
    (tmp_path / "estate.json").write_text(json.dumps([account("st1"), account("st2")]))
    line = command(
        "evaluate", "estate.json", *ONLY, "--history", "h.db", "--notify", receiver.url, "--as-of", day(0), "-q"
    )
    running = [
        subprocess.Popen(line, cwd=tmp_path, env=environment(tmp_path, _KEY), stdout=subprocess.DEVNULL) for _ in "123"
    ]
    assert [process.wait(120) for process in running] == [1, 1, 1]
    assert sorted(receiver.names()) == ["st1", "st2"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--notify", "http://example.com/x"), "not https"),
        (("--notify", "http://127.0.0.1.example.com/x"), "not https"),
        (("--notify", "ftp://example.com/x"), "is no URL"),
        (("--notify", "https://[::1"), "cannot be read"),
        (("--notify", "https://ada:hush@example.com/x"), "AUDITOR_NOTIFY_AUTHORIZATION"),
        (("--notify", "https://example.com/x"), "AUDITOR_NOTIFY_KEY"),
        (("--notify", "https://example.com/x", "--notify-format", "pager"), "jira, servicenow, slack, teams, webhook"),
        (
            ("--notify", "https://example.com/x", "--notify-format", "jira", "--notify-set", "x=1"),
            "issue_type, project",
        ),
        (("--notify-dry-run",), "nobody to tell"),
    ],
)
def test_what_cannot_be_told_is_refused_before_any_work(tmp_path: Path, options: tuple[str, ...], says: str) -> None:
    ended = scan(tmp_path, "history.db", day(0), options=options)
    assert (ended.code, ended.out, is_one_line(ended.err), says in ended.err) == (2, "", True, True), ended.err
    assert "hush" not in ended.err
    assert not (tmp_path / "history.db").exists()


def test_without_a_history_and_without_known_failures_nothing_is_new(tmp_path: Path) -> None:
    ended = in_process(
        "evaluate", estate(tmp_path, account("st1")), *ONLY, "--notify", "https://x.example/", at=tmp_path
    )
    assert (ended.code, "nothing says which findings are new" in ended.err) == (2, True)


def test_what_goes_beyond_a_file_of_known_failures_is_told_in_each_run(tmp_path: Path, receiver: Receiver) -> None:
    in_process("ratchet", "write", estate(tmp_path, account("st1", "TLS1_1")), *ONLY, "-o", "known.json", at=tmp_path)
    given = estate(tmp_path, account("st1", "TLS1_0"), account("st2", "TLS1_1"), account("st3", "TLS1_2"))
    options = (*ONLY, "--known", "known.json", "--notify", receiver.url, "-o", "csv")
    for _ in range(2):
        assert in_process("evaluate", given, *options, at=tmp_path, env=_KEY).code == 1
    assert len(receiver.bodies) == 2
    told = receiver.bodies[1]
    assert {one["resource_id"].rpartition("/")[2]: one["change"] for one in told["findings"]} == {
        "st1": "widened",
        "st2": "new",
    }
    assert told["headline"].startswith("1 new finding and 1 wider finding in ")


def test_with_a_history_what_goes_beyond_known_failures_is_told_once(tmp_path: Path, receiver: Receiver) -> None:
    in_process("ratchet", "write", estate(tmp_path, account("st1", "TLS1_1")), *ONLY, "-o", "known.json", at=tmp_path)
    known = ("--known", "known.json", "--notify", receiver.url)
    for number in range(3):
        scan(tmp_path, "history.db", day(number), account("st1", "TLS1_1"), account("st2"), options=known, env=_KEY)
    assert receiver.names() == ["st2"]


def test_a_failure_that_grows_is_told_again_and_each_time_once(tmp_path: Path, receiver: Receiver) -> None:
    for number, version in enumerate(["TLS1_1", "TLS1_1", "TLS1_0", "TLS1_0", "TLS1_1", "TLS1_0"]):
        options = ("--notify", receiver.url)
        scan(tmp_path, "history.db", day(number), account("st1", version), options=options, env=_KEY)
    told = [(body["as_of"], body["findings"][0]["change"]) for body in receiver.bodies]
    assert told == [(day(0), "new"), (day(2), "widened"), (day(5), "widened")]


@pytest.mark.parametrize("name", [name for name in shape.shipped() if name != "webhook"])
def test_each_receiver_gets_the_shape_that_it_understands(tmp_path: Path, receiver: Receiver, name: str) -> None:
    env = {"AUDITOR_NOTIFY_AUTHORIZATION": "Basic YTpi"}
    told(tmp_path, receiver, 0, "st1", "st2", env=env, more=f"--notify-format {name}")
    assert all(headers["Authorization"] == "Basic YTpi" for headers, _ in receiver.requests)
    bodies = receiver.bodies
    assert len(bodies) == (2 if name in {"jira", "servicenow"} else 1)
    _CHECKS[name](bodies)


def _is_slack(bodies: list[dict[str, object]]) -> None:
    blocks = bodies[0]["blocks"]
    assert isinstance(blocks, list)
    assert [block["type"] for block in blocks] == ["header", "section", "section", "context"]
    assert len(blocks[0]["text"]["text"]) <= 150
    assert all(block["text"]["type"] == "plain_text" for block in blocks[:3])


def _is_teams(bodies: list[dict[str, object]]) -> None:
    attachment = bodies[0]["attachments"][0]  # type: ignore[index] # JSON
    card = attachment["content"]
    assert (bodies[0]["type"], attachment["contentType"], card["type"], card["version"]) == (
        "message",
        "application/vnd.microsoft.card.adaptive",
        "AdaptiveCard",
        "1.4",
    )
    assert [block["type"] for block in card["body"]] == ["RichTextBlock"] * 4


def _is_jira(bodies: list[dict[str, object]]) -> None:
    fields = [body["fields"] for body in bodies]
    for each in fields:
        assert isinstance(each, dict)
        assert (each["project"], each["issuetype"], each["description"]["type"]) == (
            {"key": "SEC"},
            {"name": "Bug"},
            "doc",
        )
        assert len(each["summary"]) <= 255
        assert "\n" not in each["summary"]
        assert not any(" " in label for label in each["labels"])


def _is_servicenow(bodies: list[dict[str, object]]) -> None:
    assert len({body["correlation_id"] for body in bodies}) == 2
    assert all(body["impact"] == body["urgency"] and body["impact"] in {1, 2, 3} for body in bodies)
    assert all(len(str(body["short_description"])) <= 255 for body in bodies)


_CHECKS = {"slack": _is_slack, "teams": _is_teams, "jira": _is_jira, "servicenow": _is_servicenow}


def test_a_receiver_of_ones_own_is_a_file_and_its_mistakes_have_places(tmp_path: Path, receiver: Receiver) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(
        'about: Mine\nmessage_for: run\nbody: {n: "{new}", ids: [{repeat: findings, item: "{resource_id}"}]}\n'
    )
    told(tmp_path, receiver, 0, "st1", env={}, more=f"--notify-format {own}")
    assert receiver.bodies == [{"n": 1, "ids": [account("st1")["id"]]}]
    own.write_text('about: Mine\nmessage_for: run\nbody: {n: "{message}", m: "{nwe}"}\n')
    ended = scan(tmp_path, "h.db", day(0), options=("--notify", receiver.url, "--notify-format", own))
    assert (ended.code, "own.yaml:3:" in ended.err, "{message} stands for nothing here" in ended.err) == (2, True, True)


def test_a_name_that_gives_orders_is_text(tmp_path: Path, receiver: Receiver) -> None:
    body = account("st1") | {"name": "<!channel>"}
    body["id"] = body["id"].replace("st1", "<!channel> {new} \x1b[31m")
    scan(tmp_path, "h.db", day(0), body, options=("--notify", receiver.url, "--notify-format", "slack"))
    text = receiver.bodies[0]["blocks"][1]["text"]
    assert (text["type"], "{new}" in text["text"], "\x1b" in text["text"]) == ("plain_text", True, False)
    assert "<!channel>" not in receiver.bodies[0]["text"]
