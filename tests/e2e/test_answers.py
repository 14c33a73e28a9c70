"""A file of answers spares work and changes nothing else: not a byte of a report, no exit code, no other file."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.checkout import SAMPLE
from tests.e2e.command import estate, in_process, is_one_line, storage

JUDGED = ("evaluate", SAMPLE, "--complete", "--as-of", "2024-03-01", "--include-passed", "--processes", "1")


@pytest.mark.parametrize("form", ["json", "csv", "table"])
def test_a_second_run_says_the_same_to_the_byte(tmp_path: Path, form: str) -> None:
    plain = in_process(*JUDGED, "-o", form, at=tmp_path)
    first, second = (in_process(*JUDGED, "-o", form, "--answers", "answers", at=tmp_path) for _ in range(2))
    assert first == plain
    assert second == plain
    assert (tmp_path / "answers").stat().st_mode & 0o077 == 0, "it is the owner's alone"


def test_a_change_is_seen(tmp_path: Path) -> None:
    def judged(version: str) -> str:
        given = estate(tmp_path, storage(minimumTlsVersion=version))
        arguments = (
            "evaluate",
            given,
            "--complete",
            "--select",
            "storage-minimum-tls",
            "-o",
            "json",
            "--as-of",
            "2024-03-01",
        )
        plain, kept = (in_process(*arguments, *more, at=tmp_path).out for more in ((), ("--answers", "answers")))
        assert kept == plain
        return kept

    assert judged("TLS1_2") != judged("TLS1_0")


def test_the_variable_names_the_file_as_well(tmp_path: Path) -> None:
    in_process(*JUDGED, "-o", "json", at=tmp_path, env={"AUDITOR_ANSWERS": "mine"})
    assert (tmp_path / "mine").exists()


@pytest.mark.parametrize("content", [b"{}", b"auditor answers 1\nnonsense"])
def test_a_file_that_is_of_no_use_is_told_of_in_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "answers").write_bytes(content)
    plain = in_process(*JUDGED, "-o", "json", at=tmp_path)
    ended = in_process(*JUDGED, "-o", "json", "--answers", "answers", at=tmp_path)
    assert (ended.code, ended.out) == (plain.code, plain.out)
    assert is_one_line(ended.err.replace(plain.err, ""))
    assert "answers: " in ended.err
    is_of_answers = content.startswith(b"auditor answers")
    assert ((tmp_path / "answers").read_bytes() == content) is not is_of_answers


@pytest.mark.parametrize(
    "arguments",
    [
        ("--answers", "estate.json"),
        ("--answers", "a", "-o", "json=a"),
        ("--answers", "nowhere/answers"),
        ("--answers", "a", "--dask", "tcp://127.0.0.1:1"),
    ],
)
def test_where_answers_cannot_be_kept_nothing_is_begun(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    given = estate(tmp_path, storage())
    before = given.read_bytes()
    ended = in_process("evaluate", given, *arguments, at=tmp_path)
    assert ended.code not in {0, 1}
    assert is_one_line(ended.err.partition("\n")[0] + "\n")
    assert given.read_bytes() == before
    assert not ended.out


def test_no_file_of_settings_names_the_answers(tmp_path: Path) -> None:
    (tmp_path / "auditor.toml").write_text('[evaluate]\nanswers = "theirs"\n', encoding="utf-8")
    ended = in_process("evaluate", estate(tmp_path, storage()), at=tmp_path)
    assert ended.code not in {0, 1}
    assert "answers" in ended.err
    assert not (tmp_path / "theirs").exists()
