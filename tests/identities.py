"""Identity assertions as no honest tool writes them: changed, and the claim signed anew.

With the key of the claim's signer in hand, so that what is tested is the identity and nothing else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cbor2

from tests.command import KEYS
from trustkit.asset import open_asset
from trustkit.c2pa.cose import box
from trustkit.c2pa.identity_write import cose_sign1
from trustkit.c2pa.profiles.lint import read_chain
from trustkit.c2pa.read import Found, read
from trustkit.c2pa.settings import plain_context
from trustkit.signers import Signer
from trustkit.toolbox import open_signer

CLAIM_KEY = f"file:{KEYS / 'signer/es256'}"
OTHER = KEYS / "untrusted"
IDENTITY_KEY = f"file:{OTHER / 'key.pem'}?chain={OTHER / 'chain.pem'}"
_JUMB_HEAD = 8  # bytes: the hash of an assertion is over its box without size and type


def found(path: Path) -> Found:
    """Return what is read of the manifest inside `path`."""
    reading = read(open_asset(path), plain_context())
    assert isinstance(reading, Found)
    return reading


def assertion(path: Path) -> dict[str, Any]:
    """Return the identity assertion inside `path`, as CBOR has it."""
    value: dict[str, Any] = cbor2.loads(_content(found(path)))
    return value


def signed_again(payload: dict[str, Any], key: str = IDENTITY_KEY) -> bytes:
    """Return the signature of `key` over `payload`."""
    signer = open_signer(key, str)
    return cose_sign1(signer, _ders(signer), cbor2.dumps(payload))


def forge(path: Path, change: Callable[[dict[str, Any]], Any]) -> Path:
    """Let `change` alter the identity assertion in `path`, then make the claim fit it again.

    The assertion keeps its size: what is saved goes into its padding.
    """
    reading = found(path)
    before = _content(reading)
    value = cbor2.loads(before)
    after = change(value)
    if not isinstance(after, bytes):
        after = _padded(value, len(before))
    data = path.read_bytes()
    assert data.count(before) == 1, "the store is in one piece"
    claim_before = box(reading.store, "c2pa", reading.label, "c2pa.claim.v2")
    whole = data[: data.index(before)]
    start = whole.rindex(b"jumb", 0, whole.rindex(b"jumd")) + 4  # after size and type
    size = int.from_bytes(data[start - _JUMB_HEAD : start - 4], "big") - _JUMB_HEAD
    old_hash = hashlib.sha256(data[start : start + size]).digest()
    data = data.replace(before, after)
    new_hash = hashlib.sha256(data[start : start + size]).digest()
    assert claim_before.count(old_hash) == 1, "the claim has the hash of the assertion"
    claim = claim_before.replace(old_hash, new_hash)
    data = data.replace(claim_before, claim)
    path.write_bytes(_with_signature(data, reading, claim))
    return path


def _with_signature(data: bytes, reading: Found, claim: bytes) -> bytes:
    old = cbor2.loads(box(reading.store, "c2pa", reading.label, "c2pa.signature")).value
    signer = open_signer(CLAIM_KEY, str)
    new = signer.sign(cbor2.dumps(["Signature1", old[0], b"", claim]))
    assert data.count(old[3]) == 1
    return data.replace(old[3], new)


def _padded(value: dict[str, Any], size: int) -> bytes:
    value.pop("pad2", None)
    value["pad1"] = b""
    room = size - len(cbor2.dumps(value))
    assert room >= 0, "the assertion has grown"
    for pad in range(max(0, room - 8), room + 1):
        for second in (None, b"", b"\0", b"\0\0"):
            trial = {**value, "pad1": bytes(pad)} | ({} if second is None else {"pad2": second})
            if len(written := cbor2.dumps(trial)) == size:
                return written
    raise AssertionError(f"no padding makes {size} bytes")


def _content(reading: Found) -> bytes:
    return box(reading.store, "c2pa", reading.label, "c2pa.assertions", "cawg.identity")


def _ders(signer: Signer) -> list[bytes]:
    return [certificate.der for certificate in read_chain(signer.chain, "chain")]
