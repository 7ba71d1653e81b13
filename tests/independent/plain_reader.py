"""A reader of whole copies marked with `org.trustkit.tiles.1`: numpy and docs/watermark-format.md.

It shares no line with trustkit, on purpose. It is slow and plain, and finds no crops.
"""

from __future__ import annotations

import hashlib
import hmac
import math

import numpy as np

NAME = "org.trustkit.tiles.1"
PUBLIC = hashlib.sha256(b"org.trustkit.watermark public key 1").digest()
OCTAL = "12133 17647 13163 16675 15271 14337 11241 10465 14457 12751 17313 11655"
GENERATORS = [int(word, 8) for word in OCTAL.split()]


def derived(master: bytes, label: str) -> bytes:
    """HKDF-SHA256 without salt, one block."""
    secret = hmac.digest(bytes(32), master, "sha256")
    return hmac.digest(secret, label.encode() + b"\x01", "sha256")


def waves() -> list[tuple[int, int]]:
    """All waves (kx, ky), in order."""
    return [
        (kx, ky)
        for ky in range(-26, 27)
        for kx in range(27)
        if 9 <= kx * kx + ky * ky <= 676 and (kx > 0 or ky > 0)
    ]


def draw(a: int, b: int) -> int:
    return hashlib.sha256(f"{NAME} {a} {b}".encode()).digest()[0]


def is_sync(kx: int, ky: int) -> bool:
    a, b = max(abs(kx), abs(ky)), min(abs(kx), abs(ky))
    return draw(a, b) < (64 if kx * kx + ky * ky <= 361 else 26)


def turns(master: bytes) -> np.ndarray:
    """p[j] of every wave."""
    stream = hashlib.shake_256(derived(master, f"{NAME} phases")).digest(2 * len(waves()))
    return np.frombuffer(stream, ">u2")


def places(key: bytes, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each position its generator, its step, and the bit that scrambles it."""
    stream = hashlib.shake_256(b"org.trustkit.watermark code 1" + n.to_bytes(4, "big") + key)
    data = stream.digest(9 * n)
    words = [int.from_bytes(data[8 * i : 8 * i + 8], "big") for i in range(n)]
    generator, step = np.zeros(n, int), np.zeros(n, int)
    for p, i in enumerate(sorted(range(n), key=lambda i: (words[i], i))):
        generator[i], step[i] = p // 64 % 12, 39 * (p % 64) % 64
    return generator, step, np.frombuffer(data[8 * n :], np.uint8) & 1


def signs(payload: bytes, key: bytes, n: int) -> np.ndarray:
    """The code word of a payload."""
    u = [payload[t // 8] >> (7 - t % 8) & 1 for t in range(64)]
    coded = np.zeros((12, 64), int)
    for g, taps in enumerate(GENERATORS):
        for t in range(64):
            coded[g, t] = sum(u[(t - b) % 64] for b in range(13) if taps >> b & 1) % 2
    generator, step, scramble = places(key, n)
    return 1 - 2 * (coded[generator, step] ^ scramble)


def tile(payload: bytes, master: bytes) -> np.ndarray:
    """t(x, y) as [y, x], every amplitude 1."""
    k = np.array(waves())
    synced = np.array([is_sync(kx, ky) for kx, ky in k.tolist()])
    w = np.exp(2j * np.pi * turns(master) / 65536)
    c = signs(payload, derived(master, f"{NAME} code"), 2 * int((~synced).sum()))
    w[~synced] *= (c[0::2] + 1j * c[1::2]) / math.sqrt(2)
    y, x = np.mgrid[0:64, 0:64]
    return sum((w[j] * np.exp(2j * np.pi * (kx * x + ky * y) / 64)).real
               for j, (kx, ky) in enumerate(k.tolist()))  # fmt: skip


def decode(v: np.ndarray, key: bytes) -> tuple[bytes, float]:
    """The payload whose signs fit best, and its z: Viterbi, three times round the ring."""
    generator, step, scramble = places(key, len(v))
    soft = np.zeros((12, 64))
    np.add.at(soft, (generator, step), v * (1 - 2.0 * scramble))
    register = np.arange(8192)  # the last 13 inputs, the newest lowest
    branch = np.zeros((12, 8192))
    for g, taps in enumerate(GENERATORS):
        branch[g] = [1 - 2 * (int(r & taps).bit_count() % 2) for r in register.tolist()]
    metric, choices = np.zeros(4096), []
    for turn in range(192):
        reached = metric[register >> 1] + soft[:, turn % 64] @ branch
        halves = reached.reshape(2, 4096)  # the oldest input 0 or 1; the rest is the new state
        choices.append(halves[1] > halves[0])
        metric = halves.max(0)
    state, bits = int(metric.argmax()), []
    for chosen in reversed(choices):
        bits.append(state & 1)
        state = state >> 1 | int(chosen[state]) << 11
    middle = bits[::-1][64:128]
    payload = bytes(int("".join(map(str, middle[i : i + 8])), 2) for i in range(0, 64, 8))
    z = float(v @ signs(payload, key, len(v)) / (np.linalg.norm(v) + 1e-9))
    return payload, z


def shrunk(count: int, size: int) -> np.ndarray:
    """The matrix (size, count) that averages `count` pixels into `size` samples."""
    edges = np.arange(size + 1) * count / size
    at = np.arange(count)
    share = np.minimum(edges[1:, None], at + 1) - np.maximum(edges[:-1, None], at)
    return np.maximum(share, 0) * size / count


def blurred(plane: np.ndarray, sigma: float) -> np.ndarray:
    reach = np.fft.fftfreq(plane.shape[0])[:, None] ** 2 + np.fft.fftfreq(plane.shape[1]) ** 2
    return np.fft.ifft2(np.fft.fft2(plane) * np.exp(-2 * (np.pi * sigma) ** 2 * reach)).real


def read(rgb: np.ndarray, master: bytes = PUBLIC) -> tuple[bytes, float] | None:
    """Read an RGB picture (height, width, 3) of 0 to 255: (payload, z), or None."""
    luma = rgb @ np.array([0.299, 0.587, 0.114])
    height, width = luma.shape
    s = 320 / math.sqrt(width * height)
    plane = shrunk(height, max(8, round(height * s))) @ luma
    plane = plane @ shrunk(width, max(8, round(width * s))).T
    plane -= blurred(plane, 2.5)
    plane /= 1 + blurred(np.abs(plane), 3)
    k = np.array(waves())
    synced = np.array([is_sync(kx, ky) for kx, ky in k.tolist()])
    away = np.exp(-2j * np.pi * turns(master) / 65536)
    ways = []
    for quarter in range(4):
        for mirrored in (False, True):
            laid = np.rot90(plane[:, ::-1] if mirrored else plane, quarter)
            seen = np.zeros([-(-side // 64) * 64 for side in laid.shape])
            seen[: laid.shape[0], : laid.shape[1]] = laid
            folded = seen.reshape(seen.shape[0] // 64, 64, -1, 64).sum((0, 2))
            ways.append(np.fft.fft2(folded)[k[:, 1] % 64, k[:, 0] % 64] * away)
    best = max(ways, key=lambda unit: unit.real[synced].sum())
    ring = np.hypot(*k.T).astype(int)
    best = best / (np.bincount(ring, np.abs(best)) / np.maximum(np.bincount(ring), 1) + 1e-9)[ring]
    v = np.stack([best.real, best.imag], 1)[~synced].reshape(-1)
    payload, z = decode(v, derived(master, f"{NAME} code"))
    return (payload, z) if z * z / (2 * math.log(2)) >= 64 + 28 else None
