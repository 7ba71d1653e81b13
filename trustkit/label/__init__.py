"""The AI label that people see or hear: drawn into pictures and films, spoken before sounds.

One file a kind of media, imported when a file of its kind comes. A C2PA manifest that a file comes
with is not looked after here: it does not hold for what is written.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from trustkit.asset import Asset
from trustkit.errors import UnreadableError

if TYPE_CHECKING:
    from trustkit.media.film import Settings

Progress = Callable[[float, float | None], None]  # seconds done, of how many

SECONDS, MINUTES = 5.0, 10.0  # how long a film shows its label, and after how long again


class Text(StrEnum):
    """The labels of the EU's Code of Practice, section 2."""

    AI = "ai"
    GENERATED = "ai-generated"
    MODIFIED = "ai-modified"


@dataclass(frozen=True, slots=True)
class Label:
    """What is to be said, and how.

    `languages` are codes of `words.toml`; `position` one of `trustkit.media.labels.Position`;
    `size` in per cent of the shorter side, None for the usual one. Films show it for `seconds`,
    and again after every `minutes`, or `always`. Sounds begin with the recording `notice`, or with
    a synthesised voice where there is none, and have it again after every `minutes`.
    """

    text: Text
    languages: tuple[str, ...] = ()
    position: str = "top-right"
    size: float | None = None
    font: Path | None = None
    seconds: float = SECONDS
    minutes: float = MINUTES
    always: bool = False
    notice: Path | None = None


@dataclass(frozen=True, slots=True)
class Labelled:
    """What was written, and what was measured in it.

    `box` is (x, y, width, height) in pixels as the picture is shown, `capital` the height of a
    capital letter, `contrast` of the letters against their box and `around` that of the box against
    what surrounds it, both as WCAG has it and the least of those looked at. `outside` is the share
    of pixels outside the box that differ from the original, `most` by how much at most (of 255).
    `times` are where a film shows it and a sound says it: from and to which second.
    """

    kind: str
    said: tuple[str, ...]
    box: tuple[int, int, int, int] | None = None
    capital: float | None = None
    contrast: float | None = None
    around: float | None = None
    outside: float | None = None
    most: int | None = None
    times: tuple[tuple[float, float], ...] = ()
    voice: str = ""
    warnings: tuple[str, ...] = field(default=())


def kind_of(asset: Asset) -> str:
    """Return image, video or audio; what is sound alone in a film's container is audio."""
    if asset.kind != "video":
        return asset.kind
    from trustkit.media.film.look import has_picture

    return "video" if has_picture(asset.path) else "audio"


def label_file(
    asset: Asset,
    target: Path,
    wish: Label,
    *,
    progress: Progress | None = None,
    settings: Settings | None = None,
) -> Labelled:
    """Write `asset`, labelled, to `target`, which may be the same path; on a failure nothing.

    `settings` say how a film is coded. What was written is read back before it takes its place:
    the label must be there and readable. Raises `UnreadableError` for the file's faults,
    `PublishError` where a label would not be readable or nothing can be written, `ConfigError` for
    an unfit font or notice, `MissingBackendError` where nobody speaks.
    """
    kind = kind_of(asset)
    if kind == "image":
        from trustkit.label.picture import label_picture

        return label_picture(asset, target, wish)
    if kind == "video":
        from trustkit.label.film import label_film

        return label_film(asset, target, wish, progress, settings)
    if kind == "audio":
        from trustkit.label.sound import label_sound

        return label_sound(asset, target, wish, progress)
    raise UnreadableError(
        f"{asset.name} is {asset.media_type}, which trustkit cannot label", "see docs/label.md"
    )
