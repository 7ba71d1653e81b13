"""Peak memory of signing and verifying a film of 1 GB, beside the bare engine."""

from __future__ import annotations

import os
import sys
import tempfile
from fractions import Fraction
from pathlib import Path

import av

from bench.material import KEY, TRUST
from bench.measure import Figure, child, command, tell

MEGABYTES = 1024
BOUND_MB = 100.0
_RATE = 48_000
_BLOCK = 2**20  # bytes of one packet: stereo samples of 16 bits

_BARE_SIGN = """
import json, sys
from c2pa import Builder, C2paSigningAlg, Signer
from trustkit.c2pa.settings import open_context
from trustkit.signers.pem import open_file_signer
key = open_file_signer(sys.argv[1], str)
action = {"action": "c2pa.created", "digitalSourceType":
          "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture"}
definition = {"assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [action]}}]}
builder = Builder(json.dumps(definition), open_context())
signer = Signer.from_callback(key.sign, C2paSigningAlg.ES256, key.chain.decode(), None)
with open(sys.argv[2], "rb") as source, open(sys.argv[3], "w+b") as target:
    builder.sign(signer, "video/quicktime", source, target)
"""
_BARE_READ = """
import json, sys
from c2pa import Reader
from trustkit.c2pa.settings import open_context
with open(sys.argv[1], "rb") as stream:
    json.loads(Reader("video/quicktime", stream, context=open_context()).json())
"""


def main() -> None:
    """Make the film, then sign and verify it in fresh processes."""
    with tempfile.TemporaryDirectory(prefix="trustkit-bench-") as name:
        film, ours, bare = (Path(name, f"{part}.mov") for part in ("film", "ours", "bare"))
        _make(film)
        trustkit = command("trustkit")
        sign = [trustkit, "sign", str(film), "-o", str(ours), "--key", f"file:{KEY}", "-q"]
        sign += ["--source-type", "digitalCapture", "--no-soft-binding"]  # of manifests alone
        verify = [trustkit, "verify", str(ours), "--trust", str(TRUST / "test-signers.pem"), "-q"]
        verify += ["--only", "manifest"]
        python = [sys.executable, "-c"]
        peaks = {
            "engine alone, whole hash: sign": child(
                [*python, _BARE_SIGN, str(KEY), str(film), str(bare)]
            ),
            "engine alone, whole hash: verify": child([*python, _BARE_READ, str(bare)]),
            "trustkit sign (Merkle)": child(sign),
            "trustkit verify (Merkle)": child(verify),
        }
    figures = [
        Figure(what, (took.peak / 2**20,), "MB", BOUND_MB if "trustkit" in what else None)
        for what, took in peaks.items()
    ]
    figures += [Figure(f"{what}, CPU", (took.cpu,), "s") for what, took in peaks.items()]
    tell("memory", figures, f"a film of {MEGABYTES} MB; the largest single process of each call")


def _make(path: Path) -> None:
    block, at = os.urandom(_BLOCK), 0
    samples = _BLOCK // 4
    with av.open(str(path), "w") as film:
        sound = film.add_stream("pcm_s16le", rate=_RATE, layout="stereo")
        for _ in range(MEGABYTES):
            packet = av.Packet(block)
            packet.stream, packet.time_base = sound, Fraction(1, _RATE)
            packet.pts = packet.dts = at
            packet.duration = samples
            at += samples
            film.mux(packet)


if __name__ == "__main__":
    main()
