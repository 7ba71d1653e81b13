"""A reader of `org.trustkit.ripples.1`: numpy and docs/watermark-sound-format.md.

It shares no line with trustkit, on purpose. It is plain, and reads no copy that was retimed.
"""

from __future__ import annotations

import hashlib
import hmac
import math

import numpy as np

NAME = "org.trustkit.ripples.1"
PUBLIC = hashlib.sha256(b"org.trustkit.watermark public key 1").digest()
OCTAL = "12133 17647 13163 16675 15271 14337 11241 10465 14457 12751 17313 11655"
GENERATORS = [int(word, 8) for word in OCTAL.split()]
LOWEST, PERIOD, SPAN = 250.0, 2.56, 1.5  # Hz, seconds, octaves


def derived(master: bytes, label: str) -> bytes:
    """HKDF-SHA256 without salt, one block."""
    secret = hmac.digest(bytes(32), master, "sha256")
    return hmac.digest(secret, label.encode() + b"\x01", "sha256")


def waves() -> list[tuple[int, int]]:
    """All waves (kt, kf), in order."""
    return [(kt, kf) for kf in range(1, 9) for kt in range(-48, 49) if abs(kt) >= 5]


def draw(kt: int, kf: int) -> int:
    return hashlib.sha256(f"{NAME} {kt} {kf}".encode()).digest()[0]


def synced() -> np.ndarray:
    """Which waves are sync waves."""
    return np.array([draw(kt, kf) < 64 for kt, kf in waves()])


def turns(master: bytes) -> np.ndarray:
    """p[j] of every wave."""
    stream = hashlib.shake_256(derived(master, f"{NAME} phases")).digest(2 * len(waves()))
    return np.frombuffer(stream, ">u2")


