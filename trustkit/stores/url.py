"""The URL of a registry, read: `sqlite:///FILE` or `postgresql://...`. No password is shown."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from trustkit.errors import UsageError

FORMS = "a registry is sqlite:///FILE or postgresql://USER:PASSWORD@HOST:PORT/DATABASE"
# No message quotes the URL: what cannot be read may be a password with an odd character in it.
_ODD = "write odd characters of a user or password as %XX, like %40 for @"
_SSL_MODES = ("disable", "prefer", "require", "verify-full")
_KNOWN = {"sslmode", "sslrootcert", "host"}
_HERE = {"", "localhost", "127.0.0.1", "::1"}
_PORT = 5432


@dataclass(frozen=True, slots=True)
class Address:
    """Where a registry is; `shown` is what may be said of it, without password or options.

    `file` is that of SQLite; all else is PostgreSQL's. `socket` is the folder of a Unix socket.
    `ssl` is one of disable, prefer, require (encrypted, with whomever) and verify-full; asked of
    this machine it is prefer, and of any other verify-full, where the URL does not say.
    """

    kind: str
    shown: str
    file: Path | None = None
    host: str = ""
    port: int = _PORT
    socket: str = ""
    database: str = ""
    user: str = ""
    password: str = field(default="", repr=False)
    ssl: str = "prefer"
    roots: str = ""


def read_url(url: str) -> Address:
    """Return where `url` leads; raises `UsageError`, and never with a password in it."""
    scheme, colon, rest = url.partition("://")
    if colon and scheme == "sqlite":
        return _sqlite(rest)
    if colon and scheme in {"postgresql", "postgres"}:
        return _postgresql(url)
    raise UsageError("this is not the URL of a registry", FORMS)


def _sqlite(rest: str) -> Address:
    # Three slashes and the file as it stands: a name may hold ? and %, and nothing is decoded.
    name = rest.removeprefix("/")
    if name == rest or not name or "\0" in name or name == ":memory:":
        raise UsageError("the URL names no file of a registry", FORMS)
    return Address("sqlite", f"sqlite:///{name}", Path(name).absolute())


def _postgresql(url: str) -> Address:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or _PORT
        options = dict(parse_qsl(parts.query, strict_parsing=bool(parts.query)))
    except ValueError:
        # Without the cause: its text holds a piece of the URL.
        raise UsageError("the registry's URL cannot be read", _ODD) from None
    database = unquote(parts.path.removeprefix("/"))
    if parts.fragment or "@" in database or "@" in parts.query or "\0" in unquote(url):
        raise UsageError("the registry's URL cannot be read", _ODD)
    if not database:
        raise UsageError("the registry's URL names no database", FORMS)
    if not options.keys() <= _KNOWN:
        raise UsageError("the registry's URL has an unknown option", "known: sslmode, sslrootcert")
    socket = options.get("host", "") if options.get("host", "").startswith("/") else ""
    host = host or ("" if socket else options.get("host", "") or "localhost")
    ssl = options.get("sslmode", "prefer" if host in _HERE else "verify-full")
    if ssl not in _SSL_MODES:
        raise UsageError("the registry's URL has an unknown sslmode", ", ".join(_SSL_MODES))
    user = unquote(parts.username or "")
    at = f"{user}@" if user else ""
    place = f"[{host}]" if ":" in host else host
    shown = f"postgresql://{at}{place}{'' if socket else f':{port}'}/{database}"
    return Address(
        "postgresql",
        shown,
        host=host,
        port=port,
        socket=socket,
        database=database,
        user=user,
        password=unquote(parts.password or ""),
        ssl=ssl,
        roots=options.get("sslrootcert", ""),
    )
