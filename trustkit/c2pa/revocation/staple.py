"""Staple a status to a signature of ours, in the header that C2PA keeps for it (`rVals`).

The engine's Python side has no way to say this, so it is done to the finished file: the header is
not signed, and the response takes the place of zero padding that the engine leaves there. So no
byte moves, no hash changes, and what was signed is read back after it as ever.
"""

from __future__ import annotations

import mmap
import zlib
from pathlib import Path
from typing import Any

import cbor2

from trustkit.c2pa.cose import CoseError, box, labels
from trustkit.errors import PublishError

_SIGN1 = 18  # CBOR tag of COSE_Sign1 (RFC 9052 section 2)
_HEADS = ((0, 24), (1, 2**8), (2, 2**16), (4, 2**32))  # bytes of a length, and lengths below
_PNG_FIRST, _PNG_FRAME = 8, 12  # after the file's mark; around a chunk's data
_SEALED = ("zip", "epub", "opendocument", "openxml")  # with a checksum of their own over it


def stapled_store(store: bytes, response: bytes) -> bytes:
    """Return the manifest store with `response` stapled to its newest signature."""
    old, new = _signatures(store, response)
    return store.replace(old, new)


def staple(file: Path, media_type: str, store: bytes, response: bytes) -> None:
    """Staple `response` to the signature of `store`, which has just been written into `file`.

    Raises `PublishError` where the format scatters the manifest, or there is no room in it.
    """
    old, new = _signatures(store, response)
    if any(word in media_type for word in _SEALED):
        raise _unfit(media_type)
    with file.open("r+b") as stream, mmap.mmap(stream.fileno(), 0) as view:
        at = view.find(old)
        if at < 0:
            raise _unfit(media_type)
        view[at : at + len(old)] = new
        if media_type == "image/png":
            _mend_png(view, at)


def _unfit(media_type: str) -> PublishError:
    return PublishError(
        f"no status can be stapled inside {media_type}; nothing was written",
        "sign with --sidecar, or without --staple-status",
    )


def _signatures(store: bytes, response: bytes) -> tuple[bytes, bytes]:
    try:
        old = box(store, "c2pa", labels(store, "c2pa")[-1], "c2pa.signature")
        protected, headers, payload, signature = cbor2.loads(old).value
        new = _refilled(len(old), protected, dict(headers), payload, signature, response)
    except (CoseError, IndexError, ValueError, TypeError, AttributeError) as error:
        raise PublishError(
            f"the signature to staple to cannot be read: {error}", "please report this"
        ) from error
    if new is None:
        raise PublishError(
            f"a status of {len(response):,} bytes has no room beside the signature",
            "sign without --staple-status",
        )
    return old, new


def _refilled(
    size: int, protected: bytes, headers: dict[Any, Any], payload: Any, signature: bytes,
    response: bytes,
) -> bytes | None:  # fmt: skip
    # Some lengths cannot be met by one pad, as its own length takes one byte or two: hence pad2.
    for more in ({}, {"pad2": b""}):
        kept = {**headers, "rVals": {"ocspVals": [response]}, "pad": b"", **more}
        left = size - len(_encoded(protected, kept, payload, signature))
        for head, below in _HEADS:
            low = {0: 0, 1: 24, 2: 2**8, 4: 2**16}[head]
            if low <= left - head < below:
                return _encoded(protected, {**kept, "pad": bytes(left - head)}, payload, signature)
    return None


def _encoded(*parts: Any) -> bytes:
    return cbor2.dumps(cbor2.CBORTag(_SIGN1, list(parts)))


def _mend_png(view: mmap.mmap, at: int) -> None:
    # The checksum of the chunk that holds the manifest (PNG, section 5.3).
    start = _PNG_FIRST
    while start < len(view):
        length = int.from_bytes(view[start : start + 4], "big")
        end = start + 8 + length
        if start <= at < end:
            view[end : end + 4] = zlib.crc32(view[start + 4 : end]).to_bytes(4, "big")
            return
        start += _PNG_FRAME + length
