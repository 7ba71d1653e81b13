"""The wire format of protocol buffers, as far as an ONNX file needs it.

Source: protobuf.dev/programming-guides/encoding. Values are views of the message, so nothing is
copied, and what is written into one is written into the file's bytes. The library `onnx` would take
a second and three times the memory for a large model, and every user would have to install it.
"""

from __future__ import annotations

from collections.abc import Iterator

_VARINT, _FIXED64, _SIZED, _FIXED32 = 0, 1, 2, 5
_CONTINUES = 0x80
_MOST_TAG = 2**32 - 1  # of a longer one other readers drop bits, and find another field than we do


def fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yield number and value of each field; numbers of fixed width are passed over.

    Raises `ValueError` or `IndexError` for what is no message.
    """
    at, end = 0, len(message)
    while at < end:
        tag, at = _varint(message, at)
        number, wire = tag >> 3, tag & 7
        if not number or tag > _MOST_TAG:
            raise ValueError("no such field")
        if wire == _VARINT:
            value, at = _varint(message, at)
            yield number, value
            continue
        if wire == _SIZED:
            size, at = _varint(message, at)
        elif wire in {_FIXED64, _FIXED32}:
            size = 8 if wire == _FIXED64 else 4
        else:
            raise ValueError("no such wire type")
        if size > end - at:
            raise ValueError("a field ends after its message")
        if wire == _SIZED:
            yield number, message[at : at + size]
        at += size


def sized(number: int, value: bytes) -> bytes:
    """Return a field that holds a text or a message."""
    return _bytes(number << 3 | _SIZED) + _bytes(len(value)) + value


def whole(number: int, value: int) -> bytes:
    """Return a field that holds a number of no sign."""
    return _bytes(number << 3 | _VARINT) + _bytes(value)


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        byte = message[at]
        at += 1
        value |= (byte & ~_CONTINUES) << shift
        if byte < _CONTINUES:
            return value, at
    raise ValueError("a number has more than ten bytes")


def _bytes(value: int) -> bytes:
    found = bytearray()
    while value >= _CONTINUES:
        found.append(value & 0x7F | _CONTINUES)
        value >>= 7
    return bytes([*found, value])
