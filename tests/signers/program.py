"""A signing program for `cmd:`: signs standard input with the key file named, well or badly.

program.py KEY.pem [raw|der|short|flipped|garbage|nothing|loud|fail|hang|fork|daemon|env]
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

HASHES = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}


def sign(path: str, data: bytes, *, raw: bool) -> bytes:
    with open(path, "rb") as stream:  # noqa: PTH123
        key = serialization.load_pem_private_key(stream.read(), None)
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(data)
    digest = HASHES[os.environ["TRUSTKIT_ALGORITHM"][2:]]
    if isinstance(key, rsa.RSAPrivateKey):
        pss = padding.PSS(padding.MGF1(digest), padding.PSS.DIGEST_LENGTH)
        return key.sign(data, pss, digest)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    signature = key.sign(data, ec.ECDSA(digest))
    if not raw:
        return signature
    width = (key.curve.key_size + 7) // 8
    return b"".join(n.to_bytes(width, "big") for n in decode_dss_signature(signature))


def main() -> int:
    key, way = sys.argv[1], (sys.argv[2:] or ["raw"])[0]
    print("this program's own secret: hunter2", file=sys.stderr)
    out = sys.stdout.buffer
    match way:
        case "hang":
            time.sleep(60)
        case "fork":
            subprocess.Popen(["sleep", "60"])  # holds our output open
        case "daemon":
            subprocess.Popen(["sleep", "60"], start_new_session=True)  # so does this, out of reach
        case "fail":
            return 3
        case "nothing":
            return 0
        case "garbage":
            out.write(b"no signature at all")
        case "loud":
            out.write(b"x" * 2**20)
        case "env":
            with open(sys.argv[3], "w") as stream:  # noqa: PTH123
                json.dump(dict(os.environ), stream)
            out.write(sign(key, sys.stdin.buffer.read(), raw=True))
        case _:
            made = sign(key, sys.stdin.buffer.read(), raw=way != "der")
            if way == "short":
                made = made[:-1]
            if way == "flipped":
                made = made[:-1] + bytes([made[-1] ^ 1])
            out.write(made)
    return 0


if __name__ == "__main__":
    sys.exit(main())
