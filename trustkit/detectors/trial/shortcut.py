"""What a file's size and format alone give away: a detector has to be better than that.

Not one pixel or sample is looked at. Where this guesses well, whoever collected the media took
generated and other ones from different places, and any detector may live on that.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

from trustkit.detectors import Kind
from trustkit.detectors.trial.boosting import fit, predict
from trustkit.detectors.trial.calibrating import split
from trustkit.detectors.trial.index import Row
from trustkit.detectors.trial.metrics import SEED, TIMES, Floats, bootstraps
from trustkit.detectors.trial.result import Baseline
from trustkit.errors import UnreadableError
from trustkit.media.film.look import opened

Traits = Mapping[str, float]

_FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP", "AVIF")
_CODECS = ("opus", "vorbis", "mp3", "aac", "flac", "pcm")
_MICROSECONDS = 1e6  # a container's unit of time


def traits(path: Path, kind: Kind) -> Traits:
    """Return what headers tell of a file; raises `UnreadableError` where there is none."""
    try:
        size = float(path.stat().st_size)
        found = _picture(path) if kind is Kind.IMAGE else _sound(path)
    except UnreadableError:
        raise
    except Exception as error:  # parsers raise what they like on broken bytes
        raise UnreadableError(f"the header of {path.name} cannot be read") from error
    area = found.get("pixels") or found.get("seconds") or 1.0
    return {"bytes": size, "bytes for its size": size / max(area, 1e-9), **found}


def baseline(
    rows: Sequence[Row],
    found: Mapping[str, Traits],
    *,
    times: int = TIMES,
    seed: int = SEED,
) -> Baseline | None:
    """Return how well traits alone tell the labels apart, each source held out in its turn.

    None where a label has fewer than four generators or sources: nothing could be held out.
    """
    known = [row for row in rows if row.file in found]
    labels = np.asarray([row.label for row in known], np.int64)
    if not known or not 0 < labels.sum() < len(labels):
        return None
    folds = split(labels, [row.gallery or row.name for row in known])
    if len(np.unique(folds)) < 2:  # noqa: PLR2004  # what is held out, and the rest
        return None
    names = sorted({name for row in known for name in found[row.file]})
    table: Floats = np.asarray([[found[r.file].get(n, 0.0) for n in names] for r in known])
    saved: dict[str, float] = dict.fromkeys(names, 0.0)
    scores = np.zeros(len(known))
    for fold in np.unique(folds):
        stumps = fit(table[folds != fold], labels[folds != fold])
        scores[folds == fold] = predict(stumps, table[folds == fold])
        for stump in stumps:
            saved[names[stump.feature]] += stump.gain
    figures = bootstraps(scores, labels, [row.unit for row in known], times=times, seed=seed)
    strongest = max(names, key=lambda name: (saved[name], name))
    return Baseline(figures["auc"], figures["tpr_1"], tuple(names), strongest)


def _picture(path: Path) -> dict[str, float]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about odd metadata, and sizes that are not decoded
        with Image.open(path, formats=_FORMATS) as image:
            wide, high = image.size
            found = {
                "width": float(wide), "height": float(high), "pixels": float(wide * high),
                "shorter side": float(min(wide, high)), "aspect": max(wide, high) / min(wide, high),
                "JPEG quality": _quality(getattr(image, "quantization", {})),
                "Exif": float("exif" in image.info), "XMP": float("xmp" in image.info),
                "colour profile": float("icc_profile" in image.info),
                "alpha": float("A" in image.mode or "transparency" in image.info),
                "grey": float(image.mode in {"L", "1", "I", "I;16"}),
            }  # fmt: skip
            return found | {f"is {name}": float(image.format == name) for name in _FORMATS}


def _quality(tables: Mapping[int, Sequence[int]]) -> float:
    # The Independent JPEG Group's scale, from how much coarser the table is than at quality 50.
    if not tables:
        return 0.0
    scale = 100 * sum(tables[min(tables)]) / _middle()
    return 100 - scale / 2 if scale <= 100 else 5000 / scale  # noqa: PLR2004  # its definition


@cache
def _middle() -> int:
    target = io.BytesIO()
    Image.new("L", (8, 8)).save(target, "JPEG", quality=50)
    with Image.open(target) as image:
        return sum(getattr(image, "quantization")[0])  # noqa: B009  # JPEG alone has it


def _sound(path: Path) -> dict[str, float]:
    with opened(path) as container:
        stream = next((s for s in container.streams if s.type == "audio"), None)
        if stream is None:
            raise UnreadableError(f"{path.name} has no sound")
        seconds = (container.duration or 0) / _MICROSECONDS
        codec = stream.codec_context.name
        found = {
            "seconds": seconds, "sampling rate": float(stream.rate or 0),
            "channels": float(stream.channels or 0), "bit rate": float(container.bit_rate or 0),
            "tags": float(len(container.metadata) + len(stream.metadata)),
        }  # fmt: skip
        return found | {f"is {name}": float(name in codec) for name in _CODECS}
