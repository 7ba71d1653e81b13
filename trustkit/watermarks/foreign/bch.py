"""The error-correcting code of TrustMark's payloads: BCH over GF(2^7), bits written MSB first.

The code has length 127 and corrects `t` flipped bits with 7 t check bits; a message is shorter and
stands for one with leading zeros. Written from the definition of the code and tested against what
the package `trustmark` writes.
"""

from __future__ import annotations

from collections.abc import Iterator

_FIELD = 0b10001001  # x^7 + x^3 + 1, which TrustMark calls 137
_ORDER = 127


def _powers() -> tuple[list[int], dict[int, int]]:
    powers, value = [], 1
    for _ in range(_ORDER):
        powers.append(value)
        value <<= 1
        if value > _ORDER:
            value ^= _FIELD
    return powers, {value: index for index, value in enumerate(powers)}


_POWER, _LOG = _powers()


def _times(first: int, second: int) -> int:
    if not first or not second:
        return 0
    return _POWER[(_LOG[first] + _LOG[second]) % _ORDER]


def _generator(t: int) -> int:
    """Return the product of (x - a^i) over the conjugates of a, a^3, ... as a binary polynomial."""
    roots = {odd * 2**turn % _ORDER for odd in range(1, 2 * t, 2) for turn in range(7)}
    product = [1]  # lowest power first
    for root in roots:
        shifted = [0, *product]
        scaled = [*(_times(value, _POWER[root]) for value in product), 0]
        product = [one ^ other for one, other in zip(shifted, scaled, strict=True)]
    return sum(bit << place for place, bit in enumerate(product))


def check_bits(message: int, t: int) -> int:
    """Return the 7 t check bits of a message."""
    generator = _generator(t)
    size = generator.bit_length() - 1
    rest = message << size
    while rest.bit_length() > size:
        rest ^= generator << (rest.bit_length() - 1 - size)
    return rest


def correct(word: int, length: int, t: int) -> tuple[int, int] | None:
    """Return the nearest code word of `length` bits and how many were flipped, or None."""
    places = [place for place in range(length) if word >> place & 1]
    syndromes = [_sum(_POWER[place * power % _ORDER] for place in places) for power in _upto(t)]
    if not any(syndromes):
        return word, 0
    locator = _locator(syndromes)
    wrong = [
        place
        for place in range(length)
        if not _sum(
            _times(value, _POWER[-place * power % _ORDER]) for power, value in enumerate(locator)
        )
    ]
    if len(locator) - 1 > t or len(wrong) != len(locator) - 1:
        return None
    for place in wrong:
        word ^= 1 << place
    return word, len(wrong)


def _upto(t: int) -> range:
    return range(1, 2 * t + 1)


def _sum(values: Iterator[int]) -> int:
    total = 0
    for value in values:
        total ^= value
    return total


def _locator(syndromes: list[int]) -> list[int]:
    """Return the polynomial whose roots name the flipped places (Berlekamp and Massey)."""
    current, last = [1], [1]
    size, gap, scale = 0, 1, 1
    for step, syndrome in enumerate(syndromes):
        known = (
            _times(current[i], syndromes[step - i]) for i in range(1, len(current)) if i <= step
        )
        miss = syndrome ^ _sum(known)
        if not miss:
            gap += 1
            continue
        factor = _POWER[(_LOG[miss] - _LOG[scale]) % _ORDER]
        shifted = [0] * gap + [_times(factor, value) for value in last]
        width = max(len(current), len(shifted))
        following = [
            one ^ other
            for one, other in zip(_padded(current, width), _padded(shifted, width), strict=True)
        ]
        if 2 * size <= step:
            last, size, scale, gap = current, step + 1 - size, miss, 1
        else:
            gap += 1
        current = following
    while not current[-1]:
        current.pop()
    return current


def _padded(values: list[int], width: int) -> list[int]:
    return values + [0] * (width - len(values))
