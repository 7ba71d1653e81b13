"""What a file of nothing but sound says beside it: carried over byte for byte.

FFmpeg knows the common tags only, and writes those in its own way. So it writes the bare sound,
and the source's own tags are put around that; a C2PA manifest among them is left out, since it
would not hold for other samples.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

MOST = 1 << 26  # bytes of tags; with pictures, they are seldom a tenth of that
_AT_ONCE = 1 << 20  # bytes

Dress = Callable[[Path, Path, Path], None]  # with the tags of one file, a bare one, as a third


def copy_part(source: BinaryIO, target: BinaryIO, length: int) -> None:
    """Copy `length` bytes, or up to the end."""
    while length > 0:
        data = source.read(min(length, _AT_ONCE))
        if not data:
            return
        target.write(data)
        length -= len(data)
