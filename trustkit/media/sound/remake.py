"""A copy of a sound, or of a film, whose samples were changed, with everything else as it stands.

Recipe: (1) look, and plan the encoding; (2) choose how to write, and a temporary file beside the
target; (3) pump: packets of sound are decoded, changed, encoded, others go over as they are;
(4) read the copy back against what went in; (5) let the caller inspect it; (6) put it in place.

There are three ways to write. In WAV and its like only the bytes of the samples are replaced.
Files of one stream of another codec get new sound between their own tags. All others are put
together anew by FFmpeg, stream by stream.
"""

from __future__ import annotations

from pathlib import Path

from trustkit.errors import PublishError, UnreadableError
from trustkit.media.placing import place, temporary
from trustkit.media.sound import (
    Inspect,
    Limits,
    MakeChanger,
    Progress,
    Remade,
    Settings,
    Sound,
    dressed,
    longer,
    muxed,
    patch,
)
from trustkit.media.sound.check import compare
from trustkit.media.sound.encoders import plan
from trustkit.media.sound.look import LIMITS, look, measured
from trustkit.media.sound.pump import Job, MakeLine, Way, Written


def remake(
    source: Path,
    target: Path,
    make_changer: MakeChanger,
    settings: Settings | None = None,
    *,
    progress: Progress | None = None,
    inspect: Inspect | None = None,
    limits: Limits = LIMITS,
    make_line: MakeLine | None = None,
) -> Remade:
    """Write a copy of the sound or film `source` to `target`, which may be the same path.

    `make_changer` is asked once for each audio stream; `inspect` gets the finished file before it
    takes its name, to refuse it by raising. On any failure nothing is written. With `make_line`
    something may be inserted: see `pump.Job`. Raises `UnreadableError` for the source's faults,
    `UsageError` for those of `settings`, `PublishError` for the rest.
    """
    sounds = tuple(measured(source, sound) for sound in look(source, limits))
    plans = tuple(plan(sound, settings or Settings()) for sound in sounds)
    with temporary(target) as fresh:
        job = Job(source, fresh, target, sounds, plans, make_changer, progress, limits, make_line)
        written = _write(job)
        warnings = [*(w for how in plans for w in how.warnings), *written.warnings]
        warnings += _clipped(written.ways)
        try:
            warnings += compare(job, written)
        except UnreadableError as error:
            raise PublishError(
                f"the copy cannot be read back: {error}", "nothing was written; please report this"
            ) from error
        if inspect:
            inspect(fresh)
        place(fresh, target, source)
    first = written.ways[0]
    samples = first.line.heard.samples
    return Remade(
        codec=first.how.codec,
        samples=samples,
        seconds=samples / first.sound.rate,
        streams=len(sounds),
        warnings=tuple(dict.fromkeys(warnings)),
    )


def _write(job: Job) -> Written:
    sound: Sound = job.sounds[0]
    if sound.container in patch.CONTAINERS and sound.codec.startswith("pcm_"):
        return longer.write(job) if job.make_line else patch.write(job)
    if sound.container in dressed.CONTAINERS:
        return dressed.write(job)
    return muxed.write(job)


def _clipped(ways: tuple[Way, ...]) -> list[str]:
    count = sum(way.line.clipped for way in ways)
    return [f"{count} samples are louder than its format can tell, and clipped"] if count else []
