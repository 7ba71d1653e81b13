"""What the robustness tests work on: every test file, signed, and where its manifest stands."""

from __future__ import annotations

import base64
import io
import json
import os
from pathlib import Path

import c2pa

from trustkit.asset import open_asset
from trustkit.batch.local import VerifyWorker
from trustkit.batch.sources import Source
from trustkit.c2pa.lists import from_file
from trustkit.c2pa.trust import Purpose
from trustkit.c2pa.write import Placement, can_embed
from trustkit.disclosure import Disclosure
from trustkit.evidence.manifest import ManifestCollector
from trustkit.policies import load_policy
from trustkit.publish import Order, sign
from trustkit.toolbox import open_signer
from trustkit.verify import Report

ROOT = Path(__file__).resolve().parents[2]
KEYS = ROOT / "keys" / "signer"
MEDIA = sorted((ROOT / "fixtures" / "media").iterdir())
EMBEDDED = [path for path in MEDIA if can_embed(open_asset(path))]

FUZZ = int(os.environ.get("TRUSTKIT_FUZZ", "0"))  # how many a format; 0: the default of each test
_PIECE = 60  # bytes of the store by which it is found; less than a GIF sub-block


def signed(path: Path, folder: Path, *, beside: bool = False) -> Path:
    """Sign `path` into `folder` as a capture: untouched, it is `trusted` and nothing before it."""
    # Every test process signs anew, and the bytes differ: tests must not depend on them.
    folder.mkdir(parents=True, exist_ok=True)
    order = Order(
        Disclosure("digitalCapture", created="2026-11-01T10:00:00Z", id="fuzz"),
        Placement(sidecar=beside),
        marks=(),
    )
    output = folder / path.name
    sign(open_asset(path), output, order, open_signer(f"file:{KEYS / 'es256'}", str))
    return output


def open_worker() -> VerifyWorker:
    """Make what verifies against the root of the test signer."""
    lists = from_file(KEYS / "root.pem", Purpose.SIGNERS)
    return VerifyWorker((ManifestCollector(lists),), load_policy("newsdesk"))


def look(worker: VerifyWorker, path: Path) -> Report:
    """Verify one file."""
    return worker(Source(path, path.name))


def is_whole(report: Report) -> bool:
    """Tell whether the file passes as what was signed, by word or by axis."""
    word = report.verdict.word if report.verdict is not None else ""
    return report.axes.integrity == "intact" or word in {"trusted", "valid_untrusted"}


def manifest_span(path: Path) -> range:
    """Return where in `path` the manifest store stands, from its first byte to its last."""
    content, store = path.read_bytes(), _store(path)
    for form in (store, base64.b64encode(store)):
        start, end = content.find(form[:_PIECE]), content.rfind(form[-_PIECE // 2 :])
        if 0 <= start < end:
            return range(start, end + _PIECE // 2)
    raise AssertionError(f"the manifest of {path.name} is nowhere in it")


def _store(path: Path) -> bytes:
    out = io.BytesIO()
    with path.open("rb") as stream, c2pa.Reader(open_asset(path).media_type, stream) as reader:
        label = json.loads(reader.json())["active_manifest"]
        reader.resource_to_stream(f"self#jumbf=/c2pa/{label}/c2pa.claim", out)
    return out.getvalue()
