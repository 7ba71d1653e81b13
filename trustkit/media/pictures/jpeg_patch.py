"""A place in a JPEG coded anew, all other blocks left as they are: by jpegtran, where there is one.

libjpeg-turbo's own program puts the coefficients of a small picture in the place of others. No
Python library does that; without the program a picture is coded anew as a whole.
"""

from __future__ import annotations

import logging
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

import numpy as np
from PIL import Image

_PROGRAM = "jpegtran"
_PATIENCE = 120.0  # seconds; 200 megapixels take some ten
_NO_TABLES = {"progressive": False, "optimize": False}

_log = logging.getLogger(__name__)


def put(
    source: BinaryIO,
    image: Image.Image,
    touched: tuple[int, int, int, int],
    unit: tuple[int, int],
    options: Mapping[str, object],
    bare: BinaryIO,
) -> bool:
    """Write `source` into `bare` with the blocks at `touched` taken from `image`.

    `image` is the whole picture after the change, `unit` the size in pixels of what is coded
    together, `options` how Pillow codes as the source was. False: it could not be done, and `bare`
    is as it was.
    """
    program = shutil.which(_PROGRAM)
    if program is None:
        return False
    left, top = (touched[axis] // unit[axis] * unit[axis] for axis in (0, 1))
    right, bottom = (
        -(-(touched[axis] + touched[axis + 2]) // unit[axis]) * unit[axis] for axis in (0, 1)
    )
    with TemporaryDirectory(prefix="trustkit-") as folder:
        small = Path(folder, "small.jpg")
        _cut(image, (left, top, right, bottom)).save(small, "JPEG", **{**options, **_NO_TABLES})
        how = ["-progressive"] if options["progressive"] else []
        how += ["-optimize"] if options["optimize"] else []
        call = [program, "-copy", "none", *how, "-drop", f"+{left}+{top}", str(small)]
        source.seek(0)
        try:
            done = subprocess.run(  # noqa: S603  # no shell; the file names are our own
                call, input=source.read(), capture_output=True, timeout=_PATIENCE, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            _log.info("jpegtran did not run: %s", type(error).__name__)
            return False
    if done.returncode or not done.stdout.startswith(b"\xff\xd8"):
        _log.info("jpegtran gave up: %s", done.stderr[:200].decode("utf-8", "replace"))
        return False
    bare.write(done.stdout)
    return True


def _cut(image: Image.Image, place: tuple[int, int, int, int]) -> Image.Image:
    """Return that place of `image`, whole blocks; beyond its edges the last pixels go on."""
    left, top, right, bottom = place
    part = np.asarray(image.crop((left, top, min(right, image.width), min(bottom, image.height))))
    more = [(0, bottom - top - part.shape[0]), (0, right - left - part.shape[1]), (0, 0)]
    return Image.fromarray(np.pad(part, more[: part.ndim], mode="edge"))
