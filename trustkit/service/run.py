"""One service from its start to its end: what it works with, its socket, its signals."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from trustkit.errors import UsageError
from trustkit.home import NO_REGISTRY
from trustkit.isolation import Limits
from trustkit.service import Bounds
from trustkit.service.access import Access, is_loopback
from trustkit.service.app import create_app
from trustkit.service.house import House
from trustkit.service.keys import KeyFile
from trustkit.service.logs import note
from trustkit.service.metrics import Metrics
from trustkit.service.patience import protocol
from trustkit.service.pool import Pool
from trustkit.service.spool import Spool
from trustkit.service.work import Opened
from trustkit.toolbox import Toolbox, Wish

_BACKLOG = 2048
_HEAD_BYTES = 16 * 2**10  # of a request's line and headers
_OPEN_FILES = 8192  # a connection takes one, and an upload


@dataclass(frozen=True)
class Place:
    """Where to listen, for whom, and where uploads stand while they are looked at."""

    host: str
    port: int
    is_public: bool
    keys: KeyFile
    folder: Path


def serve(
    wish: Wish,
    toolbox: Toolbox,
    place: Place,
    bounds: Bounds,
    workers: int,
    told: tuple[Mapping[str, object], tuple[Mapping[str, object], ...]],
) -> None:
    """Serve until told to end, then finish what runs; `told` are tool and lists of the report.

    Raises `UsageError` for an address that cannot be listened on, or not without keys, `StoreError`
    for a registry that cannot be opened, `ConfigError` for bad keys or a bad folder, `StartError`
    where the workers cannot start.
    """
    access = _access(place)
    limits = Limits(toolbox.policy.limits.max_seconds_per_file, toolbox.policy.limits.max_memory)
    with _listening(place) as listener:
        registry = None
        if wish.registry != NO_REGISTRY:
            from trustkit.stores.registry import open_registry

            registry = open_registry(wish.registry)
        spool = Spool(place.folder)
        pool = Pool(Opened(wish, spool.folder, limits), limits, workers, bounds.in_hand)
        house = House(
            toolbox.policy, told[1], told[0], bounds, access, pool, spool, Metrics(pool), registry
        )
        try:
            _run(house, listener)
        finally:
            pool.stop()
            spool.close()
            if registry is not None:
                registry.close()
    note("ended")


def _run(house: House, listener: socket.socket) -> None:
    def ended() -> None:
        server.should_exit = True

    config = uvicorn.Config(
        create_app(house, ended),
        http=protocol(house.bounds),
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=house.bounds.connections,
        h11_max_incomplete_event_size=_HEAD_BYTES,
        timeout_keep_alive=round(house.bounds.keep),
        timeout_graceful_shutdown=round(house.bounds.stop),
    )
    host, port = listener.getsockname()[:2]
    note("listening", url=f"http://{f'[{host}]' if ':' in host else host}:{port}")
    server = uvicorn.Server(config)
    with _asked_once():
        server.run(sockets=[listener])
    if house.pool.failure is not None:
        raise house.pool.failure


def _access(place: Place) -> Access:
    home = is_loopback(place.host)
    has_keys = any(not key.revoked for key in place.keys.all())
    if not home and not has_keys and not place.is_public:
        raise UsageError(
            f"{place.host} can be reached from other machines, and there is no API key",
            "make one with `trustkit serve key add`, or let everybody read with --public",
        )
    return Access(place.keys, is_public=place.is_public, is_loopback=home)


@contextmanager
def _listening(place: Place) -> Iterator[socket.socket]:
    _allow_many_files()
    try:
        found = socket.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM)
        family, address = found[0][0], found[0][4]
        listener = socket.create_server(address[:2], family=family, backlog=_BACKLOG)
        # Connections inherit it. Head and body of an answer are two writes: without it the second
        # waits 40 ms for the client's word that the first has come.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except (OSError, UnicodeError) as error:
        raise UsageError(
            f"{place.host} port {place.port} cannot be listened on: {error}",
            "name another --host or --port",
        ) from error
    with listener:
        yield listener


@contextmanager
def _asked_once() -> Iterator[None]:
    # uvicorn raises the signal that ended it once more, for whoever was there before it. Here to be
    # told to end is no failure.
    asked = [signal.SIGTERM, signal.SIGINT]
    before = {one: signal.signal(one, lambda *_: None) for one in asked}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def _allow_many_files() -> None:
    if os.name != "posix":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < _OPEN_FILES:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, _OPEN_FILES), hard))
