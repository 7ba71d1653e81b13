"""Write golden.npz and golden.json beside this file, from the libraries themselves.

Run it in an environment of its own, from the root of the repository, with
`pip install invisible-watermark==0.2.0 onnxruntime` and `pip install --no-deps trustmark==0.9.2`.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import random
import sys
import types
import zlib
from pathlib import Path

import numpy as np
from imwatermark import WatermarkEncoder
from imwatermark.dwtDctSvd import EmbedDwtDctSvd
from imwatermark.maxDct import EmbedMaxDct

from tests.unit.watermarks.foreign.pictures import SIZES, cells, draw

HERE = Path(__file__).parent
READERS = {"dwtDct": EmbedMaxDct, "dwtDctSvd": EmbedDwtDctSvd}
SCHEMAS = {0: 40, 1: 61, 2: 68}
PAYLOAD = bytes.fromhex("1020304050607080")


def spelt(text):
    return [int(bit) for bit in np.unpackbits(np.frombuffer(text, np.uint8))]


SDXL = [int(bit) for bit in bin(0b101100111110110010010000011110111011000110011110)[2:]]
FLUX = [int(bit) for bit in bin(0b001010101111111010000111100111001111010100101110)[2:]]
MARKED = {
    "StableDiffusionV1": (spelt(b"StableDiffusionV1"), "8-bit"),
    "StableDiffusionV1-Inpainting": (spelt(b"StableDiffusionV1-Inpainting"), "8-bit"),
    "SDV2": (spelt(b"SDV2"), "8-bit"),
    "SDXL": (SDXL, "float"),
    "SDXL-swapped": (SDXL, "swapped"),
    "FLUX": (FLUX, "float"),
    "ours": (spelt(PAYLOAD + zlib.crc32(PAYLOAD).to_bytes(4, "big")), "svd"),
}


def read(rgb, method, bits):
    """Return what the library reads, and each bit's mean before it is cut."""
    reader = READERS[method]([], bits)
    kept = []
    inner = reader.decode_frame
    reader.decode_frame = lambda *given: kept.append(inner(*given)) or kept[-1]
    read = reader.decode(np.ascontiguousarray(rgb[:, :, ::-1]))
    return np.asarray(read), np.array([np.mean(votes) for votes in kept[0]])


def mark(rgb, word, how):
    encoder = WatermarkEncoder()
    encoder.set_watermark("bits", word)
    ordered = rgb if how == "swapped" else rgb[:, :, ::-1]
    given = np.ascontiguousarray(ordered)
    if how in {"float", "swapped"}:
        given = given.astype(np.float32)
    marked = encoder.encode(given, "dwtDctSvd" if how == "svd" else "dwtDct")
    marked = marked if how == "swapped" else marked[:, :, ::-1]
    return np.clip(np.rint(marked), 0, 255).astype(np.uint8)


def data_layer():
    # The package's own __init__ wants torch; its codes do not.
    package = types.ModuleType("trustmark")
    package.__path__ = list(importlib.util.find_spec("trustmark").submodule_search_locations)
    sys.modules["trustmark"] = package
    return importlib.import_module("trustmark.datalayer").DataLayer


def main():
    arrays = {}
    for height, width in SIZES:
        for kind in (np.uint8, np.float32):
            rgb = draw(height, width).astype(kind)
            for method in READERS:
                for bits in (48, 136):
                    read_bits, means = read(rgb, method, bits)
                    key = f"read/{height}/{width}/{np.dtype(kind).name}/{method}/{bits}"
                    arrays[key] = means
                    arrays[f"bits/{key}"] = read_bits
    base = cells()
    for name, (word, how) in MARKED.items():
        changed = mark(base, word, how).astype(np.int16) - base
        assert np.abs(changed).max() < 128
        arrays[f"mark/{name}"] = changed.astype(np.int8)
    np.savez_compressed(HERE / "golden.npz", **arrays)
    chance = random.Random(1)
    layer = data_layer()
    packed = {}
    for version, size in SCHEMAS.items():
        coder = layer(100, False, version)
        for _ in range(4):
            data = f"{chance.getrandbits(size):0{size}b}"
            data = data[:64] + "0000" if version == 2 else data
            packed[data] = "".join(str(int(bit)) for bit in coder.encode_binary([data])[0])
    versions = {"invisible-watermark": "0.2.0", "trustmark": "0.9.2"}
    (HERE / "golden.json").write_text(
        json.dumps({"from": versions, "packed": packed}, indent=1) + "\n"
    )


if __name__ == "__main__":
    main()
