"""The pictures of an index as traces of crops: as they are, and at half the size as JPEG 70."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from picture_traces import SIDE, traces
from PIL import Image
from splits import Row, read

from trustkit.detectors.card import ImageInput
from trustkit.detectors.views import views

INPUT = ImageInput(
    size=SIDE, crops=4, layout="grid", largest_short_side=1200, order="nchw", range=255.0
)
CONDITIONS = ("clean", "degraded")
_JPEG = 70
_BATCH = 24  # crops

Traces = dict[str, NDArray[np.float16]]


def rows_of(data: Path, extra: Path | None) -> list[tuple[Path, Row]]:
    """Return the pictures of INDEX.tsv in `data`, and of the further photographs in `extra`.

    Those of `extra` that may not be learned from are left out of thresholds, too. Files are called
    as `trustkit models bench` calls those of several indexes.
    """
    found = [(data / row.file, row) for row in read(data / "INDEX.tsv")]
    if extra is None:
        return found
    found += [(extra / row.file, row) for row in read(extra / "INDEX.tsv") if row.shippable]
    return [
        (path, replace(row, file=f"{path.parent.parent.name}/{row.file}")) for path, row in found
    ]


def crops(path: Path, condition: str) -> list[NDArray[np.uint8]]:
    """Return what the product would cut of a picture in a condition."""
    with Image.open(path) as opened:
        picture = opened.convert("RGB")
    if condition == "degraded":
        half = picture.resize((picture.width // 2, picture.height // 2), Image.Resampling.BICUBIC)
        buffer = io.BytesIO()
        half.save(buffer, "JPEG", quality=_JPEG)
        picture = Image.open(buffer).convert("RGB")
    return [view.pixels for view in views(np.asarray(picture), INPUT)]


def all_traces(paths: list[Path], cache: Path) -> Traces:
    """Return for each condition (pictures, crops, traces) of pictures of 256 x 256; kept in a file.

    Takes about 30 ms of one core a picture; torch and OpenCV are held to one thread.
    """
    if cache.exists():
        with np.load(cache) as kept:
            found = {name: kept[name] for name in CONDITIONS}
        if any(len(values) != len(paths) for values in found.values()):
            raise SystemExit(f"{cache} was made of other pictures: delete it")
        return found
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    found = {}
    for condition in CONDITIONS:
        pending: list[NDArray[np.uint8]] = []
        done: list[NDArray[np.float16]] = []
        for number, path in enumerate(paths, 1):
            pending += crops(path, condition)
            if len(pending) >= _BATCH or number == len(paths):
                pixels = torch.from_numpy(np.stack(pending)).permute(0, 3, 1, 2).float()
                with torch.inference_mode():
                    done.append(traces(pixels).numpy().astype(np.float16))
                pending = []
        values = np.concatenate(done)
        found[condition] = values.reshape(len(paths), -1, values.shape[1])
    np.savez(cache, **found)
    return found
