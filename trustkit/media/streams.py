"""Sound and moving pictures through PyAV: their measures, from the container's headers."""

from __future__ import annotations

from typing import BinaryIO

import av

av.logging.set_level(av.logging.PANIC)  # its complaints would land on our stderr


def measure(media_type: str, stream: BinaryIO) -> dict[str, object]:
    """Return `duration_s`, `width`, `height`, `sample_rate` (Hz), `channels`, as far as there.

    Raises what PyAV raises on damaged bytes: see `media.measure`.
    """
    with av.open(stream, mode="r") as container:
        found: dict[str, object] = {}
        if container.duration:
            found["duration_s"] = round(container.duration / av.time_base, 3)
        for video in container.streams.video[:1]:
            found |= {"width": video.width, "height": video.height}
        for sound in container.streams.audio[:1]:
            found |= {"sample_rate": sound.rate, "channels": sound.channels}
        return found or {"note": f"no measures in this {media_type}"}
