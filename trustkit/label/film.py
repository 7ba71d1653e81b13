"""Films: the label burnt in at the beginning and again now and then; sound is copied."""

from __future__ import annotations

from pathlib import Path

from trustkit.asset import Asset
from trustkit.errors import PublishError
from trustkit.label import Label, Labelled, Progress
from trustkit.label.picture import wish_of, words_of
from trustkit.media.film import Film, Settings
from trustkit.media.film.frames import frame_at
from trustkit.media.film.look import look
from trustkit.media.film.remake import remake
from trustkit.media.labels.burning import Burner, Placed, Windows, place, seen
from trustkit.media.labels.contrast import ENOUGH, Contrast

_MARGIN = 5.0  # per cent that stay free at each side: EBU R 95, the safe area of graphics
_LOOKED_AT = 6  # windows in which the written film is looked at, spread over it
_MINUTE = 60.0


def label_film(
    asset: Asset,
    target: Path,
    wish: Label,
    progress: Progress | None = None,
    settings: Settings | None = None,
) -> Labelled:
    """Write the film with its label to `target`; raises as `label_file`."""
    film = look(asset.path)
    placed = place(film, wish_of(wish, _MARGIN), asset.name)
    windows = Windows(wish.seconds, wish.minutes * _MINUTE, wish.always)
    burner = Burner(placed, windows)
    found: list[Contrast] = []

    def read_back(fresh: Path) -> None:
        found.extend(_read_back(fresh, placed, burner, asset.name))

    made = remake(asset.path, target, burner, settings, progress=progress, inspect=read_back)
    frame = 1 / float(film.rate)
    said, box = words_of(wish), placed.shown
    smaller = ["its label is smaller than asked for: there was no room"] * placed.is_smaller
    around = [one.around for one in found if one.around is not None]
    return Labelled(
        kind="video",
        said=(said.main, *said.more),
        box=(box.x, box.y, box.width, box.height),
        capital=placed.stamp.capital,
        contrast=min(one.letters for one in found),
        around=min(around) if around else None,
        times=tuple((round(a, 3), round(b + frame, 3)) for a, b in burner.times),
        warnings=(*made.warnings, *smaller),
    )


def _read_back(fresh: Path, placed: Placed, burner: Burner, name: str) -> list[Contrast]:
    film: Film = look(fresh)
    count = len(burner.times)
    step = max(1, -(-count // _LOOKED_AT))
    chosen = sorted({*range(0, count, step), count - 1})
    found = []
    for begin, end in (burner.times[number] for number in chosen):
        for at in dict.fromkeys((begin, (begin + end) / 2, end)):
            luma, dark = frame_at(fresh, at, film), burner.is_dark(at)
            if luma is None or dark is None:
                raise PublishError(
                    f"the frame at {at:.1f} seconds of the written {name} cannot be read back",
                    "nothing was written; please report this film",
                )
            one = seen(luma, placed, dark=dark)
            if one.letters < ENOUGH:
                raise PublishError(
                    f"the label cannot be read in the written {name} at {at:.1f} seconds: its "
                    f"contrast is {one.letters:.1f}:1, and {ENOUGH}:1 is asked for",
                    "nothing was written; use a larger --size or a lower --crf",
                )
            found.append(one)
    return found
