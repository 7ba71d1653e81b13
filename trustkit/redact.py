"""Redact: a file with a history -> statements chosen -> taken out, signed, read back, in place."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from trustkit import __version__
from trustkit.c2pa import personal
from trustkit.c2pa.history import actions
from trustkit.c2pa.manifest import PARENT, Ingredient
from trustkit.c2pa.parent import held
from trustkit.c2pa.read import Found, raw
from trustkit.c2pa.redact import (
    LEFT_BEHIND,
    Statement,
    contents,
    definition,
    statements,
    still_there,
)
from trustkit.c2pa.scrub import APPENDED, blank_store
from trustkit.c2pa.settings import plain_context
from trustkit.c2pa.uncovered import uncovered
from trustkit.c2pa.write import NotIntactError, Placement, Sealed, open_asset_as, seal
from trustkit.disclosure import term
from trustkit.errors import PublishError
from trustkit.media.placing import temporary
from trustkit.signers import Signer

if TYPE_CHECKING:
    from pathlib import Path

    from trustkit.asset import Asset
    from trustkit.timestamps.relay import Relay


@dataclass(frozen=True, slots=True)
class Choice:
    """What is to be taken out: `names` are labels or addresses, `preset` the name of one.

    `manifest` restricts both to one manifest's label; `thumbnails` lets the preset take small
    pictures as well.
    """

    names: tuple[str, ...] = ()
    preset: str = ""
    manifest: str = ""
    thumbnails: bool = False


@dataclass(frozen=True, slots=True)
class Order:
    """What to take out, and why: a code and a text, both recorded."""

    choice: Choice
    reason: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One statement of the history, and what the preset finds in it (empty: nothing)."""

    statement: Statement
    holds: str
    kept: str = ""


@dataclass(frozen=True, slots=True)
class Redacted:
    """What was written, what it took out, what the preset left, what the publisher should know."""

    sealed: Sealed
    taken: tuple[Statement, ...]
    kept: tuple[Row, ...]
    warnings: tuple[str, ...] = field(default=())


def listing(asset: Asset, *, preset: str = "personal", thumbnails: bool = True) -> list[Row]:
    """List what the history of `asset` states, and what could be taken out of it.

    Raises `PublishError` where there is no manifest that holds.
    """
    found = _found(asset)
    rows = statements(found, raw(asset, plain_context()))
    return [_row(found, one, preset, thumbnails=thumbnails) for one in rows]


def redact(
    asset: Asset, output: Path, order: Order, signer: Signer, stamper: Relay | None = None
) -> Redacted:
    """Write `asset` to `output` without the statements chosen; raises `PublishError`.

    The manifest that does so is signed by `signer`, stamped through `stamper`, and lies above those
    it takes them from. On any failure nothing is written.
    """
    # (1) Only a history that holds may be thinned out: else what is gone could not be told.
    found = _found(asset)

    # (2) Choose.
    rows = statements(found, raw(asset, plain_context()))
    taken, kept = _chosen(asset, found, rows, order.choice)

    # (3) Declare, sign, read back, and look whether it is really gone.
    when = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    manifest = definition(
        taken,
        order.reason,
        order.text,
        version=__version__,
        title=asset.path.name,
        media_type=asset.media_type,
        when=when,
        uncovered=uncovered(asset),
    )
    gone = contents(found, taken)
    with _source(asset, found, output) as source, _said(asset):
        sealed = seal(
            source,
            output,
            manifest,
            signer,
            [Ingredient(asset.path, "parentOf", PARENT)],
            Placement(sidecar=found.where == "sidecar"),
            stamper,
            check=lambda signed, reading: still_there(signed, reading, taken, gone),
        )
    return Redacted(sealed, taken, kept, tuple(_warnings(asset, kept, stamper)))


@contextmanager
def _said(asset: Asset) -> Iterator[None]:
    try:
        yield
    except NotIntactError as error:
        if LEFT_BEHIND not in error.message:
            raise
        raise PublishError(
            f"{asset.name} cannot be redacted: {LEFT_BEHIND}",
            "nothing was written; save the picture anew with other software, and sign that",
        ) from error


@contextmanager
def _source(asset: Asset, found: Found, output: Path) -> Iterator[Asset]:
    # What the old store said must not be left behind by an engine that only appends the new one.
    if asset.media_type not in APPENDED or found.where != "embedded":
        yield asset
        return
    with temporary(output) as copy:
        shutil.copy(asset.path, copy)
        with copy.open("r+b") as stream:
            if not blank_store(stream):
                raise PublishError(
                    f"the manifest in {asset.name} is not where it is looked for",
                    "what is taken out would stay in the file; redact the file it was made from",
                )
        yield open_asset_as(copy, asset.media_type)


def _found(asset: Asset) -> Found:
    return held(
        asset,
        "no history to redact",
        "what is taken out of a broken history could not be told from what was lost",
    )


def _chosen(
    asset: Asset, found: Found, rows: Sequence[Statement], choice: Choice
) -> tuple[tuple[Statement, ...], tuple[Row, ...]]:
    there = {row.manifest for row in rows}
    if choice.manifest and choice.manifest not in there:
        raise PublishError(
            f"{asset.name} has no manifest {choice.manifest!r} in its history", _LIST_HINT
        )
    within = [row for row in rows if not choice.manifest or row.manifest == choice.manifest]
    taken = [one for name in choice.names for one in _named(asset, name, within)]
    kept = []
    if choice.preset:
        for one in within:
            row = _row(found, one, choice.preset, thumbnails=choice.thumbnails)
            if row.holds and not row.kept and not one.why_not:
                taken.append(one)
            elif row.kept:
                kept.append(row)
    if not taken:
        raise PublishError(
            f"{asset.name} states nothing that {choice.preset} takes out", _LIST_HINT
        )
    return tuple({one.uri: one for one in taken}.values()), tuple(kept)


def _named(asset: Asset, name: str, rows: Sequence[Statement]) -> list[Statement]:
    found = [row for row in rows if name in {row.uri, row.label, row.base}]
    if not found:
        raise PublishError(f"{asset.name} has no statement {name!r} in its history", _LIST_HINT)
    allowed = [row for row in found if not row.why_not]
    if not allowed:
        raise PublishError(f"{name} cannot be redacted: {found[0].why_not}", _LIST_HINT)
    return allowed


_LIST_HINT = "`trustkit redact --list FILE` shows what there is"


def _row(found: Found, one: Statement, preset: str, *, thumbnails: bool) -> Row:
    holds = personal.holds(preset, one.base, one.data, thumbnails=thumbnails)
    alone = personal.source_types(one.data) - _declared(found, one.manifest) if holds else set()
    kept = f"it alone declares the source type {term(min(alone))}" if alone else ""
    return Row(one, holds, kept)


def _declared(found: Found, label: str) -> set[str]:
    manifests: Mapping[str, Any] = found.report.get("manifests") or {}
    steps = actions(manifests.get(label) or {})
    return {str(step["digitalSourceType"]) for step in steps if step.get("digitalSourceType")}


def _warnings(asset: Asset, kept: Sequence[Row], stamper: Relay | None) -> list[str]:
    found = [
        f"kept {row.statement.label}: {row.kept}; name it with --assertion to take it out"
        for row in kept
    ]
    from trustkit.media.places import names_a_place  # brings Pillow along

    with asset.open() as stream:
        if names_a_place(asset.media_type, stream):
            found.append(
                "the file's own Exif or XMP still says where it was taken: only manifests are "
                "redacted here"
            )
    if stamper is None:
        found.append("no time stamp: the signature will not outlive its certificate")
    else:
        found += stamper.notes()
    return found
