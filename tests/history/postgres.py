"""PostgreSQL as Debian packages it, started in a temporary folder by a user who is not root, and stopped again."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PASSWORD = "p@ss/w:rd"  # noqa: S105 - of a server that lives as long as the tests
_QUOTED = "p%40ss%2Fw%3Ard"


def programs() -> Path | None:
    """Return the folder of the server's programs, or None where it is not installed."""
    found = [Path(path).resolve().parent for path in [shutil.which("initdb"), shutil.which("postgres")] if path]
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder for folder in found if (folder / "initdb").exists()), None)


class Postgres:
    """A server that runs: TCP on the loopback, with a password."""

    def __init__(self, folder: Path, port: int, user: str) -> None:
        self._folder, self.port, self._user = folder, port, user

    def url(self, port: int | None = None) -> str:
        """Return the URL of a database of its own, which is empty."""
        name = f"h{uuid.uuid4().hex}"
        self.sql(f"CREATE DATABASE {name}")
        return f"postgresql://auditor:{_QUOTED}@127.0.0.1:{port or self.port}/{name}"

    def sql(self, statement: str) -> None:
        """Run a statement."""
        environment = {"PGPASSWORD": PASSWORD, "PATH": os.environ["PATH"]}
        command = ["psql", "-h", "127.0.0.1", "-p", str(self.port), "-U", "auditor", "-d", "postgres", "-qc", statement]
        subprocess.run(command, check=True, env=environment, capture_output=True)


@contextmanager
def running(folder: Path) -> Iterator[Postgres]:
    """Start a server from the programs of a folder and stop it in the end."""
    place = Path(tempfile.mkdtemp(prefix="auditor-pg-"))
    user = "nobody" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name
    as_user = {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []} if os.getuid() == 0 else {}
    secret = place / "password"
    secret.write_text(PASSWORD)
    data = place / "data"
    data.mkdir()
    for path in (place, secret, data):
        shutil.chown(path, user)

    def run(*command: str) -> None:
        subprocess.run(
            command,
            check=True,
            cwd=place,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
            capture_output=True,
            **as_user,
        )

    own = (f"--pwfile={secret}", "--auth=scram-sha-256", "--username=auditor", "--encoding=UTF8", "--no-sync")
    try:
        run(str(folder / "initdb"), "-D", str(data), *own)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        options = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories={place} -c fsync=off"
        run(str(folder / "pg_ctl"), "-D", str(data), "-w", "-l", str(place / "log"), "-o", options, "start")
        try:
            yield Postgres(place, port, user)
        finally:
            run(str(folder / "pg_ctl"), "-D", str(data), "-m", "immediate", "stop")
    finally:
        shutil.rmtree(place)
