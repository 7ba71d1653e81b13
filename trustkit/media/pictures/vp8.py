"""How finely a lossy WebP was quantised: the first fields of a VP8 frame, RFC 6386 section 19.2."""

from __future__ import annotations

_START = 10  # bytes: frame tag, start code, width, height
_HALF = 128  # the even probability that all fields read here have
_STEPS = 127.0  # quantiser indices
_SURE = 90  # quality where the header cannot be read


class _Bits:
    """The boolean decoder of section 7.3, for even probabilities."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._value = int.from_bytes(data[:2], "big")
        self._at, self._range, self._count = 2, 255, 0

    def number(self, bits: int) -> int:
        """Return an unsigned number of so many bits, highest first."""
        found = 0
        for _ in range(bits):
            found = found * 2 + self._bit()
        return found

    def signed(self, bits: int) -> int:
        """Return a number with its sign behind it, or 0 where a flag says there is none."""
        if not self.number(1):
            return 0
        size = self.number(bits)
        return -size if self.number(1) else size

    def _bit(self) -> int:
        split = 1 + ((self._range - 1) * _HALF >> 8)
        bit = int(self._value >= split << 8)
        if bit:
            self._range -= split
            self._value -= split << 8
        else:
            self._range = split
        while self._range < _HALF:
            self._value, self._range = self._value << 1, self._range << 1
            self._count += 1
            if self._count == 8:  # noqa: PLR2004  # bits of a byte
                self._count = 0
                self._value |= self._data[self._at] if self._at < len(self._data) else 0
                self._at += 1
        return bit


def quality(frame: bytes) -> int:
    """Return libwebp's quality (0 to 100) that quantises about as finely as `frame` is."""
    if frame[3:6] != b"\x9d\x01\x2a":
        return _SURE
    bits = _Bits(frame[_START : _START + 256])
    bits.number(2)  # colour space, clamping
    segments: list[int] = []
    absolute = 0
    if bits.number(1):
        has_map, has_data = bits.number(1), bits.number(1)
        if has_data:
            absolute = bits.number(1)
            segments = [bits.signed(7) for _ in range(4)]
            for _ in range(4):
                bits.signed(6)
        if has_map:
            for _ in range(3):
                if bits.number(1):
                    bits.number(8)
    bits.number(1 + 6 + 3)  # loop filter: type, level, sharpness
    if bits.number(1) and bits.number(1):
        for _ in range(8):
            bits.signed(6)
    bits.number(2)  # partitions
    base = bits.number(7)
    indices = segments if absolute else [base + more for more in segments or [0]]
    # libwebp's own curve backwards: index = 127 (1 - c), c = cube root of a line with one knee.
    index = min(max(sum(indices) / len(indices), 0), _STEPS)
    linear = (1 - index / _STEPS) ** 3
    knee = 0.5
    return round(100 * (linear * 1.5 if linear < knee else (linear + 1) / 2))
