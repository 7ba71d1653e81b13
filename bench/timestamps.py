"""Signing with a time stamp each: our relay against the engine's own client, and with one down.

The authority is a process of its own that makes replies with an RSA key of 3072 bits (tests/tsa).
OpenSSL's, one process a stamp, is there for comparison. Wall clock: waiting is what is measured.
"""

from __future__ import annotations

import multiprocessing
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from bench.material import an_order, draw_jpegs, test_key
from bench.measure import Figure, tell
from tests.tsa import LocalTsa
from trustkit.asset import open_asset
from trustkit.errors import PublishError
from trustkit.publish import sign
from trustkit.timestamps.relay import open_relay

FILES, ROUNDS = 50, 5
TIMEOUT = 2.0  # seconds given to an authority that hangs
BATCH = 200  # files, for the bound of the issue
FLOOR = 5.0  # files a second


@dataclass
class _Direct:
    """The authority named to the engine itself, as it was before there was a relay."""

    url: str
    host: str = ""
    failure: PublishError | None = None
    given: tuple[object, ...] = (None,)

    def start(self) -> None:
        pass

    def notes(self) -> Iterator[str]:
        yield from ()


def main() -> None:
    """Sign the same pictures in turn and print files a second."""
    with tempfile.TemporaryDirectory(prefix="trustkit-bench-") as name:
        folder = Path(name)
        paths = draw_jpegs(folder / "drawn", FILES)
        with authority("fast") as url, authority("openssl") as slow_url:
            pairs = [_pair(paths, folder, url) for _ in range(ROUNDS)]
            by_openssl = [_rate(lambda: _relayed(paths, folder, [slow_url])) for _ in range(ROUNDS)]
            with LocalTsa.failing("hangs") as hanging:
                many = [*paths] * (BATCH // FILES)
                alone = _seconds(lambda: _relayed(many, folder, [url]))
                down = _seconds(lambda: _relayed(many, folder, [hanging.url, url]))
                asked = hanging.count
    figures = [
        Figure("engine's own client", tuple(a for a, _ in pairs), "files/s"),
        Figure("our relay", tuple(b for _, b in pairs), "files/s", FLOOR, is_floor=True),
        Figure("ratio, relay to engine", tuple(b / a for a, b in pairs), "x"),
        Figure("our relay, OpenSSL as authority", tuple(by_openssl), "files/s"),
        Figure(f"{BATCH} files", (alone,), "s"),
        Figure(f"{BATCH} files, first authority hangs", (down,), "s"),
        Figure("the difference", (down - alone,), "s"),
        Figure("queries that the one that hangs got", (float(asked),), "", 1.0),
    ]
    tell(
        "timestamps",
        figures,
        f"JPEGs of 110 to 160 KB, ES256, wall clock; {TIMEOUT:g} s are given to one that hangs",
    )


def _pair(paths: Sequence[Path], folder: Path, url: str) -> tuple[float, float]:
    return (
        _rate(lambda: _direct(paths, folder, url)),
        _rate(lambda: _relayed(paths, folder, [url])),
    )


def _rate(work: Callable[[], object]) -> float:
    return FILES / _seconds(work)


def _seconds(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def _direct(paths: Sequence[Path], folder: Path, url: str) -> None:
    signer, order, direct = test_key(), an_order(), _Direct(url)
    for path in paths:
        sign(open_asset(path), folder / path.name, order, signer, direct)  # type: ignore[arg-type]  # stands in for the relay


def _relayed(paths: Sequence[Path], folder: Path, urls: Sequence[str]) -> None:
    signer, order = test_key(), an_order()
    with open_relay(urls, TIMEOUT) as relay:
        for path in paths:
            done = sign(open_asset(path), folder / path.name, order, signer, relay)
            assert done.stamp


@contextmanager
def authority(kind: str) -> Iterator[str]:
    """Run an authority in a process of its own and give its address."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(kind, theirs))
    process.start()
    try:
        yield ours.recv()
    finally:
        ours.send("stop")
        process.join()


def _serve(kind: str, line: Connection) -> None:
    with LocalTsa.fast() if kind == "fast" else LocalTsa() as tsa:
        line.send(tsa.url)
        line.recv()


if __name__ == "__main__":
    main()
