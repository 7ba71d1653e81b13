"""Pictures signed by the engine alone, with revocation statuses stapled to them, for tests."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import cbor2
from c2pa import Builder, C2paBuilderIntent, C2paDigitalSourceType, C2paSignerInfo, Context, Signer
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.command import MEDIA
from tests.ocsp import House

_SETTINGS: dict[str, Any] = {
    # The engine would not sign what it believes to be revoked.
    "verify": {"verify_after_sign": False, "remote_manifest_fetch": False},
    "builder": {"thumbnail": {"enabled": False}},
}


def sign(signer: House, target: Path, tsa: str = "", *responses: bytes) -> Path:
    """Sign a picture by the engine alone, with responses in a certificate-status assertion."""
    key = signer.leaf.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    info = C2paSignerInfo(b"es256", signer.chain, key, tsa.encode() or None)
    status = {
        "label": "c2pa.certificate-status",
        "data": {"ocspVals": [list(r) for r in responses]},
    }
    manifest = {
        "claim_generator_info": [{"name": "test", "version": "1"}],
        "assertions": [status] if responses else [],
    }
    builder = Builder(manifest, context=Context.from_dict(_SETTINGS))
    builder.set_intent(C2paBuilderIntent.CREATE, C2paDigitalSourceType.DIGITAL_CAPTURE)
    out = io.BytesIO()
    with (MEDIA / "scene.jpg").open("rb") as source, Signer.from_info(info) as engine:
        builder.sign(engine, "image/jpeg", source, out)
    target.write_bytes(out.getvalue())
    return target


def staple(path: Path, *responses: bytes) -> Path:
    """Put `responses` into the unprotected header of the signature in a JPEG, which it permits.

    They take the place of padding, so that nothing else in the file moves.
    """
    data = path.read_bytes()
    kind = data.index(b"cbor\xd2\x84", data.index(b"c2pa.signature\0"))
    start, size = kind + 4, int.from_bytes(data[kind - 4 : kind], "big") - 8
    sign1 = cbor2.loads(data[start : start + size])
    protected, unprotected, payload, signature = sign1.value
    headers = {**unprotected, "rVals": {"ocspVals": list(responses)}}
    over = len(_cose(protected, headers, payload, signature)) - size
    headers["pad"] = bytes(len(headers["pad"]) - over)
    while len(fresh := _cose(protected, headers, payload, signature)) < size:
        headers["pad"] += b"\0"  # a shorter length took fewer bytes
    assert len(fresh) == size
    path.write_bytes(data[:start] + fresh + data[start + size :])
    return path


def _cose(*parts: object) -> bytes:
    return cbor2.dumps(cbor2.CBORTag(18, list(parts)))
