"""A database that holds a registry: connections, transactions, and its errors in our words."""

from __future__ import annotations

import getpass
import logging
import os
import socket
import sqlite3
import ssl
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import QueuePool

from trustkit.errors import MissingBackendError
from trustkit.stores import StoreError
from trustkit.stores.faults import is_lost, is_starting, told
from trustkit.stores.url import Address

PATIENCE = 30.0  # seconds to wait for another process's lock
CONNECT_SECONDS = 10.0  # a machine that is there answers in one
ANSWER_SECONDS = 300.0  # of a server that went silent: a lost machine must not be a hang for ever
COMEBACK_SECONDS = 15.0  # a restarted PostgreSQL was back within two; this leaves it some room
_PAUSE = 0.2
_SWEEP_MS = 500
_ONE_MOMENT = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

_log = logging.getLogger(__name__)
# A lost connection is told in our words: what the pool says of it is for whoever asked for logs.
logging.getLogger("sqlalchemy.pool").addHandler(logging.NullHandler())

Answer = TypeVar("Answer")
Work = Callable[[Connection], Answer]


class Database:
    """One database; any number of threads may use it. Raises `StoreError` for what goes wrong."""

    def __init__(self, address: Address, patience: float = PATIENCE) -> None:
        self.address = address
        self._patience = patience
        self._was_there = False  # a server that never answered is not waited for
        self._engine = self._sqlite() if self.is_sqlite else self._postgresql()
        event.listen(self._engine, "begin", _begin)

    @property
    def is_sqlite(self) -> bool:
        """Whether it is a file."""
        return self.address.kind == "sqlite"

    def read(self, work: Work[Answer]) -> Answer:
        """Do work that changes nothing, in one transaction: it sees one moment of the database."""
        return self._twice(work, "BEGIN" if self.is_sqlite else _ONE_MOMENT)

    def write(self, work: Work[Answer]) -> Answer:
        """Do work that changes something, in one transaction, all of it or nothing.

        It must be such that doing it again does no harm: a connection may be lost after the
        server has kept what was written, and before it could say so; then it is done twice.
        """
        return self._twice(work, "BEGIN IMMEDIATE" if self.is_sqlite else "BEGIN")

    def keep_a_journal(self) -> None:
        """Let readers of a file go on while it is written: SQLite's WAL, for good."""
        try:
            self._bare("PRAGMA journal_mode = WAL")
        except (SQLAlchemyError, sqlite3.Error) as error:
            raise told(error, self.address, self._patience) from None

    def sweep(self) -> None:
        """Take what was forgotten out of SQLite's journal too, if no other is using it just now.

        Else it goes when the journal is written over.
        """
        if self.is_sqlite:
            try:
                self._bare(f"PRAGMA busy_timeout = {_SWEEP_MS}", "PRAGMA wal_checkpoint(TRUNCATE)")
            except (SQLAlchemyError, sqlite3.Error) as error:
                _log.info("the journal of %s stays as it is: %s", self.address.shown, error)

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    def _twice(self, work: Work[Answer], begin: str) -> Answer:
        try:
            return self._once(work, begin)
        except (SQLAlchemyError, OSError) as error:
            is_gone = is_lost(error) and (self._was_there or is_starting(error))
            if self.is_sqlite or not is_gone:
                raise told(error, self.address, self._patience) from None
        try:
            self._wait()
            return self._once(work, begin)
        except (SQLAlchemyError, OSError) as error:
            raise told(error, self.address, self._patience) from None

    def _once(self, work: Work[Answer], begin: str) -> Answer:
        with self._engine.connect() as plain:
            connection = plain.execution_options(trustkit_begin=begin)
            with connection.begin():
                self._was_there = True
                return work(connection)

    def _bare(self, *statements: str) -> None:
        """Run what SQLite takes outside a transaction alone, on a connection of its own."""
        with closing(self._engine.raw_connection()) as connection:
            connection.detach()
            for statement in statements:
                connection.cursor().execute(statement)

    def _wait(self) -> None:
        """Wait until a server that went away answers again."""
        self._engine.dispose()
        until = time.monotonic() + COMEBACK_SECONDS
        while True:
            try:
                self._engine.connect().close()
            except (SQLAlchemyError, OSError) as error:
                if not is_lost(error) or time.monotonic() > until:
                    raise
                time.sleep(_PAUSE)
            else:
                return

    def _sqlite(self) -> Engine:
        # mode=rw: to open a registry that is not there must not make an empty one.
        place = f"{(self.address.file or Path()).as_uri()}?mode=rw"

        def connect() -> sqlite3.Connection:
            connection = sqlite3.connect(
                place,
                uri=True,
                timeout=self._patience,
                check_same_thread=False,
                isolation_level=None,  # else Python begins late, and not for DDL; see `_begin`
            )
            # FULL: once a file is put in place its record outlives a power cut.
            # secure_delete: what is forgotten is overwritten, not only unlinked.
            for pragma in ("synchronous = FULL", "secure_delete = ON"):
                connection.execute(f"PRAGMA {pragma}")
            return connection

        return create_engine(
            "sqlite://", creator=connect, poolclass=QueuePool, hide_parameters=True
        )

    def _postgresql(self) -> Engine:
        at, context = self.address, _ssl_context(self.address)
        user = at.user or os.environ.get("PGUSER") or getpass.getuser()
        password = at.password or os.environ.get("PGPASSWORD") or None
        try:
            import pg8000  # type: ignore[import-untyped]
        except ModuleNotFoundError as error:
            raise MissingBackendError(
                f"a registry in PostgreSQL needs {error.name}", "pip install 'trustkit[postgres]'"
            ) from error

        def connect() -> Any:
            line = _line_to(at)
            try:
                connection = pg8000.Connection(
                    user,
                    host=at.host or None,
                    database=at.database,
                    password=password,
                    application_name="trustkit",
                    ssl_context=context,
                    sock=line,
                )
            except BaseException:
                line.close()
                raise
            connection.autocommit = True  # we say BEGIN ourselves; see `_begin`
            cursor = connection.cursor()
            cursor.execute(f"SET lock_timeout = {int(self._patience * 1000)}")
            cursor.close()
            return connection

        # No ping before each use: a connection that broke is replaced, and the work done again.
        return create_engine("postgresql+pg8000://", creator=connect, hide_parameters=True)


def _line_to(address: Address) -> socket.socket:
    """Return a socket: soon or not at all, and then with patience for answers."""
    if address.socket:
        line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        line.settimeout(CONNECT_SECONDS)
        line.connect(f"{address.socket}/.s.PGSQL.{address.port}")
    else:
        line = socket.create_connection((address.host, address.port), CONNECT_SECONDS)
        line.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    line.settimeout(ANSWER_SECONDS)
    return line


def _begin(connection: Connection) -> None:
    begin = connection.get_execution_options().get("trustkit_begin", "BEGIN")
    connection.exec_driver_sql(str(begin))


def _ssl_context(address: Address) -> Any:
    """Return what pg8000 takes: none prefers encryption, False is without."""
    if address.ssl == "prefer":
        return None
    if address.ssl == "disable":
        return False
    try:
        context = ssl.create_default_context(cafile=address.roots or None)
    except OSError as error:
        raise StoreError(
            "the certificates that sslrootcert names could not be read", "name a PEM file"
        ) from error
    if address.ssl == "require" and not address.roots:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
