"""Whether a manifest store stands in a file exactly as it was written.

The engine reads stores loosely: a few bytes of lengths, labels and wrappers can be changed and it
does not notice, because no hash covers them. It hands back the store as it should be, so a file
that we have signed must hold those very bytes, in the wrapper that we know for each container.
Containers: C2PA 2.4 appendix A.
"""

from __future__ import annotations

import base64
import binascii
import struct
from collections.abc import Callable
from typing import BinaryIO

from trustkit.c2pa.uncovered import BMFF, boxes

_CHUNK = 2**24
_UUID = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")  # C2PA's box in ISO-BMFF
_JPEG_HEAD = 8  # common identifier, box instance, sequence number
_INSTANCE = 0x0211  # the box instance number that c2pa-rs gives
_SOS, _APP11 = 0xDA, 0xEB
_JUMBF_HEAD = 8  # length and type, repeated in each JPEG segment


def is_verbatim(stream: BinaryIO, media_type: str, store: bytes) -> bool:
    """Tell whether the file of kind `media_type` holds `store` byte for byte."""
    if media_type in BMFF:
        return _in_boxes(stream, store)
    if media_type in _READERS:
        stream.seek(0)
        return _READERS[media_type](stream.read(), store)
    return _contains(stream, store)


def _contains(stream: BinaryIO, store: bytes) -> bool:
    stream.seek(0)
    tail = b""
    while chunk := stream.read(_CHUNK):
        window = tail + chunk
        if store in window:
            return True
        tail = window[-len(store) :]
    return False


def _in_boxes(stream: BinaryIO, store: bytes) -> bool:
    # uuid, version and flags 0, purpose, offset of the Merkle boxes (none in what we write), store.
    head = b"uuid" + _UUID + bytes(4) + b"manifest\0" + bytes(8)
    for kind, start, size in boxes(stream):
        if kind == b"uuid":
            stream.seek(start + 4)
            if stream.read(min(size, len(head) + len(store))) == head + store:
                return True
    return False


def _in_png(content: bytes, store: bytes) -> bool:
    chunk = b"caBX" + store
    return (
        struct.pack(">I", len(store)) + chunk + struct.pack(">I", binascii.crc32(chunk)) in content
    )


def _in_jpeg(content: bytes, store: bytes) -> bool:
    # Segments of APP11, each with the same instance, numbered from 1; the JUMBF header is repeated.
    found, number, at = bytearray(), 1, 2
    while content[at : at + 1] == b"\xff" and content[at + 1] != _SOS:
        size = int.from_bytes(content[at + 2 : at + 4], "big")
        if content[at + 1] == _APP11 and len(found) < len(store):
            head = b"JP" + struct.pack(">HI", _INSTANCE, number)
            body = content[at + 4 : at + 2 + size]
            again = _JUMBF_HEAD if number > 1 else 0
            whole = body[_JPEG_HEAD : _JPEG_HEAD + again] == store[:again]
            if not body.startswith(head) or not whole:
                return False
            found += body[_JPEG_HEAD + again :]
            number += 1
        at += 2 + size
    return found == store


def _in_gif(content: bytes, store: bytes) -> bool:
    # An application extension: the store in sub-blocks of up to 255 bytes, each with its length.
    blocks = b"".join(
        bytes([len(part)]) + part
        for part in (store[i : i + 255] for i in range(0, len(store), 255))
    )
    return b"\x21\xff\x0bC2PA_GIF\x01\x00\x00" + blocks + b"\x00" in content


def _in_svg(content: bytes, store: bytes) -> bool:
    return base64.b64encode(store) in content


_READERS: dict[str, Callable[[bytes, bytes], bool]] = {
    "image/jpeg": _in_jpeg,
    "image/png": _in_png,
    "image/gif": _in_gif,
    "image/svg+xml": _in_svg,
}
