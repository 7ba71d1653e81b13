"""A PostgreSQL server of the tests' own, on a free port of 127.0.0.1, gone when they are done."""

from __future__ import annotations

import atexit
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from uuid import uuid4

import pytest

PASSWORD = "p%40ss-w0rd"  # as it stands in a URL; an odd character is in it
_PLACES = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)


class Server:
    """Start it, stop it, crash it; `url` makes a database and names it."""

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        self.folder = Path(tempfile.mkdtemp(prefix="trustkit-pg-"))
        self._data = self.folder / "data"
        self._user = _unprivileged()
        if self._user:
            shutil.chown(self.folder, self._user)
        secret = self.folder / "password"
        secret.write_text("p@ss-w0rd")
        secret.chmod(0o644)
        self._run("initdb", "-D", self._data, "-U", "owner", "-A", "scram-sha-256", "-N",
                  "-E", "UTF8", "--locale=C.UTF-8", f"--pwfile={secret}")  # fmt: skip
        self.port = _free_port()
        with (self._data / "postgresql.conf").open("a") as conf:
            conf.write(
                f"port = {self.port}\nlisten_addresses = '127.0.0.1,127.0.0.2'\nfsync = off\n"
                f"unix_socket_directories = '{self.folder}'\nshared_buffers = 16MB\n"
            )
        self.start()

    def start(self) -> None:
        """Start, and wait until it answers."""
        self._run("pg_ctl", "-D", self._data, "-w", "-l", self.folder / "log", "start")

    def stop(self, how: str = "fast") -> None:
        """Stop: `fast` closes every connection, `immediate` is a crash."""
        self._run("pg_ctl", "-D", self._data, "-w", "-m", how, "stop")

    def url(self, database: str = "", password: str = PASSWORD) -> str:
        """Return the URL of a database, a new one where none is named."""
        if not database:
            database = f"r{uuid4().hex}"
            self.ask("postgres", f"CREATE DATABASE {database}")
        return f"postgresql://owner:{password}@127.0.0.1:{self.port}/{database}"

    def ask(self, database: str, statement: str) -> str:
        """Run a statement."""
        env = {**os.environ, "PGPASSWORD": "p@ss-w0rd"}
        done = subprocess.run(
            [self._programs / "psql", "-h", "127.0.0.1", "-p", str(self.port), "-U", "owner",
             "-d", database, "-qAtc", statement],
            env=env, capture_output=True, text=True, check=True,
        )  # fmt: skip
        return done.stdout.strip()

    def encrypt(self, *, on: bool = True) -> Path:
        """Offer encryption, or no longer; return the certificate, which is its own root."""
        chain, key = self._data / "server.crt", self._data / "server.key"
        if not chain.exists():
            made = [
                "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                "-nodes", "-days", "2", "-subj", "/CN=TEST ONLY", "-addext",
                "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", chain,
            ]  # fmt: skip
            subprocess.run(made, capture_output=True, check=True)
            key.chmod(0o600)
            if self._user:
                shutil.chown(chain, self._user)
                shutil.chown(key, self._user)
        self.ask("postgres", f"ALTER SYSTEM SET ssl = {'on' if on else 'off'}")
        self.ask("postgres", "SELECT pg_reload_conf()")
        time.sleep(0.5)
        return chain

    def end(self) -> None:
        """Stop for good."""
        subprocess.run(
            self._as([self._programs / "pg_ctl", "-D", self._data, "-m", "immediate", "stop"]),
            capture_output=True, check=False,
        )  # fmt: skip
        shutil.rmtree(self.folder, ignore_errors=True)

    def _run(self, program: str, *arguments: object) -> None:
        # Not through a pipe: the server would hold it open.
        with tempfile.TemporaryFile() as said:
            command = self._as([self._programs / program, *map(str, arguments)])
            done = subprocess.run(command, stdout=said, stderr=said, cwd="/", check=False)
            said.seek(0)
            assert done.returncode == 0, said.read().decode()

    def _as(self, command: list[object]) -> list[str]:
        words = [str(word) for word in command]
        return ["runuser", "-u", self._user, "--", *words] if self._user else words


@cache
def server() -> Server:
    """Return the server of this process, or skip the test."""
    if not _PLACES:
        pytest.skip("PostgreSQL is not installed")
    pytest.importorskip("pg8000")
    started = Server(_PLACES[0])
    atexit.register(started.end)
    return started


def _unprivileged() -> str:
    """Return whom to run it as: root may not."""
    if os.geteuid() != 0:
        return ""
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Cut:
    """A proxy before a server; once `armed`, it lets a COMMIT through and swallows its answer.

    Before it cuts the connection it notes in `seen` what `look` gives then.
    """

    def __init__(self, port: int, look: Callable[[], str]) -> None:
        self._server = port
        self._look = look
        self.seen: list[str] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.armed = False

    def __enter__(self) -> Cut:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, socket.create_connection(("127.0.0.1", self._server)) as backend:
            silent = threading.Event()
            arguments = (backend, client, silent)
            threading.Thread(target=_answer, args=arguments, daemon=True).start()
            has_parsed = False
            while some := _received(client):
                has_parsed = has_parsed or (self.armed and b"commit" in some)
                if has_parsed and _EXECUTE in some:
                    silent.set()
                    self.armed = False
                    backend.sendall(some)
                    time.sleep(0.2)  # for the server to keep it
                    self.seen.append(self._look())
                    client.shutdown(socket.SHUT_RDWR)
                    return
                backend.sendall(some)


# PostgreSQL's protocol, section 55.7: Execute of the unnamed portal, without a limit of rows.
_EXECUTE = b"E\x00\x00\x00\x09\x00\x00\x00\x00\x00"


def _answer(backend: socket.socket, client: socket.socket, silent: threading.Event) -> None:
    while some := _received(backend):
        if silent.is_set():
            return
        client.sendall(some)


def _received(source: socket.socket) -> bytes:
    try:
        return source.recv(65536)
    except OSError:
        return b""
