"""What happens to sound on its way: everyday attacks, each with its promise, and harder ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from trustkit.errors import UsageError
from trustkit.watermarks.trial import sounds as s
from trustkit.watermarks.trial.distortions import Rng
from trustkit.watermarks.trial.sound_codecs import Codec, Sound, aac, mp3, mp3_vbr, opus

EVERYDAY, HARDER = "everyday", "harder"


@dataclass(frozen=True, slots=True)
class SoundAttack:
    """One thing that happens to a sound, and the sentence that says what.

    `apply` takes samples (channels, samples), their rate in Hz and its chance, and returns samples
    and their rate, which may be another; it raises `ValueError` for a sound that it is not for.
    """

    name: str
    group: str
    sentence: str
    apply: Callable[[Sound, int, Rng], tuple[Sound, int]]
    codecs: tuple[Codec, ...] = ()

    def missing(self) -> str:
        """Say why this attack cannot be run here; empty when it can."""
        return next((why for codec in self.codecs if (why := codec.missing())), "")


def _attack(
    group: str, name: str, sentence: str, apply: Callable[..., tuple[Sound, int]], **how: object
) -> SoundAttack:
    return SoundAttack(name, group, sentence, partial(apply, **how))


def _coded(group: str, name: str, sentence: str, *codecs: Codec) -> SoundAttack:
    return SoundAttack(name, group, sentence, partial(s.through, codecs=codecs), codecs)


_everyday = partial(_attack, EVERYDAY)
_harder = partial(_attack, HARDER)


def _way(percent: int) -> str:
    return "faster" if percent > 0 else "slower"


SOUND_ATTACKS: tuple[SoundAttack, ...] = (
    _everyday("none", "nothing: the marked sound itself", s.same),
    *(_coded(EVERYDAY, f"mp3-{k}", f"MP3 of {k} kbit/s", mp3(k)) for k in (128, 64)),
    _coded(EVERYDAY, "aac-96", "AAC of 96 kbit/s", aac(96)),
    _coded(EVERYDAY, "opus-32", "Opus of 32 kbit/s", opus(32)),
    *(
        _everyday(f"{k}k", f"resampled to {k} kHz", s.at_rates, rates=(1000 * k,))
        for k in (16, 8)
    ),
    _everyday("8bit", "in steps of 8 bits, without dither", s.quantised, bits=8),
    _everyday("vol-12", "softer by 12 dB", s.louder, decibels=-12.0),
    *(
        _everyday(f"noise{n}", f"white noise {n} dB below it", s.noisy, snr=float(n))
        for n in (30, 20)
    ),
    _everyday("lp4k", "nothing above 4 kHz", s.band, high=4000.0),
    _everyday("hp500", "nothing below 500 Hz", s.band, low=500.0),
    *(
        _everyday(
            f"tempo{n:+}", f"{abs(n)} % {_way(n)}, its pitch kept", s.tempo, factor=1 + n / 100
        )
        for n in (5, 2, -5)
    ),
    *(
        _everyday(
            f"speed{n:+}", f"{abs(n)} % {_way(n)}, its pitch moved", s.speed, factor=1 + n / 100
        )
        for n in (5, 2, -5)
    ),
    *(
        _everyday(
            f"pitch{n:+}", f"a semitone {'higher' if n > 0 else 'lower'}, its tempo kept",
            s.pitch, semitones=float(n),
        )
        for n in (1, -1)
    ),
    _everyday("reverb", "the echo of a room (60 dB in 0.45 s)", s.reverberant, seconds=0.45),
    SoundAttack(
        "room", EVERYDAY,
        "played and recorded in a room: 120 Hz to 12 kHz, echo, noise at 25 dB, AAC of 64 kbit/s",
        s.across_a_room, (aac(64),),
    ),
    *(_everyday(f"crop{n}", f"{n} s of it, from anywhere", s.cropped, seconds=n) for n in (10, 5)),
    _harder("crop3", "3 s of it, from anywhere", s.cropped, seconds=3.0),
    _harder("noise10", "white noise 10 dB below it", s.noisy, snr=10.0),
    _harder("music6", "with music under it, 6 dB below", s.under_music, snr=6.0),
    _coded(HARDER, "mp3-v4", "MP3 of a variable bit rate (V4)", mp3_vbr(4)),
    _coded(HARDER, "aac-opus", "AAC of 96 kbit/s, then Opus of 32", aac(96), opus(32)),
    _coded(HARDER, "mp3-aac", "MP3 of 64 kbit/s, then AAC of 64", mp3(64), aac(64)),
    _harder("eq6", "every octave up to 6 dB louder or softer", s.equalised, decibels=6.0),
    _harder("squeezed", "a strong compressor (8 to 1) and a limiter", s.compressed),
    _harder(
        "no-pauses", "without its pauses: 0.2 s and more, 40 dB below its loudest part",
        s.without_silence, decibels=40.0, seconds=0.2,
    ),
    _harder("mono", "its channels mixed into one", s.one_channel, mixed=True),
    _harder("left", "its left channel alone", s.one_channel, mixed=False),
    _harder("trim", "up to 2 s cut off at either end", s.trimmed, seconds=2.0),
    _harder(
        "rates", "resampled to 44.1, 22.05 and 48 kHz in turn",
        s.at_rates, rates=(44_100, 22_050, 48_000),
    ),
    _harder("edit", "half a second cut out of its middle", s.edited, seconds=0.5),
)  # fmt: skip


EVERYDAY_COUNT = sum(attack.group == EVERYDAY for attack in SOUND_ATTACKS)


def choose_sound(names: Sequence[str]) -> tuple[SoundAttack, ...]:
    """Return the attacks of these names or groups, in their order; of no names: all.

    Raises `UsageError` for a name that is neither.
    """
    known = [EVERYDAY, HARDER, *(attack.name for attack in SOUND_ATTACKS)]
    for name in names:
        if name not in known:
            raise UsageError(
                f"there is no attack on sound named {name!r}", f"there are {', '.join(known)}"
            )
    return tuple(a for a in SOUND_ATTACKS if not names or a.name in names or a.group in names)
