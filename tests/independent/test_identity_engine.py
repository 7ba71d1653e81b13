"""Identities that trustkit writes, read by an engine that shares no code with ours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import encypher_c2pa
import pytest

from tests.command import AI, KEY, KEYS, MEDIA
from tests.conftest import Run
from tests.tsa import LocalTsa

pytestmark = pytest.mark.independent

ROOT = (KEYS / "trust/test-signers.pem").read_text()
TSA_ROOT = (KEYS / "trust/test-tsa.pem").read_text()
FORMATS = ("scene.jpg", "scene.png", "clip.mp4")


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENCYPHER_C2PA_TELEMETRY", "off")


def codes(path: Path, media_type: str) -> dict[str, set[str]]:
    report: Any = encypher_c2pa.verify(
        str(path),
        mime_type=media_type,
        trust_pem=ROOT,
        tsa_trust_pem=TSA_ROOT,
        cawg_trust_configurations=[
            {"profile": profile, "certificates_pem": ROOT} for profile in ("base", "smime_interim")
        ],
        no_default_trust=True,
        online=False,
    )
    assert report["validation_state"] == "Trusted"
    kinds = report["validation_results"]
    return {kind: {e["code"] for e in entries} for kind, entries in kinds.items()}


@pytest.mark.parametrize("variant", ["cawg", "documentsigning-eku"])
@pytest.mark.parametrize("media", FORMATS)
def test_encypher_trusts_an_identity_by_the_rules_of_cawg(
    quick: Run, tmp_path: Path, media: str, variant: str
) -> None:
    out = tmp_path / media
    who = ("--identity-key", f"file:{KEYS / 'variants' / variant}", "--identity-role", "publisher")
    common = ("--key", KEY, *AI, *who, "--no-soft-binding", "-q")
    with LocalTsa() as tsa:
        answer = quick("sign", MEDIA / media, "-o", out, *common, "--tsa", tsa.url)
    assert answer.code == 0, answer.stderr

    media_type = {"jpg": "image/jpeg", "png": "image/png", "mp4": "video/mp4"}[media[-3:]]
    found = codes(out, media_type)
    assert {
        "cawg.identity.trusted",
        "cawg.x509.signature.validated",
        "cawg.x509.credential.trusted",
        "cawg.x509.time_stamp.trusted",
    } <= found["success"]
    assert not [code for code in found["failure"] if code.startswith("cawg.")]