def places(key: bytes, n: int, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each position its generator, its step, and the bit that scrambles it."""
    stream = hashlib.shake_256(b"org.trustkit.watermark code 1" + n.to_bytes(4, "big") + key)
    data = stream.digest(9 * n)
    words = [int.from_bytes(data[8 * i : 8 * i + 8], "big") for i in range(n)]
    generator, step = np.zeros(n, int), np.zeros(n, int)
    for p, i in enumerate(sorted(range(n), key=lambda i: (words[i], i))):
        generator[i], step[i] = p // size % 12, 39 * (p % size) % size
    return generator, step, np.frombuffer(data[8 * n :], np.uint8) & 1


def signs(payload: bytes, key: bytes, n: int) -> np.ndarray:
    """The code word of a payload."""
    size = 8 * len(payload)
    u = [payload[t // 8] >> (7 - t % 8) & 1 for t in range(size)]
    coded = np.zeros((12, size), int)
    for g, taps in enumerate(GENERATORS):
        for t in range(size):
            coded[g, t] = sum(u[(t - b) % size] for b in range(13) if taps >> b & 1) % 2
    generator, step, scramble = places(key, n, size)
    return 1 - 2 * (coded[generator, step] ^ scramble)


def pattern(payload: bytes, master: bytes, seconds: np.ndarray, hertz: np.ndarray) -> np.ndarray:
    """p(t, f) as [t, f], every amplitude 1."""
    sync = synced()
    w = np.exp(2j * np.pi * turns(master) / 65536)
    key = derived(master, f"{NAME} code {8 * len(payload)}")
    c = signs(payload, key, 2 * int((~sync).sum()))
    w[~sync] *= (c[0::2] + 1j * c[1::2]) / math.sqrt(2)
    kt, kf = np.array(waves()).T
    down = np.exp(2j * np.pi * np.outer(seconds / PERIOD, kt))
    across = np.exp(2j * np.pi * np.outer(kf, np.log2(hertz / LOWEST) / SPAN))
    return (down * w @ across).real


def decode(v: np.ndarray, key: bytes, size: int) -> tuple[bytes, float]:
    """The payload whose signs fit best, and its z: Viterbi, three times round the ring."""
    generator, step, scramble = places(key, len(v), size)
    soft = np.zeros((12, size))
    np.add.at(soft, (generator, step), v * (1 - 2.0 * scramble))
    register = np.arange(8192)  # the last 13 inputs, the newest lowest
    branch = np.zeros((12, 8192))
    for g, taps in enumerate(GENERATORS):
        branch[g] = 1 - 2.0 * (np.bitwise_count(register & taps) % 2)
    metric, choices = np.zeros(4096), []
    for turn in range(3 * size):
        reached = metric[register >> 1] + soft[:, turn % size] @ branch
        halves = reached.reshape(2, 4096)  # the oldest input 0 or 1; the rest is the new state
        choices.append(halves[1] > halves[0])
        metric = halves.max(0)
    state, bits = int(metric.argmax()), []
    for chosen in reversed(choices):
        bits.append(state & 1)
        state = state >> 1 | int(chosen[state]) << 11
    middle = bits[::-1][size : 2 * size]
    payload = bytes(int("".join(map(str, middle[i : i + 8])), 2) for i in range(0, size, 8))
    return payload, float(v @ signs(payload, key, len(v)) / (np.linalg.norm(v) + 1e-9))


def blurred(plane: np.ndarray, rows: float, bands: float) -> np.ndarray:
    for sigma in (rows, bands):
        at = np.arange(len(plane))
        weights = np.exp(-0.5 * (np.subtract.outer(at, at) / sigma) ** 2)
        plane = (weights @ plane / weights.sum(1, keepdims=True)).T
    return plane


def loudness(sound: np.ndarray, rate: int) -> np.ndarray:
    """The dB of 58 bands, a semitone each, every hundredth of a second."""
    half = round(0.016 * rate)
    padded = np.pad(sound, ((0, 0), (half, half)))
    at = np.rint(np.arange(0, sound.shape[1], 0.01 * rate)).astype(int)
    cut = padded[:, at[:, None] + np.arange(2 * half)] * np.hanning(2 * half)
    power = (np.abs(np.fft.rfft(cut)) ** 2).sum(0)
    middle = LOWEST * 2 ** (np.arange(58) / 12)
    apart = np.abs(np.arange(half + 1)[:, None] * rate / (2 * half) - middle)
    energy = power @ np.maximum(0, 1 - apart / np.maximum(middle / 17, 45))
    return 10 * np.log10(energy + 1e-5 * energy.mean() + 1e-20)


def read(sound: np.ndarray, rate: int, master: bytes = PUBLIC) -> tuple[bytes, float] | None:
    """Read a sound (channels, samples) of -1 to 1: (payload, z), or None."""
    plane = loudness(sound, rate)
    plane -= blurred(plane, 6, 3)
    near = blurred(np.abs(plane), 8, 4) + 0.3
    plane = np.clip(plane / near, -2.5, 2.5)
    kt, kf = np.array(waves()).T
    down = np.exp(-2j * np.pi / 256 * np.outer(kt, np.arange(len(plane))))
    across = np.exp(-2j * np.pi / 18 * np.outer(np.arange(58), kf))
    f = (down.T * (plane @ across)).sum(0)
    beside = np.exp(-0.5 * (np.subtract.outer(abs(kt), abs(kt)) / 6.0) ** 2)
    beside *= np.abs(np.subtract.outer(kf, kf)) <= 1
    f /= beside @ np.abs(f) / beside.sum(1) + 1e-9
    f *= np.exp(-2j * np.pi * turns(master) / 65536)
    sync = synced()
    delays = np.exp(-2j * np.pi / 256 * np.outer(np.arange(256), kt))
    f *= delays[(f * delays)[:, sync].real.sum(1).argmax()]
    v = np.stack([f.real, f.imag], 1)[~sync].reshape(-1)
    for size in (32, 64):
        payload, z = decode(v, derived(master, f"{NAME} code {size}"), size)
        if z * z / (2 * math.log(2)) >= size + 26:
            return payload, z
    return None
