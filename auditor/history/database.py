"""Open the database of a history: SQLite by path or URL, PostgreSQL by URL; bring its tables up to date; say what is wrong."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from msgspec import Struct

from auditor.errors import AuditorError
from auditor.history.schema import METADATA

try:
    import sqlalchemy as sa
    from alembic import command
    from alembic.config import Config
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory
except ImportError as problem:
    raise AuditorError(
        "a history needs the packages SQLAlchemy and Alembic, which are not installed",
        "run: pip install 'estate-auditor[history]'",
    ) from problem

_REVISIONS: Final = "auditor_revision"
_PATIENCE: Final = 30
"""How many seconds another writer, or the network, is waited for."""
_LOCK: Final = 0x61756469746F72
"""The advisory lock that writers of a history take in PostgreSQL: the letters of `auditor`."""
_PLAIN_PARAMETERS: Final = frozenset(
    {"sslmode", "sslrootcert", "sslcert", "sslkey", "host", "port", "connect_timeout", "timeout", "service", "options"}
)
"""Parameters of a URL that may be shown; any other could hold a password."""


class HistoryError(AuditorError):
    """A history cannot be read or written; the message shows no password."""


class History(Struct, frozen=True):
    """A history, up to date. `place` names it without its password."""

    engine: sa.Engine
    place: str

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """Give a transaction that no other writer's runs beside; what it wrote is there as a whole or not at all."""
        with _told(self.place), self.engine.connect() as connection:
            own = connection.execution_options(auditor_writes=True)
            with own.begin():
                if own.dialect.name == "postgresql":
                    own.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
                yield own

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """Give a transaction that sees one state of the history, whoever writes meanwhile.

        PostgreSQL's own level, READ COMMITTED, would show each statement another one.
        """
        with _told(self.place), self.engine.connect() as connection:
            is_postgres = connection.dialect.name == "postgresql"
            yield connection.execution_options(isolation_level="REPEATABLE READ") if is_postgres else connection

    def close(self) -> None:
        """Let go of all connections."""
        with suppress(sa.exc.SQLAlchemyError, OSError):
            self.engine.dispose()


@contextmanager
def opened(location: str, *, is_made: bool = True) -> Iterator[History]:
    """Open a history by path or URL and bring its tables up to date; where `is_made`, one that is not there is begun.

    HistoryError where it is of a newer release, cannot be reached, or is no history.
    """
    url = _url(location)
    place = _shown(url)
    if url.drivername == "sqlite":
        _make_file(url, place, is_made=is_made)
    history = History(_engine(url), place)
    try:
        _bring_up_to_date(history, is_made=is_made)
        yield history
    finally:
        history.close()


def masked(location: str) -> str:
    """Return where a history lies, as it may be shown: without a password."""
    return _shown(_url(location))


def _url(location: str) -> sa.URL:
    """Read a path or URL; a URL's driver is ours to choose."""
    if "://" not in location:
        return sa.URL.create("sqlite", database=location)
    scheme = location.partition("://")[0].partition("+")[0].lower()
    if scheme not in {"sqlite", "postgresql", "postgres"}:
        raise HistoryError(
            f"--history: '{scheme}' is no database that a history is kept in",
            "write a file's path, sqlite:///PATH or postgresql://USER@HOST/DATABASE",
        )
    try:
        url = sa.make_url(location)
    except (sa.exc.ArgumentError, ValueError) as problem:
        raise HistoryError(
            "--history: the URL cannot be read", "signs such as @ : / in a password are written as %40 %3A %2F"
        ) from problem
    if scheme == "sqlite" and url.database in {None, "", ":memory:"}:
        raise HistoryError("--history: SQLite in memory keeps nothing", "write a file's path")
    return url.set(drivername="sqlite" if scheme == "sqlite" else "postgresql+psycopg")


