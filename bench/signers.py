"""How many pictures a second a token signs, each with a time stamp from an authority on loopback.

The token is SoftHSM (apt install softhsm2), the authority openssl. Both take time of the same
cores as the command, which a token and an authority of flesh and blood would not.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.material import KEY, TRUST, draw_jpegs
from bench.measure import Child, Figure, child, command, tell
from tests.signers.softhsm import MODULE, PIN, UTIL, full_token
from tests.tsa import LocalTsa

FILES = 200
FEW = 10  # where looking for a mark takes most of the time
ROUNDS = 3
FLOOR = 5.0  # pictures a second, on two cores


def main() -> None:
    """Sign the same pictures through the token, with and without stamps, and with a key file."""
    if not (MODULE and UTIL):
        print("\nsigners\n  not measured: SoftHSM is not installed (apt install softhsm2)")
        return
    token = full_token()
    os.environ["TRUSTKIT_PKCS11_PIN"] = PIN
    with tempfile.TemporaryDirectory(prefix="trustkit-bench-") as name, LocalTsa() as tsa:
        folder = Path(name)
        drawn = folder / "drawn"
        draw_jpegs(drawn, FILES)
        few = folder / "few"
        few.mkdir()
        for path in sorted(drawn.iterdir())[:FEW]:
            shutil.copy(path, few)
        stamp = ("--tsa", tsa.url)
        plain = "--no-soft-binding"
        figures = [
            *_figures(
                "SoftHSM es256, stamped", drawn, token.uri("es256"), *stamp, plain, floor=FLOOR
            ),
            *_figures("SoftHSM ps256, stamped", drawn, token.uri("ps256"), *stamp, plain),
            *_figures("SoftHSM es256, no stamp", drawn, token.uri("es256"), plain),
            *_figures("file es256, no stamp", drawn, f"file:{KEY}", plain),
            *_figures("SoftHSM es256, stamped, marks looked for", few, token.uri("es256"), *stamp),
        ]
    tell(
        "signers",
        figures,
        f"{FILES} JPEGs of 110 to 160 KB in one call of `trustkit sign`, {FEW} with marks",
        "CPU is the command's own; openssl's, a process a stamp, comes on top of it",
    )


def _figures(
    what: str, pictures: Path, key: str, *options: str, floor: float | None = None
) -> Sequence[Figure]:
    count = len(list(pictures.iterdir()))
    done = [_signed(pictures, key, *options) for _ in range(ROUNDS)]
    rates = tuple(count / one.wall for one in done)
    cpu = tuple(1000 * one.cpu / count for one in done)
    return (
        Figure(f"{what}: pictures", rates, "/s", floor, is_floor=True),
        Figure(f"{what}: CPU a picture", cpu, "ms"),
    )


def _signed(pictures: Path, key: str, *options: str) -> Child:
    out = pictures.with_name("out")
    shutil.rmtree(out, ignore_errors=True)
    words = (command("trustkit"), "sign", str(pictures), "-r", "-o", f"{out}/", "--key", key)
    done = child((*words, "--source-type", "digitalCapture", *options, "-q"))
    # Nothing that was not read back and found good counts.
    lists = ("--trust", str(TRUST / "test-signers.pem"), "--tsa-trust", str(TRUST / "test-tsa.pem"))
    child((command("trustkit"), "verify", str(out), "-r", *lists, "--skip", "watermark"))
    if len(list(out.rglob("*.jpg"))) != len(list(pictures.iterdir())):
        raise RuntimeError("not every picture was signed")
    return done


if __name__ == "__main__":
    main()
