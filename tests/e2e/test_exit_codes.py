"""The exit code says what a pipeline may conclude, and the report is written all the same."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from auditor.report.format import NAMES
from tests.e2e.command import GROUP, auditor, command, environment, estate, in_process, storage

_ONLY = ("--select", "storage-minimum-tls", "--complete")
_GOOD = storage("st1", minimumTlsVersion="TLS1_3")
_BAD = storage("st2", minimumTlsVersion="TLS1_0")
_GAP = {"scope": _GOOD["id"], "what": "properties.minimumTlsVersion", "reason": "forbidden", "permission": "st/read"}


def _exemption(folder: Path, expires_on: str) -> Path:
    path = folder / "exemptions.yaml"
    path.write_text(
        "exemptions:\n"
        f"- {{rule: storage-minimum-tls, scope: '{_BAD['id']}', reason: old client, approved_by: Ada, ticket: T-1,"
        f" expires_on: {expires_on}}}\n"
    )
    return path


def test_nothing_wrong_is_0_and_a_failure_is_1(tmp_path: Path) -> None:
    assert auditor("evaluate", estate(tmp_path, _GOOD), *_ONLY, at=tmp_path).code == 0
    assert auditor("evaluate", estate(tmp_path, _GOOD, _BAD), *_ONLY, at=tmp_path).code == 1


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["--fail-on", "critical"], 0),
        (["--fail-on", "info"], 1),
        (["--exit-zero"], 0),
        (["--fail-on", "info", "--exit-zero"], 0),
    ],
)
def test_options_say_which_failures_count_but_all_are_listed(options: list[str], code: int, tmp_path: Path) -> None:
    ended = in_process("evaluate", estate(tmp_path, _GOOD, _BAD), *_ONLY, *options, "-o", "json", at=tmp_path)
    assert (ended.code, [one["status"] for one in ended.findings]) == (code, ["pass", "fail"])


@pytest.mark.parametrize(
    ("options", "code"),
    [([], 2), (["--exit-zero"], 2), (["--allow-incomplete"], 1), (["--allow-incomplete", "--exit-zero"], 0)],
)
def test_what_is_not_known_outranks_failures_and_is_reported_all_the_same(
    options: list[str], code: int, tmp_path: Path
) -> None:
    given = estate(tmp_path, _GOOD, _BAD, gaps=[_GAP])
    ended = in_process("evaluate", given, *_ONLY, *options, "-o", "json", at=tmp_path)
    assert (ended.code, [one["status"] for one in ended.findings]) == (code, ["unknown", "fail"])
    assert ended.findings[0]["missing_permission"] == ended.report["gaps"][0]["permission"] == "st/read"


def test_an_export_that_does_not_say_that_it_is_complete_is_2_and_the_last_line_says_how_to_settle_it(
    tmp_path: Path,
) -> None:
    given = estate(tmp_path, _GOOD)
    only = ("--select", "storage-minimum-tls")
    ended = in_process("evaluate", given, *only, at=tmp_path)
    assert (ended.code, ended.err) == (2, "")
    assert ended.out.splitlines()[-1].startswith("Exit code 2 unless --allow-incomplete: the export does not say")
    assert "--complete" in ended.out.splitlines()[-1]
    assert in_process("evaluate", given, *only, "--complete", at=tmp_path).code == 0
    assert in_process("evaluate", given, *only, "--allow-incomplete", at=tmp_path).code == 0
    assert in_process("evaluate", estate(tmp_path, _GOOD, complete=True), *only, at=tmp_path).code == 0


def test_a_list_that_was_cut_is_2_even_if_it_is_called_complete(tmp_path: Path) -> None:
    path = tmp_path / "page.json"
    path.write_text(json.dumps({"value": [_GOOD], "nextLink": "https://management.azure.com/next"}))
    ended = in_process("evaluate", path, *_ONLY, at=tmp_path)
    assert ended.code == 2
    assert "continuation token" in ended.out.splitlines()[-1]


@pytest.mark.parametrize("rules", ["openai-*", "storage-container-private"])
def test_nothing_judged_is_2(rules: str, tmp_path: Path) -> None:
    arguments = ("evaluate", estate(tmp_path, _GOOD), "--select", rules, "--complete")
    ended = in_process(*arguments, at=tmp_path)
    assert ended.code == 2
    assert ended.out.splitlines()[-1].startswith("Exit code 2: nothing was judged")
    assert in_process(*arguments, "--allow-incomplete", "--exit-zero", at=tmp_path).code == 2


def test_a_gap_on_which_no_rule_depends_is_a_notice_and_no_2(tmp_path: Path) -> None:
    gap = {"scope": "/", "what": "Microsoft.Insights/actionGroups", "reason": "forbidden"}
    ended = in_process("evaluate", estate(tmp_path, _GOOD, gaps=[gap]), *_ONLY, "-o", "json", at=tmp_path)
    assert ended.code == 0
    notice = "no answer depends on 1 of the gaps: Microsoft.Insights/actionGroups"
    assert notice in ended.report["notices"]
    assert f"note: {notice}" in ended.err.splitlines()


def test_formats_that_have_no_last_line_leave_it_to_standard_error(tmp_path: Path) -> None:
    given = estate(tmp_path, _GOOD, gaps=[_GAP])
    ended = in_process("evaluate", given, *_ONLY, "-o", "json", at=tmp_path)
    last = ended.err.splitlines()[-1]
    assert last.startswith("auditor: exit code 2: 1 check unknown for properties.minimumTlsVersion at /subscriptions/")
    assert last.endswith("(forbidden): grant st/read")
    allowed = in_process("evaluate", given, *_ONLY, "-o", "json", "--allow-incomplete", at=tmp_path)
    assert (allowed.code, "exit code" in allowed.err) == (0, False)
    assert in_process("evaluate", given, *_ONLY, "-o", "json", "--quiet", at=tmp_path).err == ""
    beside = in_process("evaluate", given, *_ONLY, "-o", "json=report.json", "-o", "table", at=tmp_path)
    assert (beside.err, beside.out.splitlines()[-1]) == (
        "",
        last.replace("auditor: exit code 2:", "Exit code 2 unless --allow-incomplete:"),
    )


def test_an_exemption_stands_beside_the_failure_and_an_expired_one_does_nothing(tmp_path: Path) -> None:
    arguments = ("evaluate", estate(tmp_path, _BAD), *_ONLY, "--as-of", "2024-02-20", "-o", "json", "--exemptions")
    valid = in_process(*arguments, _exemption(tmp_path, "2024-02-21"), at=tmp_path)
    expired = in_process(*arguments, _exemption(tmp_path, "2024-02-19"), at=tmp_path)

    assert (valid.code, valid.findings[0]["status"]) == (0, "fail")
    assert valid.findings[0]["exemption"]["ticket"] == "T-1"
    assert (expired.code, expired.findings[0]["exemption"]) == (1, None)
    [of_itself] = [each for each in expired.findings if each["rule_id"].startswith("exemption-")]
    assert (of_itself["rule_id"], of_itself["severity"]) == ("exemption-expired", "low")
    assert of_itself["message"].startswith("1 exemption has expired: ")


def test_an_exemption_that_covers_nothing_is_said(tmp_path: Path) -> None:
    exemptions = _exemption(tmp_path, "2030-01-01")
    ended = in_process("evaluate", estate(tmp_path, _GOOD), *_ONLY, "--exemptions", exemptions, at=tmp_path)
    assert ended.code == 0
    assert "1 exemption matches no failure: " in ended.out


def test_exemptions_alone_are_no_answer_on_an_estate(tmp_path: Path) -> None:
    given = estate(tmp_path, {"id": f"{GROUP}/providers/Microsoft.Web/staticSites/s", "name": "s"})
    ended = in_process("evaluate", given, *_ONLY, "--exemptions", _exemption(tmp_path, "2020-01-01"), at=tmp_path)
    assert (ended.code, "nothing was judged" in ended.out) == (2, True)


@pytest.mark.parametrize("name", [name for name in NAMES if name not in {"coverage", "xlsx"}])
def test_each_format_tells_once_of_exemptions_that_have_expired(tmp_path: Path, name: str) -> None:
    path = _exemption(tmp_path, "2024-02-19")
    second = path.read_text().partition("\n")[2].replace("T-1", "T-2")
    path.write_text(path.read_text() + second)
    given = ("evaluate", estate(tmp_path, _BAD), *_ONLY, "--as-of", "2024-02-20", "--exemptions", path)
    ended = in_process(*given, "-o", f"{name}=report", at=tmp_path)
    text = " ".join((tmp_path / "report").read_text().split())
    times = {"html": 2, "junit": 2}.get(name, 1)  # under its rule and in the list of all; as a failure's title and text
    assert (ended.code, text.count("2 exemptions have expired")) == (1, times)


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Let children be interrupted, also where the tests themselves run in the background and ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def _interrupted(process: subprocess.Popen[bytes]) -> int:
    """Interrupt a process, again where Python missed it: it does when the signal comes just before a read that blocks."""
    for _ in range(10):
        process.send_signal(signal.SIGINT)
        try:
            return process.wait(timeout=3)
        except subprocess.TimeoutExpired:
            continue
    process.kill()
    return process.wait()


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_ends_with_130_and_no_traceback(tmp_path: Path) -> None:
    """The input is a pipe that stays open, so that the interruption meets a command at work."""
    process = subprocess.Popen(
        command("evaluate", "-"),
        cwd=tmp_path,
        env=environment(tmp_path),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdin
    assert process.stdout
    assert process.stderr
    with process.stdin, process.stdout, process.stderr:
        process.stdin.write(b" " * 1_000_000)  # more than a pipe holds: once it is written, the command is reading
        process.stdin.flush()
        code, said = _interrupted(process), process.stderr.read()
    assert (code, b"Traceback" in said) == (130, False)
