"""The demonstration: real files, signed, altered, stripped and verified, each with its verdict."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from importlib.resources import as_file, files
from io import BytesIO
from pathlib import Path

from trustkit.asset import open_asset
from trustkit.batch.local import verify_all
from trustkit.batch.sources import Source
from trustkit.c2pa.write import Placement
from trustkit.disclosure import Disclosure
from trustkit.errors import PublishError
from trustkit.home import NO_REGISTRY
from trustkit.media import pixels
from trustkit.policy import Limits, Word
from trustkit.publish import Order, sign
from trustkit.signers import Signer
from trustkit.signers.generate import generate
from trustkit.toolbox import Wish, open_signer, open_worker
from trustkit.verify import Report

AI = Disclosure("trainedAlgorithmicMedia", "Example Painter", "3", "Example Lab", "demo-1")
EDITED = Disclosure("compositeWithTrainedAlgorithmicMedia", "Example Retoucher", "1")
CAPTURE = Disclosure("digitalCapture")


@dataclass(frozen=True)
class Step:
    """One file, what was done to it, and the verdict it must get."""

    path: Path
    what: str
    expected: Word


@dataclass(frozen=True)
class Outcome:
    """A step and what `verify` said of it."""

    step: Step
    report: Report


def demonstrate() -> tuple[Path, list[Outcome], str]:
    """Run the demonstration in a new temporary folder.

    Returns the folder, what was done with the verdicts, and how signing over a tampered picture
    was refused.
    """
    folder = Path(tempfile.mkdtemp(prefix="trustkit-demo-"))
    generate(folder / "key", "es256", "Example Press")
    generate(folder / "stranger", "es256", "Somebody Else")
    press = open_signer(f"file:{folder / 'key'}", str)
    stranger = open_signer(f"file:{folder / 'stranger'}", str)
    refusal: list[str] = []
    steps = list(_steps(folder, press, stranger, refusal))
    house = folder / "house-list.pem"
    house.write_bytes((folder / "key" / "root.pem").read_bytes())
    # No step has a mark, and the user's own registry has no part in it.
    wish = Wish(trust=(str(house),), skip=("watermark",), registry=NO_REGISTRY, fast=True)
    sources = [Source(step.path, step.path.name) for step in steps]
    reports = verify_all(sources, partial(open_worker, wish), Limits(), 2, BytesIO())
    return folder, [Outcome(s, r) for s, r in zip(steps, reports, strict=True)], refusal[0]


def _steps(folder: Path, press: Signer, stranger: Signer, refusal: list[str]) -> Iterator[Step]:
    for name in ("picture.jpg", "clip.mp4", "sound.wav"):
        with as_file(files("trustkit.samples") / name) as sample:
            sign(open_asset(sample), folder / name, Order(AI, marks=()), press)
        yield Step(folder / name, "signed as AI-generated", Word.DECLARED_AI)
    with as_file(files("trustkit.samples") / "picture.jpg") as sample:
        yield from _captures(folder, sample, press, stranger)
        remote = folder / "remote.jpg"
        order = Order(AI, Placement(remote_url="https://press.example/picture.c2pa"), marks=())
        sign(open_asset(sample), remote, order, press)
    remote.with_name("remote.jpg.c2pa").rename(folder / "kept-elsewhere.c2pa")
    tampered = _changed(folder / "picture.jpg", folder / "tampered.jpg")
    yield Step(tampered, "one byte of the picture changed", Word.TAMPERED)
    yield Step(
        _changed(folder / "clip.mp4", folder / "tampered.mp4"),
        "one byte of the clip changed",
        Word.TAMPERED,
    )
    yield Step(
        _changed(folder / "sound.wav", folder / "tampered.wav"),
        "one byte of the sound changed",
        Word.TAMPERED,
    )
    stripped = folder / "stripped.jpg"
    with (folder / "picture.jpg").open("rb") as signed, stripped.open("wb") as out:
        pixels.resave(signed, out)
    yield Step(stripped, "re-encoded, as an upload does", Word.NO_PROVENANCE)
    yield Step(remote, "its manifest kept elsewhere", Word.INCONCLUSIVE)
    laundered = folder / "laundered.jpg"
    try:
        sign(open_asset(tampered), laundered, Order(EDITED, marks=()), press)
    except PublishError as error:
        refusal.append(error.message)
    sign(open_asset(tampered), laundered, Order(EDITED, allow_broken_parent=True, marks=()), press)
    yield Step(laundered, "tampered, then signed over", Word.DECLARED_AI)
    broken = folder / "broken.jpg"
    broken.write_bytes(b"not a picture")
    yield Step(broken, "thirteen bytes of text", Word.ERROR)


def _captures(folder: Path, sample: Path, press: Signer, stranger: Signer) -> Iterator[Step]:
    sign(open_asset(sample), folder / "photo.jpg", Order(CAPTURE, marks=()), press)
    yield Step(folder / "photo.jpg", "signed as a photo", Word.TRUSTED)
    sign(open_asset(sample), folder / "unknown.jpg", Order(CAPTURE, marks=()), stranger)
    yield Step(folder / "unknown.jpg", "signed by a stranger", Word.VALID_UNTRUSTED)


def _changed(source: Path, target: Path) -> Path:
    data = bytearray(source.read_bytes())
    # Two thirds in stands content in each of the three: scan data, media data, samples.
    data[len(data) * 2 // 3] ^= 0x01
    target.write_bytes(data)
    return target
