"""What trustkit signs, read by two engines that share no code with ours."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import encypher_c2pa
import pytest

from tests.command import KEYS, MEDIA
from tests.tsa import LocalTsa
from trustkit.asset import open_asset
from trustkit.c2pa.write import can_embed
from trustkit.disclosure import Disclosure
from trustkit.publish import Order, sign
from trustkit.signers import ALGORITHMS
from trustkit.toolbox import open_signer

pytestmark = pytest.mark.independent

ORDER = Order(Disclosure("trainedAlgorithmicMedia", "Painter", "1"))
READ_BY_ENCYPHER = set(encypher_c2pa.supported_mime_types())
EMBEDDED = [path for path in sorted(MEDIA.iterdir()) if can_embed(open_asset(path))]
C2PA_TS = "@trustnxt/c2pa-ts@0.9.4"
# c2pa-ts 0.9.4 does not verify ES512 (claimSignature.mismatch, also on other people's files).
TS_ALGORITHMS = ("es256", "es384", "ps256", "ed25519")
SIGNER_ROOT = (KEYS / "trust/test-signers.pem").read_text()
TSA_ROOT = (KEYS / "trust/test-tsa.pem").read_text()


def signed(media: Path, output: Path, algorithm: str = "es256", tsa: str = "") -> Path:
    order = Order(ORDER.disclosure, tsa=tsa)
    signer = open_signer(f"file:{KEYS / 'signer' / algorithm}", str)
    sign(open_asset(media), output, order, signer)
    return output


def ask_encypher(path: Path) -> Any:
    return encypher_c2pa.verify(
        str(path),
        mime_type=open_asset(path).media_type,
        trust_pem=SIGNER_ROOT,
        tsa_trust_pem=TSA_ROOT,
        no_default_trust=True,
    )


def state(path: Path) -> tuple[str, str, str, str]:
    report = ask_encypher(path)
    return (
        report["integrity"],
        report["signature"],
        report["hard_binding"],
        report["validation_state"],
    )


def changed(path: Path) -> Path:
    data = bytearray(path.read_bytes())
    data[len(data) * 3 // 4] ^= 1
    out = path.with_name(f"changed-{path.name}")
    out.write_bytes(data)
    return out


@pytest.mark.parametrize("media", EMBEDDED, ids=lambda path: path.name)
def test_encypher_accepts_every_format_it_reads(media: Path, tmp_path: Path) -> None:
    media_type = open_asset(media).media_type
    if media_type not in READ_BY_ENCYPHER:
        pytest.skip(f"encypher-c2pa does not read {media_type}")
    path = signed(media, tmp_path / media.name)

    found = state(path)

    print(f"\n{media.name:24} {media_type:20} {' '.join(found)}")
    assert found == ("valid", "valid", "match", "Trusted")


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_encypher_accepts_every_algorithm_with_and_without_a_stamp(
    algorithm: str, tmp_path: Path
) -> None:
    with LocalTsa() as tsa:
        stamped = signed(MEDIA / "scene.jpg", tmp_path / "stamped.jpg", algorithm, tsa.url)
    plain = signed(MEDIA / "scene.jpg", tmp_path / "plain.jpg", algorithm)

    print(f"\n{algorithm:8} plain {state(plain)[3]}, stamped {state(stamped)[3]}")
    assert state(plain) == state(stamped) == ("valid", "valid", "match", "Trusted")


def test_encypher_refuses_what_was_changed(tmp_path: Path) -> None:
    path = changed(signed(MEDIA / "scene.jpg", tmp_path / "scene.jpg"))

    assert state(path)[0] == "invalid"


def test_encypher_accepts_a_parent_and_its_edit(tmp_path: Path) -> None:
    parent = signed(MEDIA / "scene.png", tmp_path / "parent.png")
    child = signed(parent, tmp_path / "child.png")

    assert state(child) == ("valid", "valid", "match", "Trusted")


@pytest.fixture(scope="module")
def c2pa_ts(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Path]:
    """A folder in which c2pa-ts is installed."""
    given = os.environ.get("TRUSTKIT_C2PA_TS")
    if given:
        yield Path(given)
        return
    if "independent" not in request.config.getoption("markexpr"):
        pytest.skip("fetches a package: `make independent` runs it")
    if not shutil.which("node") or not shutil.which("npm"):
        pytest.skip("node and npm are not installed")
    folder = tmp_path_factory.mktemp("c2pa-ts")
    (folder / "package.json").write_text('{"private": true}')
    install = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", C2PA_TS]
    done = subprocess.run(install, cwd=folder, capture_output=True, timeout=120, check=False)
    if done.returncode:
        pytest.skip(f"{C2PA_TS} cannot be installed here")
    yield folder


def ask_c2pa_ts(folder: Path, *paths: Path) -> list[dict[str, Any]]:
    script = folder / "check.mjs"
    shutil.copy(Path(__file__).with_name("check.mjs"), script)
    done = subprocess.run(
        ["node", script, *paths], cwd=folder, capture_output=True, text=True, timeout=60, check=True
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_c2pa_ts_accepts_jpeg_and_png(c2pa_ts: Path, tmp_path: Path) -> None:
    files = [
        signed(MEDIA / name, tmp_path / f"{algorithm}-{name}", algorithm)
        for algorithm in TS_ALGORITHMS
        for name in ("scene.jpg", "scene.png")
    ]

    rows = ask_c2pa_ts(c2pa_ts, *files, changed(files[0]), changed(files[1]))

    for row in rows:
        print(f"\n{Path(row['path']).name:28} valid {row['valid']} {row['codes']}", end="")
    assert [row["valid"] for row in rows] == [True] * len(files) + [False, False]
