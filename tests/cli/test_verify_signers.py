"""Whom `trustkit verify` trusts: end to end, with signers whom the engine alone lets pass."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import c2pa
import pytest

from tests.command import AI, KEY, KEYS, MEDIA, TRUST, TSA_TRUST
from tests.conftest import Run, Verify
from tests.manifests import codes, flip
from tests.tsa import LocalTsa
from trustkit.c2pa.trust import CLAIM_SIGNING_EKUS

VARIANTS = (
    "timestamping-eku",
    "ocsp-eku",
    "content-commitment",
    "claimsigning-eku",
    "documentsigning-eku",
    "missing-intermediate",
    "self-signed",
)
NEVER = ("timestamping-eku", "ocsp-eku", "content-commitment")


def sign_by_engine(source: Path, target: Path, folder: Path) -> None:
    """Sign as another program would, which asks less of a certificate than we do."""
    settings = {
        "trust": {"trust_config": "\n".join(CLAIM_SIGNING_EKUS)},
        "builder": {"thumbnail": {"enabled": False}},
    }
    key = (folder / "key.pem").read_bytes()
    chain = (folder / "chain.pem").read_bytes()
    info = c2pa.C2paSignerInfo(b"es256", chain, key, None)
    definition = {"claim_generator_info": [{"name": "another", "version": "1"}]}
    with (
        c2pa.Context.from_dict(settings) as context,
        c2pa.Signer.from_info(info) as signer,
        c2pa.Builder(definition, context) as builder,
        source.open("rb") as stream,
        target.open("w+b") as out,
    ):
        builder.set_intent(
            c2pa.C2paBuilderIntent.CREATE, c2pa.C2paDigitalSourceType.DIGITAL_CAPTURE
        )
        builder.sign(signer, "image/jpeg", stream, out)


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory, verify: Verify) -> dict[str, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("variants")
    for name in VARIANTS:
        sign_by_engine(MEDIA / "scene.jpg", folder / f"{name}.jpg", KEYS / "variants" / name)
    return verify("-r", folder, "--tsa-trust", TSA_TRUST)


@pytest.mark.parametrize("variant", NEVER)
def test_a_signer_whose_certificate_is_for_other_things_is_never_trusted(
    rows: dict[str, dict[str, Any]], variant: str
) -> None:
    row = rows[f"{variant}.jpg"]
    assert row["axes"]["signer"] == "untrusted"
    assert "manifest.trusted" not in codes(row)
    assert codes(row)["manifest.signer_unfit"] == "invalid"
    assert row["decision"] == "review"
    assert row["axes"]["integrity"] == "intact"


@pytest.mark.parametrize("variant", ["missing-intermediate", "self-signed"])
def test_a_chain_that_leads_nowhere_is_untrusted_and_intact(
    rows: dict[str, dict[str, Any]], variant: str
) -> None:
    row = rows[f"{variant}.jpg"]
    assert (row["axes"]["integrity"], row["axes"]["signer"]) == ("intact", "untrusted")
    assert row["verdict"] == "valid_untrusted"


@pytest.mark.parametrize("variant", ["claimsigning-eku", "documentsigning-eku"])
def test_a_signer_for_claims_or_documents_is_trusted(
    rows: dict[str, dict[str, Any]], variant: str
) -> None:
    assert rows[f"{variant}.jpg"]["axes"]["signer"] == "trusted"
    assert rows[f"{variant}.jpg"]["verdict"] == "trusted"


def test_a_list_of_time_stampers_never_vouches_for_a_signer(
    quick: Run, signed_folder: Path
) -> None:
    picture = signed_folder / "scene.jpg"
    answer = quick("verify", picture, "--tsa-trust", TRUST, "--format", "json")
    assert answer.json()["files"][0]["axes"]["signer"] == "untrusted"


def test_a_list_of_signers_never_vouches_for_a_stamp(quick: Run, tmp_path: Path) -> None:
    output = tmp_path / "out.jpg"
    with LocalTsa() as tsa:
        quick("sign", MEDIA / "scene.jpg", "-o", output, "--key", KEY, *AI, "--tsa", tsa.url)
    lists = ("--trust", TRUST, "--trust", KEYS / "tsa/root.pem", "--tsa-trust", TRUST)
    row = quick("verify", output, *lists, "--format", "json").json()["files"][0]
    assert "manifest.timestamp" not in codes(row)
    assert codes(row)["manifest.timestamp_unknown"] == "present"
    assert row["axes"]["signer"] == "trusted"


def test_a_list_of_one_leaf_trusts_that_signer_alone(
    quick: Run, verify: Verify, tmp_path: Path
) -> None:
    leaf = KEYS / "trust/test-leaf-only.pem"
    for name in ("es256", "es384"):
        key = ("--key", f"file:{KEYS / 'signer' / name}")
        quick("sign", MEDIA / "scene.jpg", "-o", tmp_path / f"{name}.jpg", *key, *AI)
    found = verify("-r", tmp_path, trust=leaf)
    assert found["es256.jpg"]["axes"]["signer"] == "trusted"
    assert found["es384.jpg"]["axes"]["signer"] == "untrusted"


def test_what_is_said_of_a_file_does_not_depend_on_those_before_it(
    quick: Run, verify: Verify, tmp_path: Path, signed_folder: Path
) -> None:
    good = Path(shutil.copy(signed_folder / "scene.jpg", tmp_path / "good.jpg"))
    altered = flip(Path(shutil.copy(good, tmp_path / "altered.jpg")))
    beside = Path(shutil.copy(signed_folder / "scene.bmp", tmp_path / "beside.bmp"))
    shutil.copy(signed_folder / "scene.bmp.c2pa", tmp_path / "beside.bmp.c2pa")
    stamped = tmp_path / "stamped.jpg"
    with LocalTsa() as tsa:
        quick("sign", MEDIA / "scene.jpg", "-o", stamped, "--key", KEY, *AI, "--tsa", tsa.url)
    files = (altered, beside, stamped, good)
    there, back = verify(*files), verify(*reversed(files))
    alone = {path.name: verify(path)[path.name] for path in files}
    assert there == back == alone
