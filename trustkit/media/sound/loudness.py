"""How loud a sound is: the integrated loudness of ITU-R BS.1770-5 and EBU R 128, in LUFS."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from trustkit.media.sound import Block

_WINDOW, _STEP = 0.4, 0.1  # seconds
_OFFSET = -0.691  # dB
_ABSOLUTE, _RELATIVE = -70.0, -10.0  # gates: LUFS, and LU below the mean
# The two filters for 48 kHz: a head's shelf, then the high-pass. Coefficients of z^0, z^-1, z^-2.
_SHELF = (1.53512485958697, -2.69169618940638, 1.19839281085285)
_SHELF_BELOW = (1.0, -1.69065929318241, 0.73248077421585)
_PASS, _PASS_BELOW = (1.0, -2.0, 1.0), (1.0, -1.99004745483398, 0.99007225036621)
_FILTERS = ((_SHELF, _SHELF_BELOW), (_PASS, _PASS_BELOW))
_FILTER_RATE = 48_000.0
_SURROUND = {5: (1, 1, 1, 1.41, 1.41), 6: (1, 1, 1, 0, 1.41, 1.41)}  # without the bass channel


def loudness(blocks: Iterable[Block], rate: int) -> float:
    """Return the loudness of blocks (channels, n) of one sound, -inf where it is silent.

    Weighted by spectrum in each window, which differs from the standard's filters in time by less
    than 0.1 LU. What is shorter than 0.4 seconds counts as if it were so long.
    """
    size, step = round(_WINDOW * rate), round(_STEP * rate)
    weights = _weighting(size, rate)
    energies, waiting = list[float](), np.zeros((0, 0), np.float32)
    for block in blocks:
        waiting = block if not waiting.size else np.concatenate([waiting, block], axis=1)
        while waiting.shape[1] >= size:
            energies.append(_energy(waiting[:, :size], weights))
            waiting = waiting[:, step:]
    if not energies and waiting.size:
        padded = np.pad(waiting, ((0, 0), (0, size - waiting.shape[1])))
        energies.append(_energy(padded, weights))
    return _gated(np.array(energies))


def _gated(energies: NDArray[np.float64]) -> float:
    for gate in (_ABSOLUTE, None):
        if not len(energies) or not energies.any():
            return -math.inf
        level = _level(energies) if len(energies) else np.zeros(0)
        threshold = gate if gate is not None else float(_level(energies.mean())) + _RELATIVE
        energies = energies[level > threshold]
    return float(_level(energies.mean())) if len(energies) else -math.inf


def _level(energy: NDArray[np.float64] | float) -> NDArray[np.float64]:
    return np.asarray(_OFFSET + 10 * np.log10(np.maximum(energy, 1e-30)))


def _energy(window: Block, weights: NDArray[np.float64]) -> float:
    spectrum = np.abs(np.fft.rfft(window, axis=1)) ** 2
    each = spectrum @ weights
    shares = _SURROUND.get(len(window), (1,) * len(window))
    return float(each @ np.asarray(shares, np.float64))


def _weighting(size: int, rate: int) -> NDArray[np.float64]:
    """Return what each bin of a window's power spectrum adds to its mean square (Parseval)."""
    hertz = np.minimum(np.fft.rfftfreq(size, 1 / rate), _FILTER_RATE / 2)
    delay = np.exp(-2j * np.pi * hertz / _FILTER_RATE)
    powers = np.stack([np.ones_like(delay), delay, delay**2])
    gain = np.ones(len(hertz))
    for above, below in _FILTERS:
        gain *= np.abs(np.array(above) @ powers) ** 2 / np.abs(np.array(below) @ powers) ** 2
    sides = np.full(len(hertz), 2.0)
    sides[0] = 1.0
    if size % 2 == 0:
        sides[-1] = 1.0
    weights: NDArray[np.float64] = gain * sides / size**2
    return weights
