"""Marks inside the pixels as evidence: leads and declarations, never proof (docs/adr/0010)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from trustkit.asset import Asset
from trustkit.c2pa.softbinding import names_of
from trustkit.finding import Finding, Status, Weight

if TYPE_CHECKING:
    from trustkit.watermarks import Mark
    from trustkit.watermarks.sight import Published, Read, Sight, Unread

SOURCE = "watermark@1"
_SECONDS = 40.0  # of a film: a third of what a file may take by default
_PUBLIC = "public"


class WatermarkCollector:
    """Reads our mark in pictures, films and sounds, and the words that known generators write.

    `keys` name key files to read with beside the public key; a film is given up after `seconds`.
    Where a mark was read it is compared with the one that the manifest names. A remote manifest is
    not asked for that. Raises `ConfigError` for a bad key file.
    """

    name = "watermark"

    def __init__(self, keys: Iterable[str] = (), seconds: float = _SECONDS) -> None:
        self._names = (_PUBLIC, *keys)
        self._seconds = seconds
        self._last: tuple[object, tuple[Read | Unread, ...]] | None = None
        if len(self._names) > 1:
            _ = self._sight  # a bad key is to be said before any file is read

    @cached_property
    def _sight(self) -> Sight:
        # OpenCV and numpy are loaded when the first picture or film comes.
        from trustkit.watermarks.files import open_keys
        from trustkit.watermarks.sight import Limits, Sight

        return Sight(open_keys(self._names), Limits(seconds=self._seconds))

    def collect(self, asset: Asset) -> Iterable[Finding]:
        """See `Collector`."""
        if asset.kind not in {"image", "video", "audio"}:
            yield _unread("watermark.present", f"no engine reads marks in {asset.media_type}")
            return
        yield from self._marks(asset)
        if asset.kind == "image":
            yield self._word(asset)

    def marks(self, asset: Asset) -> tuple[Read | Unread, ...]:
        """Return what was read of each part of a file; asked twice, it is looked at once."""
        key = (asset.path, asset.name, asset.stamp)
        if self._last is None or self._last[0] != key:
            self._last = key, tuple(self._sight.marks(asset))
        return self._last[1]

    def _marks(self, asset: Asset) -> Iterator[Finding]:
        from trustkit.watermarks.sight import ALGORITHMS, SEARCH, Unread

        for found in self.marks(asset):
            if isinstance(found, Unread):
                yield _unread("watermark.present", found.reason)
            elif found.mark is None:
                where = " in its sound" if asset.kind == "video" and found.part == "sound" else ""
                yield finding(
                    "watermark.present",
                    Status.ABSENT,
                    f"no mark readable{where}, which does not mean that there is none",
                    {
                        "engine": ALGORITHMS[found.part],
                        "search": SEARCH.value,
                        "keys": list(self._names),
                    },
                )
            else:
                yield _present(found.mark, found)
                yield from _compared(asset, found.mark)

    def _word(self, asset: Asset) -> Finding:
        from trustkit.watermarks.sight import Unread

        found = self._sight.word(asset)
        if isinstance(found, Unread):
            return _unread("watermark.generator", found.reason)
        if found is None:
            return finding(
                "watermark.generator",
                Status.ABSENT,
                "no generator's word readable, which does not mean that there is none",
            )
        return _generator(found)


def _present(mark: Mark, read: Read) -> Finding:
    key = "the public key" if read.key == _PUBLIC else f"the key {read.key}"
    where = f", from {mark.span[0]:g} to {mark.span[1]:g} s" if mark.span else ""
    return finding(
        "watermark.present",
        Status.PRESENT,
        f"the mark {mark.payload.hex()} was read with {key}{where}: a lead to a record, no proof",
        {
            "payload": mark.payload.hex(),
            "engine": mark.engine,
            "key": read.key,
            "confidence": round(float(mark.confidence), 2),
            "false_positive_bound": _digits(mark.false_positive_bound),
            "search": mark.search.value,
            "path": mark.path,
            **_lie(mark),
            "span": list(mark.span) if mark.span else None,
        },
    )


def _lie(mark: Mark) -> dict[str, object]:
    if mark.timing:
        timing = mark.timing
        return {
            "timing": {
                "tempo": timing.tempo,
                "pitch": timing.pitch + 0.0,  # minus zero is nothing to tell
                "seconds": timing.seconds,
            }
        }
    seen = mark.geometry
    return {
        "geometry": {
            "scale": seen.scale,
            "rotation": seen.rotation + 0.0,
            "flip": seen.flip,
            "crop": seen.crop,
            "squeeze": seen.squeeze,
        }
    }


def _compared(asset: Asset, mark: Mark) -> Iterator[Finding]:
    # Only here: a second reading of the manifest is for the few files that have a mark.
    named = names_of(asset, mark.engine)
    if named is None:
        return
    payload = mark.payload.hex()
    facts = {
        "payload": payload,
        "named": list(named.values),
        "algorithm": mark.engine,
        "depth": named.depth,
        "manifest_problem": named.problem,
    }
    whose = "the manifest" if named.depth == 0 else "a parent's manifest"
    if payload not in named.values:
        yield finding(
            "watermark.mismatch",
            Status.PRESENT,
            f"{whose} names the mark {' or '.join(named.values)}, but {payload} was read",
            facts,
        )
    elif named.problem:
        yield finding(
            "watermark.bound",
            Status.INVALID,
            f"{whose} names the mark that was read, but is not shown to belong to this content",
            facts,
        )
    else:
        yield finding(
            "watermark.bound",
            Status.PRESENT,
            f"{whose} names the mark that was read",
            facts,
        )


def _generator(word: Published) -> Finding:
    return finding(
        "watermark.generator",
        Status.PRESENT,
        f"a mark in the pixels says {word.generator}: {word.bits_right} of {word.bits} bits of its "
        f"published word, which chance gives in fewer than one of {_one_of(word.odds)} pictures "
        "and anyone can write",
        {
            "generator": word.generator,
            "word": word.name,
            "method": word.method.value,
            "writing": word.writing.value,
            "bits_right": word.bits_right,
            "bits": word.bits,
            "odds": _digits(word.odds),
            "published_at": word.source,
        },
    )


def _one_of(odds: float) -> str:
    number = int(1 / odds)
    return f"{number // 10**6} million" if number >= 10**6 else f"{number:,}"


def _digits(value: float) -> float:
    return float(f"{value:.3g}")


def _unread(code: str, reason: str) -> Finding:
    what = "mark" if code == "watermark.present" else "generator's word"
    return finding(code, Status.SKIPPED, f"no {what} was looked for", reason=reason)


def finding(
    code: str,
    status: Status,
    summary: str,
    facts: Mapping[str, object] | None = None,
    *,
    reason: str = "",
) -> Finding:
    """Return a finding of this collector: a decoded mark is strong at its best, and no proof."""
    return Finding(code, status, Weight.STRONG, SOURCE, summary, reason, facts or {})
