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