def _shown(url: sa.URL) -> str:
    if url.drivername == "sqlite":
        return str(url.database)
    query = {name: value if name in _PLAIN_PARAMETERS else "***" for name, value in url.query.items()}
    return url.set(drivername="postgresql", query=query).render_as_string(hide_password=True)


def _make_file(url: sa.URL, place: str, *, is_made: bool) -> None:
    """Make sure that a file is there, or may be made, readable by its owner only: findings are an attacker's map."""
    path = Path(str(url.database))
    if path.is_dir():
        raise HistoryError(f"the history {place} cannot be opened: it is a folder")
    if path.exists():
        return
    if not is_made:
        raise HistoryError(f"there is no history at {place}", "evaluate and scan begin one with --history")
    try:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as problem:
        raise HistoryError(f"the history {place} cannot be made: {problem.strerror}") from problem


def _engine(url: sa.URL) -> sa.Engine:
    if url.drivername == "sqlite":
        engine = sa.create_engine(url, connect_args={"timeout": _PATIENCE} if "timeout" not in url.query else {})
        sa.event.listen(engine, "connect", _prepare_sqlite)
        sa.event.listen(engine, "begin", _begin_sqlite)
        return engine
    waits = {
        "connect_timeout": 10,
        "tcp_user_timeout": _PATIENCE * 1000,
        "options": f"-c lock_timeout={_PATIENCE}s -c statement_timeout={2 * _PATIENCE}s",
        "application_name": "auditor",
    }
    try:
        return sa.create_engine(
            url, connect_args={name: value for name, value in waits.items() if name not in url.query}
        )
    except ImportError as problem:
        raise HistoryError(
            "a history in PostgreSQL needs the package psycopg, which is not installed",
            "run: pip install 'estate-auditor[history]'",
        ) from problem


def _prepare_sqlite(connection: object, _: object) -> None:
    """Leave transactions to us: the module's own begin them at the first write, when another writer may be ahead."""
    connection.isolation_level = None  # type: ignore[attr-defined] # it is a sqlite3.Connection
    connection.execute("PRAGMA foreign_keys=ON")  # type: ignore[attr-defined] # as above


def _begin_sqlite(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get("auditor_writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _bring_up_to_date(history: History, *, is_made: bool) -> None:
    """Run the revisions that a history does not have yet, in one transaction."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    scripts = ScriptDirectory.from_config(config)
    known = {each.revision for each in scripts.walk_revisions()}
    with history.reading() as connection:
        has = _revision(connection)
        if has is None and not is_made:
            raise HistoryError(f"{history.place} holds no history", "evaluate and scan begin one with --history")
        if has is None and _has_our_tables(connection):
            raise HistoryError(f"the history {history.place} is damaged: it does not say its revision")
    if has is not None and has not in known:
        raise HistoryError(
            f"the history {history.place} is of a newer release of auditor, revision {has}", "install that release"
        )
    if has == scripts.get_current_head():
        return
    with history.writing() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _revision(connection: sa.Connection) -> str | None:
    return MigrationContext.configure(connection, opts={"version_table": _REVISIONS}).get_current_revision()


def _has_our_tables(connection: sa.Connection) -> bool:
    return bool(set(METADATA.tables) & set(sa.inspect(connection).get_table_names()))


@contextmanager
def _told(place: str) -> Iterator[None]:
    """Turn what a database or its driver raises into one line without the statement, its values or a password."""
    try:
        yield
    except (sa.exc.SQLAlchemyError, OSError) as problem:
        raise HistoryError(f"the history {place} failed: {_cause(problem)}") from problem


def _cause(problem: Exception) -> str:
    """Return the first line of what the driver says; SQLAlchemy's own text would add the statement and its values."""
    own = problem.orig if isinstance(problem, sa.exc.DBAPIError) and problem.orig is not None else problem
    if isinstance(own, OSError):
        return own.strerror or type(own).__name__
    lines = [line.strip() for line in str(own).splitlines() if line.strip()]
    return lines[0] if lines else type(own).__name__
