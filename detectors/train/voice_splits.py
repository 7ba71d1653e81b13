"""Which recordings of voices are held out together: by source, and by family of synthesis systems.

A fold is tested with a model that heard nothing from its sources (a demo page with its synthetic
clips and its recordings) and no family of systems that occurs in it, wherever else that family was
published. Random splits leak both the system and the page's microphones, speakers and formats.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

FOLDS = 6

# Each fold has recordings as well as synthetic clips, and whole sources only.
_FOLD = {
    "r9y9/r9y9.github.io": 0,
    "Picovoice/wake-word-benchmark": 0,
    "index-tts/index-tts.github.io": 1,
    "jasonppy/VoiceCraft_web": 1,
    "MycroftAI/Precise-Community-Data": 1,
    "jaywalnut310/vits-demo": 2,
    "grad-tts/grad-tts.github.io": 2,
    "auspicious3000/autovc-demo": 2,
    "yl4579/StarGANv2-VC": 2,
    "maum-ai/nuwave": 2,
    "jik876/hifi-gan-demo": 3,
    "diffwave-demo/diffwave-demo.github.io": 3,
    "melgan-neurips/melgan-neurips.github.io": 3,
    "facebookresearch/svoice": 3,
    "lifeiteng/vall-e": 3,
    "BytedanceSpeech/bytedancespeech.github.io": 4,
    "debian": 4,
    "resemble-ai/Resemblyzer": 5,
    "mindslab-ai/univnet": 5,
    "ming024/FastSpeech2": 5,
    "xcmyz/FastSpeech": 5,
    "keonlee9420/DiffGAN-TTS": 5,
    "keonlee9420/Comprehensive-Transformer-TTS": 5,
}


@dataclass(frozen=True)
class Row:
    """One clip: `label` 1 for synthetic; `family` of the system, or of the recordings."""

    file: str
    label: int
    family: str
    source: str
    licence: str
    fold: int

    @property
    def stated(self) -> bool:
        """Tell whether a licence is stated that lets weights be given away.

        Not so of what is non-commercial in part, of what nobody checked (each contributor to
        Precise-Community-Data chose a licence, BY-NC among them), and of pages that state none.
        """
        return self.commercial and not self.licence.startswith("none stated")

    @property
    def commercial(self) -> bool:
        """Tell whether no non-commercial terms are known of, or feared."""
        return "NC" not in self.licence and "check" not in self.licence


def read(index: Path) -> list[Row]:
    """Return the rows of an INDEX.tsv in their order."""
    with index.open(encoding="utf-8", newline="") as stream:
        return [_row(line) for line in csv.DictReader(stream, delimiter="\t")]


def training(rows: list[Row], fold: int) -> list[int]:
    """Return the numbers of the rows that a model tested on `fold` may learn from."""
    tested = [row for row in rows if row.fold == fold]
    sources = {row.source for row in tested}
    families = {row.family for row in tested if row.label}
    return [
        number
        for number, row in enumerate(rows)
        if row.source not in sources and not (row.label and row.family in families)
    ]


def _row(line: dict[str, str]) -> Row:
    return Row(
        line["file"],
        int(line["label"] == "fake"),
        line["family"],
        line["source_repo"],
        line["licence"],
        _FOLD[line["source_repo"]],
    )
