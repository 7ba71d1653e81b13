"""The index of a JPEG that is followed by further pictures: CIPA DC-007, used by Ultra HDR."""

from __future__ import annotations

_ENTRY_TAG = 0xB002
_ENTRY = 16  # bytes: attributes, size, offset, two dependants


def moved(index: bytes, first_size: int, shift: int) -> bytes:
    """Return `index` for a first picture of `first_size` bytes, with the others moved by `shift`.

    Offsets count from the index itself; 0 stands for the first picture. An index that is not
    understood is returned as it is.
    """
    order = {b"II": "little", b"MM": "big"}.get(index[:2])
    if order is None:
        return index
    found = bytearray(index)

    def number(at: int, size: int) -> int:
        return int.from_bytes(found[at : at + size], order)  # type: ignore[arg-type]

    def put(at: int, value: int) -> None:
        found[at : at + 4] = (value % 2**32).to_bytes(4, order)  # type: ignore[arg-type]

    at = number(4, 4)
    for entry in range(at + 2, min(at + 2 + 12 * number(at, 2), len(found)), 12):
        if number(entry, 2) != _ENTRY_TAG:
            continue
        first, count = number(entry + 8, 4), number(entry + 4, 4) // _ENTRY
        if first + count * _ENTRY > len(found):
            return index
        for number_of, picture in enumerate(range(first, first + count * _ENTRY, _ENTRY)):
            if number_of == 0:
                put(picture + 4, first_size)
            elif number(picture + 8, 4):
                put(picture + 8, number(picture + 8, 4) + shift)
    return bytes(found)
