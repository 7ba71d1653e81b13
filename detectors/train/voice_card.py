"""The card of `voice` before it is measured: `models bench --recalibrate` fills in the figures."""

from __future__ import annotations

import hashlib
from pathlib import Path

from voice_splits import Row

MIN_VOICE_S = 2.0  # shorter clips fill a window by being repeated
MIN_BANDWIDTH_HZ = 5000  # telephones end below, and cost more than any other condition

_HEAD = """card = 1
name = "voice"
version = "1"
kind = "audio"
title = "Synthetic speech"
licence = "Apache-2.0"
summary = "How single bands, overtones and phases of a voice move, compared to recorded speech."
rank = 10

[files]
"model.onnx" = "{model}"
"CARD.md" = "{page}"

[input]
rate = 16000
window_s = 4.0
hop_s = 2.0
level_dbfs = -26.0
most_windows = 30

[output]
score = "logit"
distance = "distance"

[pooling]
how = "mean"

[domain]
min_seconds = {seconds}
min_bandwidth_hz = {bandwidth}
max_distance = {distance:.2f}

# Placeholders until it is measured: nothing is likelier than anything else.
[calibration]
scores = [0.0, 1.0]
log_likelihood_ratios = [0.0, 0.0]

[[threshold]]
false_positive_rate = 0.05
score = 100.0
measured = 0.0
low = 0.0
high = 1.0
total = 1

[[threshold]]
false_positive_rate = 0.01
score = 100.0
measured = 0.0
low = 0.0
high = 1.0
total = 1

[[threshold]]
false_positive_rate = 0.001
score = 100.0
measured = 0.0
low = 0.0
high = 1.0
total = 1
"""

_FAILS = (
    "Voices that a vocoder made from the measurements of a recording: most are missed.",
    "Diphone and formant engines, and other old ones that cut recordings: many are missed.",
    "Telephone bands, strong codecs, noise and rooms: it was measured there, and is worse.",
    "Music, singing, several voices at once, effects: never measured.",
    "Speech in languages other than English: hardly measured.",
    "Films whose voice is recorded and whose picture is synthetic, and clones of single words.",
)


def write(folder: Path, rows: list[Row], distance: float) -> None:
    """Write card.toml beside model.onnx and CARD.md; `distance` is the most that is in domain."""
    text = _HEAD.format(
        model=_sha256(folder / "model.onnx"),
        page=_sha256(folder / "CARD.md"),
        seconds=MIN_VOICE_S,
        bandwidth=f"{MIN_BANDWIDTH_HZ:.1f}",
        distance=distance,
    )
    top, begin, rest = text.partition("[files]")
    fails = "".join(f'\n  "{sentence}",' for sentence in _FAILS)
    text = f"{top}fails_on = [{fails}\n]\n\n{begin}{rest}"
    for source in sorted({row.source for row in rows}):
        own = [row for row in rows if row.source == source]
        families = ", ".join(sorted({row.family for row in own}))
        text += (
            f'\n[[trained_on]]\nname = "{families}"\nlicence = "{own[0].licence}"\n'
            f'count = {len(own)}\nsource = "{source}"\n'
        )
    (folder / "card.toml").write_text(text, encoding="utf-8")


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
