"""A large model made ready: inner tensors as outputs, weights that no processor saturates.

The file's bytes are changed in memory, in place, after they were verified.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from trustkit.detectors.wire import fields, sized, whole
from trustkit.errors import ConfigError

# onnx.proto3: the numbers of fields and of types.
_GRAPH, _NODE, _INITIALIZER, _OUTPUT = 7, 1, 5, 12
_NODE_INPUT, _NODE_OUTPUT, _NODE_OPERATOR = 1, 2, 4
_TENSOR_TYPE, _TENSOR_FLOATS, _TENSOR_INTEGERS, _TENSOR_NAME, _TENSOR_RAW = 2, 4, 5, 8, 9
_FLOAT, _INT8 = 1, 3
_HINT = "leave reduce_weights out of the card: this model was made in another way"


def with_outputs(model: bytes | bytearray, names: Iterable[str], shown: str) -> bytes:
    """Return the model with the tensors of these names as outputs too; raises `ConfigError`.

    A message that stands twice in a file is one message (protobuf.dev, "Last One Wins": lists are
    put together), so a second graph at the end that holds only outputs adds these.
    """
    made, known = _made(memoryview(model))
    wanted = list(names)
    if missing := [name for name in wanted if name not in made]:
        raise ConfigError(
            f"{shown} has no tensor named {missing[0]}", "the card's base.outputs are another's"
        )
    typed = sized(2, sized(1, whole(1, _FLOAT)))  # TypeProto.tensor_type.elem_type
    more = b"".join(
        sized(_OUTPUT, sized(1, name.encode()) + typed) for name in wanted if name not in known
    )
    return bytes(model) + (sized(_GRAPH, more) if more else b"")


def reduce_weights(model: bytearray, shown: str) -> int:
    """Halve the weights of a model in integers to 7 bits, double their scales; count them.

    Processors without VNNI add two products of 8 bits in 16, which saturates: the model then gives
    noise, and says nothing. With 7 bits of weight it cannot. Known are the names that onnxruntime's
    quantizer gives (NAME_quantized, NAME_scale); raises `ConfigError` for anything else.
    """
    tensors: dict[str, memoryview] = {}
    weights: dict[str, str] = {}  # name of a weight: of its zero point, or nothing
    for graph in _messages(memoryview(model), _GRAPH):
        for number, value in fields(graph):
            if isinstance(value, int):
                continue
            if number == _INITIALIZER:
                tensors[_text(value, _TENSOR_NAME)[0]] = value
            elif number == _NODE and _text(value, _NODE_OPERATOR) == ["MatMulInteger"]:
                inputs = [*_text(value, _NODE_INPUT), "", ""]
                weights[inputs[1]] = inputs[3]
    for weight, zero in weights.items():
        scale = f"{weight.removesuffix('_quantized')}_scale"
        if not weight.endswith("_quantized") or weight not in tensors or scale not in tensors:
            raise ConfigError(f"{shown}: the scale of {weight} is not known", _HINT)
        if zero and not _is_zero(tensors.get(zero)):
            raise ConfigError(f"{shown}: the zero point of {weight} is not 0", _HINT)
        _halve(_values(tensors[weight], _INT8, shown, weight))
        _double(_values(tensors[scale], _FLOAT, shown, scale))
    if not weights:
        raise ConfigError(f"{shown} has no weights of 8 bits to reduce", _HINT)
    return len(weights)


def _made(model: memoryview) -> tuple[set[str], set[str]]:
    # Names of all tensors that nodes make, and of those that are outputs already.
    made: set[str] = set()
    known: set[str] = set()
    for graph in _messages(model, _GRAPH):
        for number, value in fields(graph):
            if isinstance(value, int):
                continue
            if number == _NODE:
                made.update(_text(value, _NODE_OUTPUT))
            elif number == _OUTPUT:
                known.update(_text(value, 1)[:1])
    return made | known, known


def _messages(message: memoryview, wanted: int) -> list[memoryview]:
    return [v for number, v in fields(message) if number == wanted and not isinstance(v, int)]


def _text(message: memoryview, wanted: int) -> list[str]:
    return [bytes(v).decode("utf-8", "replace") for v in _messages(message, wanted)] or [""]


def _values(tensor: memoryview, kind: int, shown: str, name: str) -> memoryview:
    kinds = [value for number, value in fields(tensor) if number == _TENSOR_TYPE]
    raw = _messages(tensor, _TENSOR_RAW) or _messages(tensor, _TENSOR_FLOATS)
    if kinds != [kind] or len(raw) != 1:
        raise ConfigError(f"{shown}: {name} is kept in a way that is not known", _HINT)
    return raw[0]


def _is_zero(tensor: memoryview | None) -> bool:
    if tensor is None:
        return False
    stored = [
        value for number, value in fields(tensor) if number in {_TENSOR_RAW, _TENSOR_INTEGERS}
    ]
    return all(value == 0 if isinstance(value, int) else not any(value) for value in stored)


def _halve(values: memoryview) -> None:
    table = np.clip(np.rint(np.arange(256, dtype=np.uint8).view(np.int8) / 2), -64, 63)
    values[:] = bytes(values).translate(table.astype(np.int8).tobytes())


def _double(values: memoryview) -> None:
    array = np.frombuffer(values, "<f4")
    array *= np.float32(2)
