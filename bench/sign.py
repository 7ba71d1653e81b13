"""CPU of signing a JPEG: trustkit against the bare engine, with what reading back costs."""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from c2pa import Builder, C2paSigningAlg, Reader
from c2pa import Signer as EngineSigner

from bench.material import an_order, draw_jpegs, test_key
from bench.measure import Figure, paired, tell
from trustkit import __version__
from trustkit.asset import open_asset
from trustkit.c2pa.manifest import CREATED_LABELS, build
from trustkit.c2pa.settings import open_context
from trustkit.publish import sign

FILES = 50
BOUND = 1.15


MEMORY = Path("/dev/shm")  # noqa: S108  # no disk below it, and that is the point


def main() -> None:
    """Sign the same pictures both ways, in turn, and print the ratios."""
    figures = list(_compared("on disk", None))
    notes = [f"{FILES} JPEGs of 110 to 160 KB, ES256, no stamp; ms are CPU a file"]
    if MEMORY.is_dir():
        # Only we make sure that a file is on the disk before it takes its place: two fsyncs.
        notes.append("in memory, fsync costs nothing: what is left is our own work")
        figures += _compared("in memory", MEMORY)
    tell("sign", figures, *notes)


def _compared(where: str, parent: Path | None) -> Iterable[Figure]:
    with tempfile.TemporaryDirectory(prefix="trustkit-bench-", dir=parent) as name:
        folder = Path(name)
        paths = draw_jpegs(folder / "drawn", FILES)
        ours, bare, read = folder / "ours", folder / "bare", folder / "read"
        for place in (ours, bare, read):
            place.mkdir()
        signed = paired(lambda: _bare(paths, bare, reads=False), lambda: _ours(paths, ours))
        checked = paired(lambda: _bare(paths, read, reads=True), lambda: _ours(paths, ours))
    engine, engine_reads = _each([a for a, _ in signed]), _each([a for a, _ in checked])
    yield Figure(f"{where}: engine alone, sign", engine, "ms")
    yield Figure(f"{where}: engine alone, read, sign, read back", engine_reads, "ms")
    yield Figure(f"{where}: trustkit sign", _each([b for _, b in checked]), "ms")
    yield Figure(f"{where}: ratio to signing alone", _ratios(signed), "x")
    yield Figure(f"{where}: ratio with both readings", _ratios(checked), "x", BOUND)


def _ratios(pairs: Sequence[tuple[float, float]]) -> tuple[float, ...]:
    return tuple(ours / bare for bare, ours in pairs)


def _ours(paths: Sequence[Path], folder: Path) -> None:
    signer, order = test_key(), an_order()
    for path in paths:
        sign(open_asset(path), folder / path.name, order, signer)


def _bare(paths: Sequence[Path], folder: Path, *, reads: bool) -> None:
    key, order = test_key(), an_order()
    settings = {
        "thumbnail": {"enabled": False},
        "actions": {"auto_created_action": {"enabled": False}},
        "created_assertion_labels": list(CREATED_LABELS),
    }
    context, plain = open_context(extra={"builder": settings}), open_context()
    for path in paths:
        if reads:
            with path.open("rb") as stream:
                Reader.try_create("image/jpeg", stream, context=plain)
        definition = build(order.disclosure, __version__, path.name, media_type="image/jpeg")
        algorithm, chain = C2paSigningAlg.ES256, key.chain.decode()
        with (
            Builder(json.dumps(definition), context) as builder,
            EngineSigner.from_callback(key.sign, algorithm, chain, None) as signer,
            path.open("rb") as source,
            (folder / path.name).open("w+b") as target,
        ):
            builder.sign(signer, "image/jpeg", source, target)
        if reads:
            content = io.BytesIO((folder / path.name).read_bytes())
            with Reader("image/jpeg", content, context=plain) as reader:
                json.loads(reader.json())


def _each(seconds: Sequence[float]) -> tuple[float, ...]:
    return tuple(1000 * value / FILES for value in seconds)


if __name__ == "__main__":
    main()
