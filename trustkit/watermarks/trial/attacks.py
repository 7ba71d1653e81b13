"""What happens to pictures on their way: forty everyday attacks, and harder ones beside them.

The forty are the list that watermarks of this kind have been compared on since the first
prototype; a mean over them is comparable as long as none of them is changed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from typing import Any

import numpy as np
from PIL import features

from trustkit.errors import UsageError
from trustkit.watermarks.trial import distortions as d
from trustkit.watermarks.trial.distortions import Picture, Rng

FORTY, EXTRA = "forty", "extra"


@dataclass(frozen=True, slots=True)
class Attack:
    """One thing that happens to a picture, and the sentence that says what.

    `marked_again` says that the picture gets a second mark first, which only an engine can give
    it; `apply` does what is left. `part` names the decoder that must be installed.
    """

    name: str
    group: str
    sentence: str
    apply: Callable[[Picture, Rng], Picture]
    part: str = ""
    marked_again: bool = False

    def missing(self) -> str:
        """Say why this attack cannot be run here; empty when it can."""
        if self.part in {"webp", "avif"} and not features.check(self.part):
            return f"this build of Pillow has no {self.part}"
        if self.part == "jxl" and find_spec("pillow_jxl") is None:
            return "pillow-jxl-plugin is not installed"
        return ""


def generator(seed: int, picture: str, attack: str) -> Rng:
    """Return the chance of one cell of a trial: the same on every machine, in any order."""
    digest = hashlib.sha256(f"{seed}\0{picture}\0{attack}".encode()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest, "big")))


def _attack(
    group: str,
    name: str,
    sentence: str,
    apply: Callable[..., Picture],
    part: str = "",
    **how: object,
) -> Attack:
    return Attack(name, group, sentence, partial(apply, **how), part)


_forty = partial(_attack, FORTY)
_extra = partial(_attack, EXTRA)


def _contrast(value: Any) -> Any:
    return (value - 128) * 1.4 + 128


def _gamma(value: Any) -> Any:
    return 255 * (value / 255) ** 1.5


def _brighter(value: Any) -> Any:
    return value * 1.3


ATTACKS: tuple[Attack, ...] = (
    _forty("none", "nothing: the marked picture itself", d.same),
    *(
        _forty(f"jpeg{q}", f"JPEG of quality {q}, colour halved (4:2:0)", d.jpeg, quality=q)
        for q in (90, 70, 50, 30)
    ),
    *(
        _forty(f"webp{q}", f"WebP of quality {q}", d.coded, "webp", kind="WEBP", quality=q)
        for q in (80, 50)
    ),
    _forty("avif50", "AVIF of quality 50", d.coded, "avif", kind="AVIF", quality=50, max_threads=1),
    *(
        _forty(
            f"rs{f:g}".replace("0.", "."),
            f"resized to {100 * f:.0f} % of its width and height",
            d.resized,
            across=f,
            down=f,
        )
        for f in (0.75, 0.5, 0.25)
    ),
    *(
        _forty(
            f"rsb{f:g}".replace("0.", "."),
            f"resized to {100 * f:.0f} % of its width and height, and back",
            d.there_and_back,
            factor=f,
        )
        for f in (0.75, 0.5, 0.25)
    ),
    *(
        _forty(
            f"cc{area}",
            f"the middle {area} % of its area cut out",
            d.cropped,
            area=area / 100,
            at_random=False,
        )
        for area in (90, 75, 50, 25)
    ),
    *(
        _forty(
            f"rc{area}",
            f"{area} % of its area cut out, anywhere",
            d.cropped,
            area=area / 100,
            at_random=True,
        )
        for area in (75, 50)
    ),
    *(
        _forty(
            f"rot{turn}",
            f"turned by {turn}° inside its frame, with black corners",
            d.rotated,
            degrees=turn,
        )
        for turn in (1, 5, 15)
    ),
    _forty("rot90", "turned by a quarter", d.quarter_turn),
    _forty("hflip", "mirrored", d.mirrored),
    _forty("bri1.3", "30 % brighter", d.toned, curve=_brighter),
    _forty("con1.4", "40 % more contrast", d.toned, curve=_contrast),
    _forty("gam1.5", "gamma 1.5", d.toned, curve=_gamma),
    _forty("sat1.5", "50 % more saturated", d.saturated, factor=1.5),
    _forty("gray", "without its colours", d.grey),
    *(_forty(f"blur{s}", f"blurred by a Gaussian of {s} px", d.blurred, sigma=s) for s in (1, 2)),
    *(
        _forty(f"noise{s}", f"Gaussian noise of {s} of 255 steps", d.noisy, sigma=s)
        for s in (5, 10)
    ),
    *(
        _forty(f"median{n}", f"the median of every {n} by {n} pixels", d.median, side=n)
        for n in (3, 5)
    ),
    _forty("screenshot", "resized to 60 %, JPEG 70, the middle 80 % of it", d.screenshot),
    _forty("social", "at most 1,080 px, JPEG 75", d.social),
    _forty("text", "a black band with text over the lower 18 %, and a smiley", d.captioned),
    _forty(
        "perspPS", "photographed from a print: slanted, soft, noisy, JPEG 80", d.photographed_print
    ),
    _extra("cc10", "the middle 10 % of its area cut out", d.cropped, area=0.1, at_random=False),
    _extra("squeeze.85", "narrower by 15 %, as high as it was", d.resized, across=0.85, down=1.0),
    _extra("rot45", "turned by 45° inside its frame", d.rotated, degrees=45),
    _extra(
        "border", "a screenshot with 15 % of user interface around it", d.screenshot_with_border
    ),
    _extra("jpeg15", "JPEG of quality 15, colour halved (4:2:0)", d.jpeg, quality=15),
    _extra("up2", "enlarged to twice its width and height", d.resized, across=2.0, down=2.0),
    _extra("warp", "bent at random, by up to 1 % of its shorter side", d.warped, share=0.01),
    Attack("remark", EXTRA, "marked again with another message", d.same, marked_again=True),
    _extra("avif20", "AVIF of quality 20", d.coded, "avif", kind="AVIF", quality=20, max_threads=1),
    _extra("jxl30", "JPEG XL of quality 30", d.coded, "jxl", kind="JXL", quality=30, effort=4),
    _extra("denoise", "strong denoising (non-local means)", d.denoised),
    _extra("posterise", "eight levels a channel", d.posterised, levels=8),
    _extra("halftone", "black dots on white, as newspapers print", d.halftoned),
)

FORTY_COUNT = sum(attack.group == FORTY for attack in ATTACKS)


def choose(names: Sequence[str]) -> tuple[Attack, ...]:
    """Return the attacks of these names or groups, in their order; of no names: all.

    Raises `UsageError` for a name that is neither.
    """
    known = {attack.name for attack in ATTACKS} | {FORTY, EXTRA}
    for name in names:
        if name not in known:
            raise UsageError(f"there is no attack named {name!r}", f"there are {_names()}")
    return tuple(a for a in ATTACKS if not names or a.name in names or a.group in names)


def _names() -> str:
    return ", ".join([FORTY, EXTRA, *(attack.name for attack in ATTACKS)])
