"""The database itself: its revisions, several writers, one that goes away, and what is never shown or stored."""

from __future__ import annotations

import json
import socket
import sqlite3
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext

from auditor.history import database, migrations
from auditor.history.schema import EPISODES, FINDINGS, METADATA, RUNS
from tests.e2e.command import auditor, environment, in_process, is_one_line
from tests.e2e.command import command as command_line
from tests.history.postgres import PASSWORD, Postgres
from tests.history.scans import ONLY, account, asked, day, scan

_THEN = "2026-01-01T00:00:00Z"
_RUN = {"at": _THEN, "resources": 3, "passed": 2, "failed": 1, "unknown": 0, "baseline": "openai-chat"} | dict.fromkeys(
    ("digest", "run_id", "snapshot_sha256", "scope", "baseline_version", "tool_version"), "x"
)
_FINDING = (
    {
        "id": 1,
        "baseline": "openai-chat",
        "fingerprint": "abcdef01",
        "severity": "high",
        "is_exempt": False,
        "tags": "{}",
    }
    | dict.fromkeys(("first_seen", "last_seen", "judged_at"), _THEN)
    | dict.fromkeys(("status", "rule_id", "title", "resource_id", "resource_type"), "x")
    | dict.fromkeys(("sub_object", "workload", "message", "scope"), "x")
)
_EPISODE = {"finding": 1, "opened_at": _THEN, "closed_at": None, "how_closed": ""}


def engine_of(place: str) -> sa.Engine:
    url = f"sqlite:///{place}" if "://" not in place else place.replace("postgresql:", "postgresql+psycopg:")
    return sa.create_engine(url)


