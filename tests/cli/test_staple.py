"""`trustkit sign --staple-status`: signed with what the issuer says of the certificate, or not."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from c2pa import Context, Reader

from tests.command import AI, KEY, MEDIA, TSA_TRUST
from tests.conftest import Run
from tests.manifests import codes, finding
from tests.ocsp import (
    DAY,
    LOOPBACK,
    NO_CHECK,
    OCSP_SIGNING,
    UNKNOWN,
    Reason,
    Responder,
    Said,
    eku,
    issue,
    responding,
    revoked,
    utc_now,
)
from tests.tsa import LocalTsa

STAPLE = ("--staple-status", "--ocsp-host", LOOPBACK, "--no-soft-binding", "-q")
# These scatter the manifest over the file, or put it into text.
NOT_INSIDE = {"anim.gif", "scene.gif", "drawing.svg"}
KINDS = ("scene.jpg", "scene.png", "scene.webp", "scene.tif", "scene.heic", "scene.jxl",
         "clip.mp4", "clip-fragmented.mp4", "clip.avi", "sound.wav", "sound.mp3", "sound.flac",
         "page.pdf", "scene.bmp")  # fmt: skip


@pytest.fixture
def responder() -> Iterator[Responder]:
    with responding() as running:
        running.house.said = Said(certificates=(running.house.issuer,))
        yield running


def key(responder: Responder, folder: Path) -> tuple[object, ...]:
    return ("--key", responder.house.key_folder(folder / "key"), *AI)


REFUSALS = {
    "revoked": (lambda: revoked(utc_now() - DAY, Reason.key_compromise), "is revoked since"),
    "unknown": (lambda: UNKNOWN, "does not know"),
    "stale": (lambda: Said(this_update=-3 * DAY, next_update=-DAY), "held until"),
}


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_certificate_that_is_not_good_signs_nothing(
    quick: Run, responder: Responder, tmp_path: Path, refusal: str
) -> None:
    make, words = REFUSALS[refusal]
    responder.house.said = make()
    out = tmp_path / "out.jpg"
    options = (*key(responder, tmp_path), *STAPLE)
    answer = quick("sign", MEDIA / "scene.jpg", "-o", out, *options)
    assert answer.code == 40
    assert words in answer.stderr
    assert not out.exists()


def test_nobody_is_asked_without_the_option(
    quick: Run, responder: Responder, tmp_path: Path
) -> None:
    options = (*key(responder, tmp_path), "--no-soft-binding", "-q")
    assert quick("sign", MEDIA / "scene.jpg", "-o", tmp_path / "out.jpg", *options).code == 0
    assert responder.asked == []


def test_an_issuer_that_is_down_or_inside_signs_nothing(
    quick: Run, responder: Responder, tmp_path: Path
) -> None:
    out = tmp_path / "out.jpg"
    options = ("sign", MEDIA / "scene.jpg", "-o", out, *key(responder, tmp_path))
    answer = quick(*options, "--staple-status")
    assert answer.code == 40
    assert f"--ocsp-host {LOOPBACK}" in answer.stderr
    responder.fault = "status"
    answer = quick(*options, *STAPLE)
    assert answer.code == 40
    assert "503" in answer.stderr
    assert not out.exists()


@pytest.mark.parametrize("name", sorted(NOT_INSIDE))
def test_where_it_does_not_fit_nothing_is_written(
    quick: Run, responder: Responder, tmp_path: Path, name: str
) -> None:
    options = (*key(responder, tmp_path), *STAPLE)
    answer = quick("sign", MEDIA / name, "-o", tmp_path / name, *options)
    assert answer.code == 40
    assert "--sidecar" in answer.stderr
    assert not (tmp_path / name).exists()
    assert quick("sign", MEDIA / name, "-o", tmp_path / name, *options, "--sidecar").code == 0


def test_every_kind_holds_and_says_so(quick: Run, responder: Responder, tmp_path: Path) -> None:
    root = tmp_path / "root.pem"
    root.write_bytes(responder.house.root.pem)
    out = tmp_path / "out"
    out.mkdir()
    files = [MEDIA / name for name in KINDS]
    signed = quick("sign", *files, "-o", out, *key(responder, tmp_path), *STAPLE)
    assert signed.code == 0, signed.stderr
    assert len(responder.asked) == 1
    answer = quick("verify", *(out / name for name in KINDS), "--trust", root, "-f", "jsonl",
                   "--skip", "watermark")  # fmt: skip
    for row in answer.rows():
        told = finding(row, "manifest.revocation")
        assert (told["status"], row["axes"]["integrity"]) == ("present", "intact"), row["path"]
        assert "manifest.padding" not in codes(row)
    assert len(responder.asked) == 1


def test_the_engine_reads_what_was_stapled(
    quick: Run, responder: Responder, tmp_path: Path
) -> None:
    house = responder.house
    delegate = issue("delegate", house.issuer, eku(OCSP_SIGNING), NO_CHECK)
    house.said = Said(signer=delegate, certificates=(delegate,))
    out = tmp_path / "out.jpg"
    with LocalTsa() as tsa:
        options = (*key(responder, tmp_path), *STAPLE, "--tsa", tsa.url)
        answer = quick("sign", MEDIA / "scene.jpg", "-o", out, *options)
        assert answer.code == 0, answer.stderr
    settings = {"verify": {"remote_manifest_fetch": False}, "trust": {
        "trust_anchors": house.root.pem.decode() + (TSA_TRUST.read_text()),
    }}  # fmt: skip
    context = Context.from_dict(settings)
    with Reader("image/jpeg", io.BytesIO(out.read_bytes()), context=context) as reader:
        report = json.loads(reader.json())
    found = report["validation_results"]["activeManifest"]
    assert "signingCredential.ocsp.notRevoked" in {entry["code"] for entry in found["success"]}
    assert report["validation_state"] == "Trusted"


def test_a_responder_without_anything_to_staple_is_a_usage_error(
    quick: Run, tmp_path: Path
) -> None:
    out = tmp_path / "out.jpg"
    options = ("--key", KEY, *AI, "--ocsp-host", LOOPBACK)
    answer = quick("sign", MEDIA / "scene.jpg", "-o", out, *options)

    assert answer.code == 2
    assert "--staple-status" in answer.stderr
    assert not out.exists()
