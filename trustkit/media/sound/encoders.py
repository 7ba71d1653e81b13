"""Which encoder writes a sound, at which bit rate, and what of the sound it cannot hold."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from trustkit.errors import PublishError, UsageError
from trustkit.media.sound import Settings, Sound

_SPARSE = 32_000  # Hz: sounds of fewer samples have less to tell
_FLAC_BITS, _ALAC_BITS = (16, 24, 32), (16, 24)


@dataclass(frozen=True, slots=True)
class Encoder:
    """An encoder as FFmpeg names it, what it takes, and its bit rates in bit/s.

    `least` is what a channel is given at least: a copy that platforms will recompress should not
    be poor to begin with. `most` is for all channels, `steps` are the only ones there are.
    """

    name: str
    kind: str = "flt"
    least: int = 0
    most: int = 0
    steps: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be encoded how, and what the publisher should know about it.

    `kind` is the sample format that is given to the encoder; `is_exact` when it keeps every one.
    """

    codec: str
    encoder: str
    kind: str
    bit_rate: int | None
    is_exact: bool = False
    options: dict[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


# ISO/IEC 11172-3 and 13818-3, 2.4.2.3: MPEG-1, and the lower sampling frequencies.
_MP3 = tuple(1000 * n for n in (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320))
_MP3_LOW = tuple(1000 * n for n in (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160))
_MP3_LOWEST = _MP3_LOW[:8]  # LAME: at 8 to 12 kHz not more
_MP2 = tuple(1000 * n for n in (64, 96, 112, 128, 160, 192, 224, 256, 320, 384))
# ATSC A/52, table 5.18.
_AC3 = tuple(1000 * n for n in (64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 640))
_LOW = {8_000: _MP3_LOWEST, 11_025: _MP3_LOWEST, 12_000: _MP3_LOWEST} | dict.fromkeys(
    (16_000, 22_050, 24_000), _MP3_LOW
)

ENCODERS = {
    "mp3": Encoder("libmp3lame", least=64_000, most=_MP3[-1], steps=_MP3),
    "aac": Encoder("aac", least=64_000),
    "opus": Encoder("libopus", least=48_000),
    "vorbis": Encoder("soundfile", least=64_000),
    "mp2": Encoder("mp2", kind="s16", least=96_000, most=_MP2[-1], steps=_MP2),
    "ac3": Encoder("ac3", least=64_000, most=_AC3[-1], steps=_AC3),
    "eac3": Encoder("eac3", least=64_000),
    "flac": Encoder("flac"),
    "alac": Encoder("alac"),
}
_LAWS = {"pcm_alaw", "pcm_mulaw"}
_PCM = re.compile(r"pcm_(alaw|mulaw|[us]8|[suf](16|24|32)[bl]e|f64[bl]e)")
_INSTEAD = {
    "wmav2": "MP3",
    "wmav1": "MP3",
    "wmapro": "MP3",
    "wmalossless": "FLAC",
    "dts": "FLAC or AC-3",
    "truehd": "FLAC",
    "mlp": "FLAC",
    "ape": "FLAC",
    "wavpack": "FLAC",
    "tta": "FLAC",
    "vorbis": "Opus",
    "amr_nb": "AAC",
    "amr_wb": "AAC",
}
_NEARLY = 0.97  # of what is wanted: a mean that is counted is a little off its step
_AAC_SAMPLE = 6  # bits, at most: 6144 a frame of 1024 samples and channel (ISO/IEC 14496-3)
_OPUS_CHANNEL = 256_000  # libopus: bit/s a channel


def plan(sound: Sound, settings: Settings) -> Plan:
    """Return how `sound` will be encoded; raises `UsageError` and `PublishError`."""
    if _PCM.fullmatch(sound.codec):
        return Plan(sound.codec, sound.codec, sound.format, None, is_exact=sound.codec not in _LAWS)
    encoder = ENCODERS.get(sound.codec)
    if encoder is None:
        instead = _INSTEAD.get(sound.codec, "FLAC or AAC")
        raise PublishError(
            f"{sound.codec} sound cannot be written here; nothing was written",
            f"convert it to {instead} first",
        )
    if sound.codec in {"flac", "alac"}:
        return _lossless(sound, encoder)
    warnings = []
    if sound.codec == "aac" and sound.profile not in {"LC", ""}:
        warnings.append(f"its AAC is {sound.profile}, that of the copy LC")
    if sound.codec in {"ac3", "eac3"}:
        warnings.append("its dialogue level and mixing advice for players are not kept")
    if "Atmos" in sound.profile:
        warnings.append("its Atmos objects are not kept, the channels below them are")
    bit_rate = _bit_rate(sound, settings, encoder)
    return Plan(sound.codec, encoder.name, encoder.kind, bit_rate, warnings=tuple(warnings))


def _lossless(sound: Sound, encoder: Encoder) -> Plan:
    warnings, bits = [], sound.bits or 0
    held = next((n for n in (_FLAC_BITS if sound.codec == "flac" else _ALAC_BITS) if n >= bits), 0)
    if not held:
        raise PublishError(
            f"{sound.codec} of {bits} bits cannot be written here; nothing was written",
            "convert it to 24 bits first",
        )
    if held != bits:
        warnings.append(f"its samples have {bits} bits, those of the copy {held}")
    options = {}
    if held == _FLAC_BITS[-1]:
        options = {"strict": "experimental", "bits_per_raw_sample": str(held)}
    kind = "s16" if held == _FLAC_BITS[0] else "s32"
    return Plan(sound.codec, encoder.name, kind, None, True, options, tuple(warnings))


def _bit_rate(sound: Sound, settings: Settings, encoder: Encoder) -> int:
    steps, most = encoder.steps, encoder.most
    if sound.codec == "mp3":
        steps = _LOW.get(sound.rate, steps)
        most = steps[-1]
    elif sound.codec == "aac":
        most = _AAC_SAMPLE * sound.channels * sound.rate
    elif sound.codec == "opus":
        most = _OPUS_CHANNEL * sound.channels
    if settings.bit_rate is not None:
        if settings.bit_rate <= 0 or (most and settings.bit_rate > most):
            raise UsageError(
                f"no bit rate of {settings.bit_rate} in {sound.codec}",
                f"it goes up to {most} bit/s" if most else "",
            )
        wanted = settings.bit_rate
    else:
        least = encoder.least * sound.channels
        if sound.rate < _SPARSE:
            least = least * sound.rate // _SPARSE
        wanted = max(least, sound.bit_rate or 0)
    wanted = min(wanted, most) if most else wanted
    near = (step for step in steps if step >= _NEARLY * wanted)
    return next(near, steps[-1]) if steps else wanted
