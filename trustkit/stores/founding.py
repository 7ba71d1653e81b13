"""How the tables of a registry come to be, and what form they are of."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from sqlalchemy import Connection, column, func, inspect, select, table

from trustkit.stores import StoreError
from trustkit.stores.database import Database
from trustkit.stores.places import CONFIRMED, PLACES, ROWS
from trustkit.stores.tables import COUNTERS, METADATA, SCHEMA, SCHEMA_TABLE, SETTINGS
from trustkit.stores.url import Address

HISTORY = ("first",)  # every form there has been, the oldest first
_MIGRATIONS = Path(__file__).with_name("migrations")
_ONE_AT_A_TIME = 0x7472757374  # "trust": the lock of those who make or change tables


def create(address: Address, settings: Mapping[str, str]) -> None:
    """Make a registry; raises `StoreError` where there is one, or something else, already."""
    if address.kind != "sqlite":
        tried: list[Address] = []

        def work(connection: Connection) -> None:
            # Should the answer to a first try get lost: these settings are nobody else's.
            if not tried or not _has(connection, settings):
                tried.append(address)
                _found(connection, address, settings)

        with closing(Database(address)) as database:
            database.write(work)
        return
    file = address.file or Path()
    if file.exists() or file.is_symlink():
        raise _there_already(address)
    # Whole or not at all: made beside its place, then given its name, which no other may have.
    part = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        # It will hold what is personal; SQLite gives its side files the same rights.
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        try:
            with closing(Database(replace(address, file=part))) as database:
                database.write(lambda connection: _found(connection, address, settings))
                database.keep_a_journal()
            _give_name(part, file)
        finally:
            part.unlink(missing_ok=True)
    except FileExistsError as error:
        raise _there_already(address) from error
    except OSError as error:
        raise StoreError(
            f"the registry {address.shown} could not be made: {error.strerror}",
            "check the rights of its folder, and the room on its disk",
        ) from error


def _give_name(part: Path, file: Path) -> None:
    try:
        os.link(part, file)
    except OSError as error:
        if error.errno not in {errno.EPERM, errno.ENOTSUP, errno.ENOSYS} or file.exists():
            raise
        part.rename(file)  # a disk without hard links


def check(database: Database) -> None:
    """Look whether a registry is there, of a form that we know; an older one is made new."""
    address = database.address
    file = address.file
    if file is not None and not file.exists():
        raise _not_there(address)
    form = database.read(_form)
    if not form:
        raise _not_there(address)
    if form not in HISTORY:
        raise StoreError(
            f"the registry {address.shown} was made by a newer trustkit", "upgrade trustkit"
        )
    if form != SCHEMA:
        database.write(_migrate)


def _found(connection: Connection, address: Address, settings: Mapping[str, str]) -> None:
    _lock(connection)
    there = set(inspect(connection).get_table_names())
    if SCHEMA_TABLE in there:
        raise _there_already(address)
    if taken := sorted(there & METADATA.tables.keys()):
        raise StoreError(
            f"the database {address.shown} has a table {taken[0]} that is not ours",
            "give the registry a database of its own",
        )
    _migrate(connection)
    connection.execute(
        COUNTERS.insert(), [{"name": n, "number": 0} for n in (PLACES, ROWS, CONFIRMED)]
    )
    if settings:
        rows = [{"key": key, "value": value} for key, value in settings.items()]
        connection.execute(SETTINGS.insert(), rows)


def _has(connection: Connection, settings: Mapping[str, str]) -> bool:
    if not _form(connection):
        return False
    there = {row.key: row.value for row in connection.execute(select(SETTINGS))}
    return bool(settings) and there == dict(settings)


def _migrate(connection: Connection) -> None:
    from alembic import command  # a third of a second of imports, for once in a registry's life
    from alembic.config import Config

    _lock(connection)
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    command.upgrade(config, SCHEMA)


def _form(connection: Connection) -> str:
    if not inspect(connection).has_table(SCHEMA_TABLE):
        return ""
    there = select(table(SCHEMA_TABLE, column("version_num")))
    return str(connection.execute(there).scalar() or "")


def _lock(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_ONE_AT_A_TIME)))


def _not_there(address: Address) -> StoreError:
    return StoreError(
        f"there is no registry at {address.shown}", "trustkit registry init makes one"
    )


def _there_already(address: Address) -> StoreError:
    return StoreError(f"there is a registry at {address.shown} already", "nothing was changed")
