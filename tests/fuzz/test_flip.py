"""One flipped byte, anywhere in a file that trustkit has signed: it never reads intact again."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from random import Random

import pytest

from tests.fuzz.material import (
    EMBEDDED,
    FUZZ,
    MEDIA,
    is_whole,
    look,
    manifest_span,
    open_worker,
    signed,
)
from trustkit.batch.local import VerifyWorker
from trustkit.c2pa import write

pytestmark = pytest.mark.fuzz
FLIPS = FUZZ or 40  # a format; with as many as the file has bytes, every byte is flipped

by_name = pytest.mark.parametrize("media", EMBEDDED, ids=lambda path: path.name)
by_any_name = pytest.mark.parametrize("media", MEDIA, ids=lambda path: path.name)


@pytest.fixture(scope="module")
def worker() -> VerifyWorker:
    return open_worker()


def some(positions: Iterable[int], seed: str) -> list[int]:
    there = list(positions)
    few = len(there) <= FLIPS
    return there if few else sorted(Random(seed).sample(there, FLIPS))  # repeatable


def survivors(worker: VerifyWorker, changed: Path, shown: Path, positions: list[int]) -> list[int]:
    """Flip bits of `changed` at each position in turn; list those where `shown` still passes."""
    random = Random(changed.name)  # the same flips on every run
    content, found = changed.read_bytes(), []
    for at in positions:
        flipped = bytearray(content)
        flipped[at] ^= random.randrange(1, 256)
        changed.write_bytes(flipped)
        if is_whole(look(worker, shown)):
            found.append(at)
    changed.write_bytes(content)
    return found


@by_name
def test_no_flipped_byte_of_content_reads_intact(
    media: Path, worker: VerifyWorker, tmp_path: Path
) -> None:
    path = signed(media, tmp_path)
    manifest = manifest_span(path)
    content = some((i for i in range(path.stat().st_size) if i not in manifest), media.name)

    assert survivors(worker, path, path, content) == []
    assert is_whole(look(worker, path))


@by_name
def test_no_flipped_byte_of_the_manifest_reads_intact(
    media: Path, worker: VerifyWorker, tmp_path: Path
) -> None:
    path = signed(media, tmp_path)

    assert survivors(worker, path, path, some(manifest_span(path), media.name)) == []
    assert is_whole(look(worker, path))


@by_name
def test_no_flipped_byte_around_the_manifest_reads_intact(
    media: Path, worker: VerifyWorker, tmp_path: Path
) -> None:
    # Containers wrap the manifest in headers that no hash covers.
    path = signed(media, tmp_path)
    manifest, size = manifest_span(path), path.stat().st_size
    before = range(max(0, manifest.start - 64), manifest.start)
    head = range(manifest.start, manifest.start + 200)
    after = range(manifest.stop, min(size, manifest.stop + 16))

    assert survivors(worker, path, path, [*before, *head, *after]) == []


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mov", "sound.m4a", "scene.heic", "scene.avif"])
def test_no_flipped_byte_of_a_film_in_merkle_chunks_reads_intact(
    name: str, worker: VerifyWorker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write, "MERKLE_FROM", 0)
    path = signed(MEDIA[0].with_name(name), tmp_path)
    content, manifest = path.read_bytes(), manifest_span(path)
    assert b"fixedBlockSize" in content
    samples = content.index(b"mdat", manifest.stop)
    edges = range(samples - 16, samples + 32)  # engines disagree on where the first chunk begins

    positions = some((i for i in range(len(content)) if i not in manifest), name)

    assert survivors(worker, path, path, [*edges, *positions]) == []
    assert is_whole(look(worker, path))


@by_any_name
def test_no_flipped_byte_of_a_file_with_a_sidecar_reads_intact(
    media: Path, worker: VerifyWorker, tmp_path: Path
) -> None:
    path = signed(media, tmp_path, beside=True)

    positions = some(range(path.stat().st_size), media.name)

    assert survivors(worker, path, path, positions) == []
    assert is_whole(look(worker, path))


@by_any_name
def test_no_flipped_byte_of_a_sidecar_reads_intact(
    media: Path, worker: VerifyWorker, tmp_path: Path
) -> None:
    path = signed(media, tmp_path, beside=True)
    beside = path.with_name(f"{path.name}.c2pa")

    positions = some(range(beside.stat().st_size), media.name)

    assert survivors(worker, beside, path, [*range(200), *positions]) == []
    assert is_whole(look(worker, path))
