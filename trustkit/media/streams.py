"""Sound and moving pictures through PyAV: opened here, whoever reads or writes them."""

from __future__ import annotations

from typing import Any, BinaryIO

import av


def open_container(file: str | BinaryIO, mode: str = "r", **options: Any) -> Any:
    """Open a container to read or write, with PyAV's `options`; raises what PyAV raises.

    Every use of PyAV passes here, since whatever FFmpeg has to say must be dropped first.
    """
    # Its complaints would land on our stderr. None, not PANIC: with any level set, a decoder's
    # thread that complains waits for the interpreter, while that waits for the thread to end.
    av.logging.set_level(None)
    return av.open(file, mode=mode, **options)


def measure(media_type: str, stream: BinaryIO) -> dict[str, object]:
    """Return `duration_s`, `width`, `height`, `sample_rate` (Hz), `channels`, as far as there.

    Raises what PyAV raises on damaged bytes: see `media.measure`.
    """
    with open_container(stream) as container:
        found: dict[str, object] = {}
        if container.duration:
            found["duration_s"] = round(container.duration / av.time_base, 3)
        for video in container.streams.video[:1]:
            found |= {"width": video.width, "height": video.height}
        for sound in container.streams.audio[:1]:
            found |= {"sample_rate": sound.rate, "channels": sound.channels}
        return found or {"note": f"no measures in this {media_type}"}
