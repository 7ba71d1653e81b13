"""What databases say when something is wrong, in our words; never a password, never a statement."""

from __future__ import annotations

import sqlite3
import ssl
from typing import Any

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from trustkit.stores import StoreError
from trustkit.stores.url import Address

# https://www.sqlite.org/rescode.html: the low byte of an extended code is the code.
_PRIMARY = 0xFF
_SQLITE: dict[int, tuple[str, str]] = {
    sqlite3.SQLITE_BUSY: ("is locked by another process", "try again when that one is done"),
    sqlite3.SQLITE_LOCKED: ("is locked by another process", "try again when that one is done"),
    sqlite3.SQLITE_FULL: ("is on a full disk; nothing of this was kept", "make room, then again"),
    sqlite3.SQLITE_IOERR: (
        "could not be read or written: the disk failed; nothing of this was kept",
        "check the disk, and that there is room on it",
    ),
    sqlite3.SQLITE_READONLY: (
        "may not be written; nothing of this was kept",
        "its file and its folder must both be writable",
    ),
    sqlite3.SQLITE_PERM: ("may not be opened", "check the rights of its file and folder"),
    sqlite3.SQLITE_CANTOPEN: ("could not be opened", "check the rights of its file and folder"),
    sqlite3.SQLITE_NOTADB: ("is no registry: the file is not a database of SQLite", ""),
    sqlite3.SQLITE_CORRUPT: ("is damaged", "restore it from a copy"),
}

# https://www.postgresql.org/docs/15/errcodes-appendix.html: class, or the whole code.
_POSTGRESQL: dict[str, tuple[str, str]] = {
    "28": ("refused the user or the password", "check user, password and pg_hba.conf"),
    "3D000": ("has no such database", "createdb makes one"),
    "42501": ("does not let this user do that", "GRANT the rights on its tables"),
    "25006": ("is read-only now; nothing of this was kept", "name the primary server"),
    "53100": ("is on a full disk; nothing of this was kept", "make room, then again"),
    "53300": ("has no connection left", "try again, or raise max_connections"),
    "55P03": ("is locked by another process", "try again when that one is done"),
    "40P01": ("is locked by another process", "try again when that one is done"),
    "57014": ("took too long and was stopped; nothing of this was kept", "try again"),
    "XX": ("is damaged, says the server", "see the server's log"),
}
_GONE = ("08", "57P01", "57P02", "57P03")  # connection failures, and servers going down or up


# What pg8000 says of its own side, which has no states.
_BROKEN = ("network error", "connection is closed")
_UNENCRYPTED = "refuses SSL"


def is_lost(error: Exception) -> bool:
    """Tell whether the connection to a server broke, or the server is just not there."""
    if isinstance(error, OSError):
        return not isinstance(error, ssl.SSLError)
    if not isinstance(error, DBAPIError):
        return False
    if error.connection_invalidated or _state(error.orig).startswith(_GONE):
        return True
    return any(words in str(error.orig) for words in _BROKEN)


def is_starting(error: Exception) -> bool:
    """Tell whether a server is there, and will answer in a moment."""
    return isinstance(error, DBAPIError) and _state(error.orig) == "57P03"


def told(error: Exception, address: Address, patience: float) -> StoreError:
    """Return what went wrong as one sentence about the registry.

    The database's own words are left out: they quote statements and what was to be kept.
    """
    if isinstance(error, PoolTimeoutError):
        return StoreError(f"the registry {address.shown} has no connection left", "try again")
    origin = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(origin, sqlite3.Error):
        code = getattr(origin, "sqlite_errorcode", 0) & _PRIMARY
        said, hint = _SQLITE.get(code, (f"gave an error of SQLite, number {code}", ""))
        if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            said = f"{said} (waited {patience:g} s)"
        return StoreError(f"the registry {address.shown} {said}", hint)
    if is_lost(error):
        return StoreError(
            f"the registry {address.shown} cannot be reached", "is the server there, and running?"
        )
    if isinstance(origin, ssl.SSLError) or _UNENCRYPTED in str(origin):
        return StoreError(
            f"the encryption of the registry {address.shown} is not as {address.ssl} demands",
            "?sslrootcert=FILE names whom to trust, ?sslmode=require trusts anybody, "
            "?sslmode=disable goes without",
        )
    state = _state(origin)
    said, hint = (
        _POSTGRESQL.get(state)
        or _POSTGRESQL.get(state[:2])
        or (
            f"gave an error of PostgreSQL, {state or type(origin).__name__}",
            "see the server's log",
        )
    )
    return StoreError(f"the registry {address.shown} {said}", hint)


def _state(origin: Any) -> str:
    """Return the SQLSTATE, five characters, as pg8000 gives it; empty where there is none."""
    first = origin.args[0] if getattr(origin, "args", ()) else None
    return str(first.get("C", "")) if isinstance(first, dict) else ""
