"""The engine TrustMark (Adobe), run on weights that the user brings, without torch or network.

The package `trustmark` fetches its weights while it runs and checks them by MD5; here nothing is
fetched, and a file whose SHA-256 is not the one on the user's card is not opened. What is loaded is
the ONNX edition that Adobe publishes beside its Rust and JavaScript code (encoder_Q.onnx and
decoder_Q.onnx, likewise B, C and P; MIT). The card is `trustmark.toml` in the folder:

    [sha256]
    "encoder_Q.onnx" = "64 hex digits"
    "decoder_Q.onnx" = "64 hex digits"

Without an encoder the engine reads only. We write schema BCH_4 (68 bits: 64 of payload and four
zeros as a check) and read BCH_4 so written, BCH_5 (the default of others, 61 bits) and BCH_SUPER
(40 bits), padded with zeros to bytes; BCH_3 is refused, as one random reading in 14 would pass.

The code that corrects is also the only presence test, which makes it a weak one:
`false_positive_bound` is 1.7e-4, for readings whose bits are coin tosses. NOT tested: Adobe's own
weights, which were not at hand. Tested are the payload's code, bit for bit against trustmark 0.9.2,
and everything around the model with a stand-in of the same inputs and outputs. Adobe's Python
decodes at 245 pixels where ONNX asks for 256, and enlarges the mark by torch's bilinear filter.
"""

from __future__ import annotations

import hashlib
import math
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import onnxruntime
from numpy.typing import NDArray
from PIL import Image

from trustkit.errors import ConfigError, UsageError
from trustkit.watermarks import Array, Mark, Search
from trustkit.watermarks.foreign import as_rgb8, bch, carry_over

CARD = "trustmark.toml"
MAX_WEIGHTS = 512 * 1024**2  # Adobe's largest is 47 MB
MAX_CARD = 64 * 1024
SECRET_BITS = 100
_FILE = re.compile(r"(encoder|decoder)_([BCPQ])\.onnx")
_WIDE = 2.0  # beyond this aspect only the middle square is marked; variant P always does so
_FEATHER = 0.01  # of the marked part's shorter side, at most 50 pixels
_HINT = f"write their SHA-256 into {CARD} in that folder, under [sha256]"


class Schema(NamedTuple):
    """How the 100 bits are split: data, then 7 t check bits, then the version in four."""

    name: str
    version: int
    data: int
    t: int
    zeros: int = 0  # the last data bits that must be zero


OURS = Schema("BCH_4", 2, 68, 4, zeros=4)
SCHEMAS = (OURS, Schema("BCH_5", 1, 61, 5), Schema("BCH_SUPER", 0, 40, 8))


def pack(payload: bytes, schema: Schema = OURS) -> str:
    """Return the 100 bits that stand for a payload."""
    bits = "".join(f"{byte:08b}" for byte in payload)
    if len(bits) > schema.data - schema.zeros:
        raise UsageError(
            f"TrustMark carries {OURS.data - OURS.zeros} bits, not {len(bits)}",
            "give 16 hex digits",
        )
    data = bits.ljust(schema.data, "0")
    check = bch.check_bits(int(data + _pad(schema), 2), schema.t)
    return f"{data}{check:0{7 * schema.t}b}{schema.version:04b}"


