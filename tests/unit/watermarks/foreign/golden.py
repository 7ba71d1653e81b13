"""What the libraries themselves read and wrote: made by data/make.py, read by the tests."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.unit.watermarks.foreign.pictures import cells

DATA = Path(__file__).parent / "data"
PAYLOAD = bytes.fromhex("1020304050607080")  # of the mark named "ours", method dwtDctSvd


@cache
def arrays() -> dict[str, NDArray[Any]]:
    with np.load(DATA / "golden.npz") as file:
        return dict(file)


@cache
def packed() -> dict[str, str]:
    """Return TrustMark's 100 bits for some data bits."""
    return dict(json.loads((DATA / "golden.json").read_text())["packed"])


def marked(name: str) -> NDArray[np.uint8]:
    """Return the picture `cells` as the library marked it."""
    return (cells() + arrays()[f"mark/{name}"].astype(np.int16)).astype(np.uint8)
