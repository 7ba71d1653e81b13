"""Pictures: the label drawn in every frame and on every page, and looked at in the written file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from trustkit.asset import Asset, open_asset
from trustkit.errors import PublishError, UnreadableError
from trustkit.label import Label, Labelled
from trustkit.label.words import local_words, main_words
from trustkit.media.labels import Box, Position, Words
from trustkit.media.labels.contrast import (
    ENOUGH,
    Contrast,
    is_darker_better,
    luminance,
    measured,
    surroundings,
)
from trustkit.media.labels.drawing import Fitted, Wish, fit
from trustkit.media.labels.letters import Letters
from trustkit.media.labels.overlay import Overlay, crisp
from trustkit.media.labels.seen import Seen, differ_outside, region
from trustkit.media.labels.turning import shown_size, stored
from trustkit.media.pictures import TYPES, Picture, open_picture
from trustkit.media.pictures.provenance import LEFT_OUT
from trustkit.media.placing import place, temporary

_MARGIN = 3.0  # per cent of the shorter side
_LOOKED_AT = 64  # frames of an animation whose label is measured, spread over all of them
_COMPARED = 50_000_000  # pixels: larger pictures are not decoded twice to be compared
_THUMBNAIL = "the thumbnail in its Exif is not labelled"
_PALETTE = "image/gif"


def words_of(wish: Label) -> Words:
    """Return what the label says."""
    return Words(main_words(wish.text), local_words(wish.text, wish.languages))


def wish_of(wish: Label, margin: float) -> Wish:
    """Return the same wish for those who draw."""
    return Wish(words_of(wish), Position(wish.position), wish.size, margin, Letters(wish.font))


def label_picture(asset: Asset, target: Path, wish: Label) -> Labelled:
    """Write the picture with its label to `target`; raises as `label_file`."""
    if asset.media_type not in TYPES:
        raise UnreadableError(
            f"{asset.name} is {asset.media_type}, which trustkit cannot label", "see docs/label.md"
        )
    with asset.open() as stream, temporary(target) as fresh:
        # (1) Look at the picture, and choose black or white by what is around the label.
        picture = open_picture(stream, asset.media_type, asset.name)
        seen = Seen(stream, asset.media_type, asset.name)
        thumbnail = seen.has_thumbnail()
        turns = [seen.orientation(number) for number in range(len(picture.facts.sizes))]
        made = [
            fit(wish_of(wish, _MARGIN), shown_size(size, turned), asset.name)
            for size, turned in zip(picture.facts.sizes, turns, strict=True)
        ]
        overlays = [
            _overlay(picture, seen, fitted, number, turned)
            for number, (fitted, turned) in enumerate(zip(made, turns, strict=True))
        ]

        # (2) Write the whole file beside its place.
        notes = (*_notes(picture, made), *([_THUMBNAIL] * thumbnail))
        frames = len(overlays) if picture.facts.pages else picture.facts.frames
        is_paged = bool(picture.facts.pages)
        picture.overlay(fresh, overlays)

        # (3) Read it back: is the label there, and can it be read? What else has changed?
        written = open_asset(fresh, asset.name)
        found = _measured(written, overlays, frames, is_paged=is_paged)
        outside, most = _compared(stream, asset, written, overlays[0].box)

        # (4) Put it in place.
        place(fresh, target, asset.path)
    box = made[0].box
    said = words_of(wish)
    around = [one.around for one in found if one.around is not None]
    return Labelled(
        kind="image",
        said=(said.main, *said.more),
        box=(box.x, box.y, box.width, box.height),
        capital=made[0].stamp.capital,
        contrast=min(one.letters for one in found),
        around=min(around) if around else None,
        outside=outside,
        most=most,
        warnings=notes,
    )


def _overlay(picture: Picture, seen: Seen, fitted: Fitted, number: int, turned: int) -> Overlay:
    facts = picture.facts
    stamp, box = stored(fitted.stamp, fitted.box, facts.sizes[number], turned)
    wanted = [number] if facts.pages else _spread(facts.frames)
    found = [_around(seen, frame, box) for frame in wanted]
    known = [bright for bright in found if bright is not None]
    dark = is_darker_better(sum(known) / len(known) if known else None)
    return Overlay(crisp(stamp) if seen.media_type == _PALETTE else stamp, box, dark)


def _around(seen: Seen, frame: int, box: Box) -> float | None:
    part, there = region(seen.frame(frame), box, max(box.width, box.height))
    return surroundings(luminance(part), there)


def _measured(
    written: Asset, overlays: list[Overlay], frames: int, *, is_paged: bool
) -> list[Contrast]:
    found = []
    with written.open() as stream:
        seen = Seen(stream, written.media_type, written.name)
        for number in range(frames) if is_paged else _spread(frames):
            overlay = overlays[number if is_paged else 0]
            part, there = region(seen.frame(number), overlay.box, max(overlay.stamp.size))
            one = measured(luminance(part), there, overlay.stamp, dark=overlay.dark)
            if one.letters < ENOUGH:
                where = f" in frame {number + 1}" if frames > 1 else ""
                raise PublishError(
                    f"the label cannot be read in the written {written.name}{where}: its contrast "
                    f"is {one.letters:.1f}:1, and {ENOUGH}:1 is asked for",
                    "nothing was written; a larger --size may do, or another --position",
                )
            found.append(one)
    return found


def _compared(
    stream: BinaryIO, asset: Asset, written: Asset, box: Box
) -> tuple[float | None, int | None]:
    """Return how much of the first frame outside of `box` differs; Nones: not compared."""
    before = Seen(stream, asset.media_type, asset.name).frame()
    if before.width * before.height > _COMPARED:
        return None, None
    with written.open() as fresh:
        return differ_outside(before, Seen(fresh, written.media_type, asset.name).frame(), box)


def _notes(picture: Picture, made: list[Fitted]) -> Iterator[str]:
    yield from picture.facts.notes
    if any(fitted.is_smaller for fitted in made):
        yield "its label is smaller than asked for: there was no room"
    if picture.facts.has_manifest:
        yield LEFT_OUT
    if picture.facts.has_remote_manifest:
        yield "its XMP pointed to a manifest elsewhere, and no longer does"


def _spread(frames: int) -> list[int]:
    count = min(frames, _LOOKED_AT)
    return sorted({round(n * (frames - 1) / max(1, count - 1)) for n in range(count)})