def unpack(bits: str) -> tuple[bytes, Schema, int] | None:
    """Return the payload, its schema and how many bits were wrong, or None when nothing fits."""
    schema = next((each for each in SCHEMAS if f"{each.version:04b}" == bits[-4:]), None)
    if schema is None:
        return None
    pad = _pad(schema)
    word = bits[: schema.data] + pad + bits[schema.data : -4]
    found = bch.correct(int(word, 2), len(word), schema.t)
    if found is None:
        return None
    data = f"{found[0]:0{len(word)}b}"[: schema.data + len(pad)]
    payload = data[: schema.data - schema.zeros]
    if "1" in data[len(payload) :]:
        return None
    whole = payload.ljust(math.ceil(len(payload) / 8) * 8, "0")
    return int(whole, 2).to_bytes(len(whole) // 8, "big"), schema, found[1]


def false_positive_bound() -> float:
    """Return the odds that 100 coin tosses pass: the spheres around the code words, by schema."""
    return sum(
        sum(math.comb(SECRET_BITS - 4, flips) for flips in range(schema.t + 1))
        / 2.0 ** (7 * schema.t + schema.zeros + 4)
        for schema in SCHEMAS
    )


def _pad(schema: Schema) -> str:
    return "0" * (-schema.data % 8)  # TrustMark computes the check over whole bytes


class TrustMark:
    """An engine of the `Watermark` protocol over weights in `folder`, pinned by SHA-256."""

    kind = "image"

    def __init__(self, folder: Path, sha256s: Mapping[str, str] | None = None) -> None:
        pins = _read_card(folder / CARD) if sha256s is None else dict(sha256s)
        named = {match.groups(): name for name in pins if (match := _FILE.fullmatch(name))}
        variants = {variant for _, variant in named}
        if len(variants) != 1 or ("decoder", *variants) not in named or len(named) != len(pins):
            raise ConfigError(
                "TrustMark needs decoder_Q.onnx, and encoder_Q.onnx to mark, of one variant", _HINT
            )
        (self._variant,) = variants
        decoder = named["decoder", self._variant]
        self._decoder = _load(folder / decoder, pins[decoder], pictures=1, secrets=0)
        encoder = named.get(("encoder", self._variant))
        self._encoder = encoder and _load(folder / encoder, pins[encoder], pictures=1, secrets=1)

    @property
    def name(self) -> str:
        """The name that C2PA's list of soft bindings gives this variant."""
        return f"com.adobe.trustmark.{self._variant}"

    @property
    def capacity(self) -> int:
        """The payload's size in bits."""
        return OURS.data - OURS.zeros

    def embed(self, array: Array, payload: bytes) -> Array:
        """Return a marked copy; it is not read back.

        Raises `UsageError` for a grey picture or a payload that is not of 64 bits, and
        `ConfigError` when the card names no encoder.
        """
        if not self._encoder:
            raise ConfigError("this TrustMark reads only: its card names no encoder", _HINT)
        if len(payload) * 8 != self.capacity:
            raise UsageError(
                f"TrustMark carries {self.capacity} bits, not {len(payload) * 8}",
                "give 16 hex digits",
            )
        before = as_rgb8(array, "TrustMark")
        top, left, height, width = self._part(before)
        part = before[top : top + height, left : left + width]
        cover = _shrink(part, _side(self._encoder, 256))
        secret = np.array([[int(bit) for bit in pack(payload)]], np.float32)
        given = {
            node.name: cover if len(node.shape) == _PICTURE else secret
            for node in self._encoder.get_inputs()
        }
        stego = self._encoder.run(None, given)[0]
        change = np.clip(stego, -1, 1) - cover
        change -= change.mean((2, 3), keepdims=True)  # no shift of colour over the whole picture
        change *= 1.25 if self._variant == "P" else 1.0
        large = cv2.resize(change[0].transpose(1, 2, 0), (width, height))
        large *= _ramp(height, width)[:, :, None]
        after = before.copy()
        after[top : top + height, left : left + width] = np.clip(part + large * 127.5, 0, 255)
        return carry_over(array, before, after)

    def detect(self, array: Array, search: Search = Search.NORMAL) -> Mark | None:
        """Return the mark when its code holds; there is but one way to read, so no search."""
        if array.ndim != 3:  # noqa: PLR2004
            return None
        rgb = as_rgb8(array, "TrustMark")
        top, left, height, width = self._part(rgb)
        side = _side(self._decoder, 224 if self._variant == "P" else 256)
        part = _shrink(rgb[top : top + height, left : left + width], side)
        values = self._decoder.run(None, {self._decoder.get_inputs()[0].name: part})[0].ravel()
        if values.size != SECRET_BITS:
            raise ConfigError(f"this TrustMark decoder gives {values.size} bits, not 100", _HINT)
        found = unpack("".join("1" if value > 0 else "0" for value in values))
        if found is None:
            return None
        payload, schema, wrong = found
        return Mark(
            payload=payload,
            engine=self.name,
            confidence=(SECRET_BITS - 2 * wrong) / SECRET_BITS**0.5,
            false_positive_bound=false_positive_bound(),
            search=search,
            path=f"direct, {schema.name}, {wrong} bits corrected",
        )

    def _part(self, rgb: Array) -> tuple[int, int, int, int]:
        height, width = rgb.shape[:2]
        small = min(height, width)
        if self._variant == "P" or max(height, width) > _WIDE * small:
            return (height - small) // 2, (width - small) // 2, small, small
        return 0, 0, height, width


_PICTURE, _SECRET = 4, 2  # how many dimensions either input has


def _read_card(path: Path) -> dict[str, str]:
    try:
        with path.open("rb") as file:
            pins = tomllib.loads(file.read(MAX_CARD).decode()).get("sha256")
    except OSError as error:
        raise ConfigError(f"the card {path} cannot be read: {error.strerror}", _HINT) from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"the card {path} is no TOML: {error}", _HINT) from error
    if not isinstance(pins, dict) or not all(isinstance(pin, str) for pin in pins.values()):
        raise ConfigError(f"the card {path} has no table of SHA-256s", _HINT)
    return pins


def _load(path: Path, sha256: str, pictures: int, secrets: int) -> Any:
    """Return the model from exactly the bytes that were hashed."""
    try:
        with path.open("rb") as file:
            model = file.read(MAX_WEIGHTS + 1)
    except OSError as error:
        raise ConfigError(f"the weights {path} cannot be read: {error.strerror}", _HINT) from error
    if len(model) > MAX_WEIGHTS or hashlib.sha256(model).hexdigest() != sha256.lower():
        raise ConfigError(
            f"the weights {path} are not those on the card: their SHA-256 differs",
            "fetch them anew, or write a new card if you trust these",
        )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own errors share no other base
        raise ConfigError(f"the weights {path} are no ONNX model that can be run", _HINT) from error
    shapes = [len(node.shape) for node in session.get_inputs()]
    if sorted(shapes) != sorted([_PICTURE] * pictures + [_SECRET] * secrets):
        raise ConfigError(f"the weights {path} are not TrustMark's: other inputs", _HINT)
    return session


def _side(session: Any, default: int) -> int:
    node = next(each for each in session.get_inputs() if len(each.shape) == _PICTURE)
    return node.shape[-1] if isinstance(node.shape[-1], int) else default


def _shrink(rgb: Array, side: int) -> NDArray[np.float32]:
    small = Image.fromarray(rgb).resize((side, side), Image.Resampling.BILINEAR)
    scaled = np.asarray(small, np.float32).transpose(2, 0, 1)[None] / 127.5 - 1
    return np.ascontiguousarray(scaled)


def _ramp(height: int, width: int) -> NDArray[np.float32]:
    size = min(max(1, int(min(height, width) * _FEATHER)), 50)

    def edge(length: int) -> NDArray[np.float64]:
        steps = np.arange(1, length + 1)
        return np.minimum(np.minimum(steps, steps[::-1]) / size, 1)

    return np.minimum(edge(height)[:, None], edge(width)[None]).astype(np.float32)
