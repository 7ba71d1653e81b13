"""Small ONNX models with TrustMark's inputs and outputs, written without the package onnx.

The encoder adds 100 patterns of 16 x 16 cells to the picture, each cell a small chequer that smooth
content does not hold; the decoder takes the cells' chequers and correlates with the patterns.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float32] | NDArray[np.int64]

_FLOAT, _INT64, _INTS = 1, 7, 7


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def _field(number: int, value: int | bytes | str) -> bytes:
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    raw = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(raw)) + raw


def _node(kind: str, given: tuple[str, ...], made: str, **ints: tuple[int, ...]) -> bytes:
    out = b"".join(_field(1, name) for name in given) + _field(2, made) + _field(4, kind)
    for name, values in ints.items():
        each = b"".join(_field(8, value) for value in values)
        out += _field(5, _field(1, name) + each + _field(20, _INTS))
    return _field(1, out)


def _tensor(name: str, values: Values) -> bytes:
    kind = _INT64 if values.dtype == np.int64 else _FLOAT
    shape = b"".join(_field(1, size) for size in values.shape)
    return _field(5, shape + _field(2, kind) + _field(8, name) + _field(9, values.tobytes()))


def _port(field: int, name: str, shape: tuple[int, ...]) -> bytes:
    sizes = b"".join(_field(1, _field(1, size)) for size in shape)
    return _field(
        field, _field(1, name) + _field(2, _field(1, _field(1, _FLOAT) + _field(2, sizes)))
    )


def _model(*parts: bytes) -> bytes:
    opset = _field(8, _field(1, "") + _field(2, 13))
    return _field(1, 8) + opset + _field(7, b"".join(parts) + _field(2, "standin"))


def _patterns() -> NDArray[np.float32]:
    cells = np.random.default_rng(5).choice([-1.0, 1.0], (100, 3, 16, 16))
    cells -= cells.mean((2, 3), keepdims=True)
    return cells.reshape(100, 768).astype(np.float32)


@cache
def encoder(loudness: float = 0.006) -> bytes:
    return _model(
        _node("Sub", ("onnx::Gemm_1", "half"), "signed"),
        _node("MatMul", ("signed", "patterns"), "flat"),
        _node("Reshape", ("flat", "shape"), "small"),
        _node("ConvTranspose", ("small", "chequer"), "large", strides=(16, 16)),
        _node("Add", ("onnx::Concat_0", "large"), "image"),
        _tensor("half", np.full(1, 0.5, np.float32)),
        _tensor("patterns", _patterns() * np.float32(2 * loudness)),
        _tensor("shape", np.array([1, 3, 16, 16], np.int64)),
        _tensor("chequer", _chequer()),
        _port(11, "onnx::Concat_0", (1, 3, 256, 256)),
        _port(11, "onnx::Gemm_1", (1, 100)),
        _port(12, "image", (1, 3, 256, 256)),
    )


def _chequer() -> NDArray[np.float32]:
    """Return the kernel from each of three channels to itself: four squares of 8 x 8 pixels."""
    cell = np.kron([[1, -1], [-1, 1]], np.ones((8, 8)))
    return (np.eye(3)[:, :, None, None] * cell).astype(np.float32)


@cache
def decoder() -> bytes:
    return _model(
        _node("Conv", ("image", "chequer"), "small", strides=(16, 16)),
        _tensor("chequer", _chequer()),
        _node("Reshape", ("small", "shape"), "flat"),
        _node("MatMul", ("flat", "patterns"), "output"),
        _tensor("shape", np.array([1, 768], np.int64)),
        _tensor(
            "patterns",
            np.ascontiguousarray(np.linalg.pinv(_patterns().astype(np.float64)), dtype=np.float32),
        ),
        _port(11, "image", (1, 3, 256, 256)),
        _port(12, "output", (1, 100)),
    )


def write(folder: Path, variant: str = "Q") -> dict[str, str]:
    """Write both models into a folder, and return their SHA-256s by name."""
    models = {f"encoder_{variant}.onnx": encoder(), f"decoder_{variant}.onnx": decoder()}
    for name, model in models.items():
        (folder / name).write_bytes(model)
    return {name: hashlib.sha256(model).hexdigest() for name, model in models.items()}
