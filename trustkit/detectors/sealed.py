"""What an ONNX file may refer to: nothing but itself.

An ONNX file may name tensors in other files, operators of loaded libraries, and compiled contexts
in files of an accelerator. onnxruntime would look for the first in the current folder. None of
these is covered by the file's SHA-256, so all are refused before onnxruntime sees the bytes.

Read here are the few fields that say so (onnx.proto3).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

from trustkit.detectors.wire import fields
from trustkit.errors import ConfigError

_DOMAINS = {b"", b"ai.onnx", b"ai.onnx.ml", b"com.microsoft"}  # what onnxruntime itself brings
_REACHING = {b"EPContext"}  # names a file of an accelerator's
_EXTERNAL = 1  # TensorProto.DataLocation.EXTERNAL
_DEEPEST = 64
_MOST_FIELDS = 1_000_000  # CLIP has 20,000; an archive of a megabyte can hold 200 millions
_32_BITS = 2**32 - 1  # of an enumeration: readers drop the others
# Which fields of a message hold which messages.
_WITHIN: dict[str, dict[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
}
_TENSOR_EXTERNAL, _TENSOR_LOCATION = 13, 14
_NODE_OPERATOR, _NODE_DOMAIN = 4, 7


def refuse_reaching(model: bytes | bytearray, shown: str) -> None:
    """Raise `ConfigError` where a model refers to anything outside of its own bytes."""
    try:
        reason = _reason(memoryview(model), "model", 0, count(1))
    except (IndexError, ValueError) as error:
        raise ConfigError(f"{shown} is not an ONNX model", "name a model.onnx") from error
    if reason:
        raise ConfigError(f"{shown} {reason}", "only models that are whole in themselves are run")


def _reason(message: memoryview, kind: str, depth: int, counted: Iterator[int]) -> str:
    if depth > _DEEPEST:
        raise ValueError("nested too deeply")
    within = _WITHIN[kind]
    for number, value in fields(message):
        if next(counted) > _MOST_FIELDS:
            raise ValueError("too many fields")
        if isinstance(value, int):
            if kind == "tensor" and number == _TENSOR_LOCATION and value & _32_BITS == _EXTERNAL:
                return "keeps tensors in other files"
        elif number in within:
            if found := _reason(value, within[number], depth + 1, counted):
                return found
        elif kind == "tensor" and number == _TENSOR_EXTERNAL:
            return "keeps tensors in other files"
        elif kind == "node" and number == _NODE_DOMAIN and bytes(value) not in _DOMAINS:
            return f"needs operators of {bytes(value[:60]).decode('ascii', 'replace')}"
        elif kind == "node" and number == _NODE_OPERATOR and bytes(value) in _REACHING:
            return "names a compiled file of an accelerator"
    return ""