def upgrade(connection: sa.Connection, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def test_a_history_of_the_first_revision_is_brought_up_to_date(tmp_path: Path, place: str) -> None:
    engine = engine_of(place)
    with engine.begin() as connection:
        upgrade(connection, "0001")
        for table, row in ((RUNS, _RUN), (FINDINGS, _FINDING), (EPISODES, _EPISODE)):
            connection.execute(table.insert().values(row))
        assert "auditor_notices" not in sa.inspect(connection).get_table_names()
    assert [one["fingerprint"] for one in asked(tmp_path, place, "list")["findings"]] == ["abcdef01"]
    assert asked(tmp_path, place, "trend")["runs"][0]["open"] == 1
    with engine.connect() as connection:
        assert "auditor_notices" in sa.inspect(connection).get_table_names()
    engine.dispose()


def test_the_revisions_make_the_tables_that_the_code_knows(tmp_path: Path, place: str) -> None:
    scan(tmp_path, place, day(0))
    engine = engine_of(place)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": "auditor_revision"})
        assert compare_metadata(context, METADATA) == []
    engine.dispose()


def test_a_history_of_a_newer_release_is_left_alone(tmp_path: Path, place: str) -> None:
    scan(tmp_path, place, day(0))
    engine = engine_of(place)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE auditor_revision SET version_num = '9999'")
    engine.dispose()
    ended = scan(tmp_path, place, day(1), account("st1"))
    assert (ended.code, "newer release" in ended.err, len(ended.rows) > 0) == (2, True, True)


def test_writers_at_once_lose_nothing(tmp_path: Path, place: str) -> None:
    """Each begins the history, too: whoever comes first makes the tables."""
    running = []
    for number in range(4):
        folder = tmp_path / str(number)
        folder.mkdir()
        exported = folder / "estate.json"
        bad = account(f"st{number}", subscription=f"b{number}")
        exported.write_text(f'{{"complete": true, "resources": [{json.dumps(bad)}]}}')
        line = command_line(
            "evaluate", exported, *ONLY, "--as-of", day(0, number), "--history", place, "-o", f"csv={folder}/r.csv"
        )
        running.append(subprocess.Popen(line, cwd=folder, env=environment(folder), stderr=subprocess.PIPE))
    for process in running:
        _, err = process.communicate(timeout=120)
        assert process.returncode == 1, err
    found = asked(tmp_path, place, "list")["findings"]
    assert sorted(one["resource_id"].rpartition("/")[2] for one in found) == [f"st{number}" for number in range(4)]
    assert len(asked(tmp_path, place, "trend")["runs"]) == 4


def test_what_is_read_together_is_of_one_state(tmp_path: Path, server: Postgres) -> None:
    place = server.url()
    scan(tmp_path, place, day(0))
    count = sa.select(sa.func.count()).select_from(RUNS)
    with database.opened(place) as history, history.reading() as connection:
        assert connection.scalar(count) == 1
        scan(tmp_path, place, day(1), account("st1"))
        assert connection.scalar(count) == 1
    with database.opened(place) as history, history.reading() as connection:
        assert connection.scalar(count) == 2


def test_a_history_that_another_writer_begins_meanwhile_is_whole(tmp_path: Path, server: Postgres) -> None:
    """The other one's tables are there between two looks: once this read as tables without a revision."""
    place = server.url()
    others: list[int] = []

    def begin_beside(*_: object) -> None:
        if not others:
            others.append(-1)
            others.append(scan(tmp_path, place, day(0), account("st1")).code)

    sa.event.listen(sa.Engine, "after_cursor_execute", begin_beside)
    try:
        with database.opened(place) as history, history.reading() as connection:
            assert connection.scalar(sa.select(sa.func.count()).select_from(RUNS)) == 1
    finally:
        sa.event.remove(sa.Engine, "after_cursor_execute", begin_beside)
    assert others == [-1, 1]


@contextmanager
def cut_at(port: int, words: bytes) -> Iterator[int]:
    """Stand between a client and a server, and cut the line when the client says some words."""
    listener = socket.create_server(("127.0.0.1", 0))

    def pump(source: socket.socket, target: socket.socket, ends_at: bytes | None) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if ends_at and ends_at in data:
                    break
                target.sendall(data)
        for line in (source, target):
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)

    def serve() -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                upstream = socket.create_connection(("127.0.0.1", port))
                threading.Thread(target=pump, args=(client, upstream, words), daemon=True).start()
                threading.Thread(target=pump, args=(upstream, client, None), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.close()


@pytest.mark.parametrize("words", [b"INSERT INTO auditor_findings", b"INSERT INTO auditor_runs", b"COMMIT"])
def test_a_database_that_goes_away_leaves_the_report_and_one_line(
    tmp_path: Path, server: Postgres, words: bytes
) -> None:
    url = server.url()
    scan(tmp_path, url, day(0))
    with cut_at(server.port, words) as port:
        broken = url.replace(f":{server.port}/", f":{port}/")
        ended = scan(tmp_path, broken, day(1), account("st1"), options=("-o", "json=r.json"))
    assert (ended.code, is_one_line(ended.err)) == (2, True), ended.err
    assert "auditor: the history postgresql://auditor:***@127.0.0.1" in ended.err
    assert "the report is whole; run it again" in ended.err
    assert [row["status"] for row in ended.rows if row["resource_name"] == "st1"] == ["fail"]
    assert '"findings"' in (tmp_path / "r.json").read_text()
    assert [one["at"] for one in asked(tmp_path, url, "trend")["runs"]] == [day(0)]
    assert asked(tmp_path, url, "list")["findings"] == []
    scan(tmp_path, url, day(1), account("st1"))
    assert len(asked(tmp_path, url, "list")["findings"]) == 1


def test_a_file_that_another_holds_leaves_the_report_and_one_line(tmp_path: Path) -> None:
    place = tmp_path / "history.db"
    scan(tmp_path, str(place), day(0))
    holder = sqlite3.connect(place, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    ended = scan(tmp_path, f"sqlite:///{place}?timeout=0.2", day(1), account("st1"))
    holder.close()
    assert (ended.code, is_one_line(ended.err), "locked" in ended.err) == (2, True, True)
    assert [row["status"] for row in ended.rows if row["resource_name"] == "st1"] == ["fail"]


def test_a_server_that_is_not_there_leaves_the_report_and_no_password(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    ended = scan(tmp_path, f"postgresql://ada:hunter2hunter2@127.0.0.1:{port}/db?sslkey=k&passfile=hush", day(0))
    assert (ended.code, is_one_line(ended.err), len(ended.rows) > 0) == (2, True, True)
    assert "hunter2" not in ended.err
    assert "hush" not in ended.err


def test_a_wrong_password_is_not_shown(tmp_path: Path, server: Postgres) -> None:
    url = server.url().replace("p%40ss%2Fw%3Ard", "another%40secret")
    ended = scan(tmp_path, url, day(0))
    assert (ended.code, "another" in ended.err, PASSWORD in ended.err) == (2, False, False)


@pytest.mark.parametrize(
    ("place", "says"),
    [
        ("mysql://u:secret@host/db", "'mysql' is no database"),
        ("sqlite://", "in memory keeps nothing"),
        ("postgresql://u:se@cr:et@host:port/db", "cannot be read"),
    ],
)
def test_a_place_that_cannot_be_is_refused_before_any_work(tmp_path: Path, place: str, says: str) -> None:
    ended = scan(tmp_path, place, day(0))
    assert (ended.code, ended.out, is_one_line(ended.err), says in ended.err) == (2, "", True, True), ended.err
    assert "se@cr" not in ended.err
    assert "secret" not in ended.err


def test_a_question_begins_no_history(tmp_path: Path) -> None:
    for place in ("none.db", "other.db"):
        if place == "other.db":
            sqlite3.connect(tmp_path / place).close()
            (tmp_path / place).touch()
        ended = in_process("history", "list", "--history", place, at=tmp_path)
        assert (ended.code, "no history" in ended.err) == (2, True)
    assert not (tmp_path / "none.db").exists()
    assert "which history" in in_process("history", "list", at=tmp_path).err


def test_a_file_that_is_no_database_is_said_to_be_none(tmp_path: Path) -> None:
    (tmp_path / "history.db").write_text("this is a text, and quite a long one " * 50)
    ended = in_process("history", "list", "--history", "history.db", at=tmp_path)
    assert (ended.code, is_one_line(ended.err), "not a database" in ended.err) == (2, True, True), ended.err


def test_a_new_file_is_its_owners_only(tmp_path: Path) -> None:
    scan(tmp_path, "history.db", day(0))
    assert (tmp_path / "history.db").stat().st_mode & 0o777 == 0o600


def test_a_file_of_settings_names_no_history_and_no_receiver(tmp_path: Path) -> None:
    for key in ("history", "notify", "notify-format"):
        (tmp_path / "auditor.toml").write_text(f'{key} = "elsewhere"\n')
        ended = scan(tmp_path, "history.db", day(0))
        assert (ended.code, "never taken from a file" in ended.err) == (2, True)


def test_the_environment_may_name_it(tmp_path: Path) -> None:
    variables = {"AUDITOR_HISTORY": "history.db"}
    (tmp_path / "estate.json").write_text(f"[{json.dumps(account('st1'))}]")
    in_process("evaluate", "estate.json", *ONLY, "-o", "csv", at=tmp_path, env=variables)
    assert "st1" in in_process("history", "list", at=tmp_path, env=variables).out


def test_without_the_packages_the_way_to_them_is_said(tmp_path: Path) -> None:
    (tmp_path / "sqlalchemy.py").write_text("raise ImportError")
    (tmp_path / "estate.json").write_text(f"[{json.dumps(account('st1'))}]")
    path = {"PYTHONPATH": f"{tmp_path}:{environment(tmp_path)['PYTHONPATH']}"}
    ended = auditor("evaluate", "estate.json", *ONLY, "--history", "h.db", at=tmp_path, env=path)
    assert (ended.code, is_one_line(ended.err), "estate-auditor[history]" in ended.err) == (2, True, True), ended.err
    assert auditor("evaluate", "estate.json", *ONLY, at=tmp_path, env=path).code == 1


def test_a_secret_in_a_name_or_tag_is_not_stored(tmp_path: Path) -> None:
    secret = "SharedAccessKey=3q2+7w8x9y0zAbCdEfGhIjKlMnOpQrStUvWxYz012345="  # noqa: S105 - made up
    scan(tmp_path, "history.db", day(0), account("st1", owner=secret))
    assert b"3q2+7w8x9y0zAbCd" not in (tmp_path / "history.db").read_bytes()


def test_a_place_is_shown_without_its_password() -> None:
    assert database.masked("postgres://ada:pw12345@db.example/x?sslmode=require").startswith("postgresql://ada:***@db.")
