"""Which pictures are held out together: by family of generators, by gallery, and by source.

A fold is tested with a model that saw neither its families nor anything from its galleries, and
none of its sources of photographs and drawings. Random splits leak all three.
"""

from __future__ import annotations

import csv
import re
import zlib
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

FOLDS = 6

# Licences that do not allow weights to be given away: left out of what is shipped, always.
NON_COMMERCIAL = {
    "BIDS/BSDS500",  # non-commercial research
    "EliSchwartz/imagenet-sample-images",  # ImageNet's terms
    "dinablachman/realorfake",  # FFHQ: partly CC BY-NC-SA
}

_REAL = {
    "ffhq": 0, "game-art": 0, "cid22": 0,
    "bsds500": 1, "camera-originals": 1, "maps": 1,
    "imagenet-sample": 2, "clipart": 2, "krita": 2,
    "grocery-phone": 3, "stellarium": 3, "docs": 3, "kdenlive": 3,
    "drone-real": 4, "screenshots/docs": 4, "stamps": 4,
    "urban100": 5, "kstars": 5, "wallpaper": 5,
}  # fmt: skip
_HALF = {"wan", "fun", "scail", "vace", "humo", "kandinsky", "luma", "runway", "vidu", "pixverse"}


@dataclass(frozen=True)
class Row:
    """One picture of the index: `label` 1 for generated; `family` of its generator or source.

    `gallery` is what must not be known either: where it was collected.
    """

    file: str
    label: int
    name: str
    repo: str
    licence: str
    family: str
    fold: int
    short_side: int
    gallery: str = ""

    @property
    def shippable(self) -> bool:
        """Tell whether weights trained on it may be given away."""
        # Pictures of known persons in a package that names no source of theirs stay out as well.
        return self.repo not in NON_COMMERCIAL and "own source" not in self.licence


def read(index: Path) -> list[Row]:
    """Return the rows of an INDEX.tsv in their order."""
    with index.open(encoding="utf-8", newline="") as stream:
        return [_row(line) for line in csv.DictReader(stream, delimiter="\t")]


def by_generator(rows: list[Row]) -> list[Row]:
    """Return the rows with generators alone held out, by name, spread evenly over the folds.

    Relatives of a generator, and others from its gallery, may then be known: nearer to how a
    shipped model meets a new generator, and easier. Sources of all else are held out as before.
    """
    made = Counter(row.name for row in rows if row.label)
    sizes, folds = [0] * FOLDS, {}
    for name in sorted(made, key=lambda name: (-made[name], zlib.crc32(name.encode()))):
        folds[name] = sizes.index(min(sizes))
        sizes[folds[name]] += made[name]
    return [
        replace(row, fold=folds[row.name], family=row.name, gallery="") if row.label else row
        for row in rows
    ]


def training(rows: list[Row], fold: int) -> list[int]:
    """Return the numbers of the rows that a model tested on `fold` may learn from."""
    tested = [row for row in rows if row.fold == fold]
    families = {row.family for row in tested}
    galleries = {row.gallery for row in tested if row.gallery}
    return [
        number
        for number, row in enumerate(rows)
        if row.fold != fold and row.family not in families and row.gallery not in galleries
    ]


def testing(rows: list[Row], fold: int) -> list[int]:
    """Return the numbers of the rows of `fold`."""
    return [number for number, row in enumerate(rows) if row.fold == fold]


def _row(line: dict[str, str]) -> Row:
    label, name, repo = int(line["label"]), line["generator_or_source"], line["repo_or_package"]
    family, fold = _generator(name, repo) if label else _source(name, repo)
    return Row(line["file"], label, name, repo, line["licence_note"], family, fold,
               int(line["short_side_before_crop"]), repo)  # fmt: skip


def _source(name: str, repo: str) -> tuple[str, int]:
    if name in _REAL:
        return name, _REAL[name]
    # Photographs out of packages: makers of templates use the same pictures in several of theirs.
    package = re.sub(r"@[^@/]*$", "", repo)
    maker = next((maker for words, maker in _MAKERS if re.search(words, package)), package)
    return maker, zlib.crc32(maker.encode()) % FOLDS


_MAKERS = (
    (r"creative-tim|-kit|material-dashboard|-design-system|argon", "creative-tim"),
    (r"startbootstrap", "startbootstrap"),
)


def _generator(name: str, repo: str) -> tuple[str, int]:
    if name.startswith(("sd1", "sd-anime")):
        return "stable-diffusion-1", 0
    if name.startswith("stylegan2"):
        return "stylegan2", 1
    if name == "gpt-4o-image":
        return "gpt-image", 2
    if "nano-banana" in name or name == "-z-image-turbo":
        return "nano-banana", 3
    # The galleries of ComfyUI share their container: half of the makers a fold, both out of the
    # training of either.
    maker = name.rsplit(":", maxsplit=1)[-1].removeprefix("comfyex-")
    half = any(word in maker.split("_")[0] or f"_{word}" in maker for word in _HALF)
    return f"{repo.rsplit('/', maxsplit=1)[-1]}:{maker}", 4 if half else 5
