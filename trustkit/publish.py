"""Publish: asset + disclosure -> manifest, signed -> read back -> in place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trustkit import __version__
from trustkit.asset import Asset
from trustkit.c2pa.identity_write import Identity
from trustkit.c2pa.manifest import PARENT, Ingredient, build
from trustkit.c2pa.parent import Incoming, incoming
from trustkit.c2pa.softbinding import SoftBinding, nearest
from trustkit.c2pa.uncovered import uncovered
from trustkit.c2pa.write import Placement, Sealed, can_embed, seal
from trustkit.disclosure import Disclosure
from trustkit.errors import PublishError
from trustkit.media import UNREADABLE_NOTE
from trustkit.signers import Signer
from trustkit.timestamps import SECONDS, Given, NoStampError, stamping

if TYPE_CHECKING:
    from trustkit.timestamps.relay import Relay

_NO_STAMP = "try again, name another with --tsa, or sign without one: --defer-timestamp"


@dataclass(frozen=True, slots=True)
class Order:
    """How to sign: the disclosure, where the manifest goes, and what else goes into it.

    `references` are inputs the content was made from, `components` files placed in it; `tsa` are
    the URLs of RFC 3161 authorities, each given `tsa_seconds`; `defer_timestamp` signs without a
    stamp where none of them gives one. `marks` name the keys with which our mark is looked for, so
    that the manifest names it: `public` or key files; with none it is not looked for. `status` is
    an OCSP response about the signer's certificate, to be stapled to the signature.
    """

    disclosure: Disclosure
    placement: Placement = Placement()
    references: tuple[Path, ...] = ()
    components: tuple[Path, ...] = ()
    tsa: tuple[str, ...] = ()
    thumbnail: bool = False
    merkle: bool = True
    allow_broken_parent: bool = False
    marks: tuple[str, ...] = ("public",)
    tsa_seconds: float = SECONDS
    defer_timestamp: bool = False
    status: bytes = b""


@dataclass(frozen=True, slots=True)
class Made:
    """How the file to sign was made by us just now: of which original, with which mark in it.

    The original's manifest becomes the parent. `marks` are in the file for certain, so that none is
    looked for; `fingerprints` are computed from the content, which signing does not change.
    """

    original: Asset
    marks: tuple[SoftBinding, ...] = ()
    fingerprints: tuple[SoftBinding, ...] = ()


@dataclass(frozen=True, slots=True)
class Signed:
    """What was written, the marks its manifest names, and what the publisher should know.

    `stamp` is what an authority gave, None where the signature bears no time stamp.
    """

    sealed: Sealed
    warnings: tuple[str, ...]
    marks: tuple[SoftBinding, ...] = ()
    stamp: Given | None = None


def sign(
    asset: Asset,
    output: Path,
    order: Order,
    signer: Signer,
    stamper: Relay | None = None,
    identity: Identity | None = None,
    made: Made | None = None,
) -> Signed:
    """Write `asset`, signed, to `output`, which may be the same path; raises `PublishError`.

    On any failure nothing is written. `identity` names who stands by what is stated. `stamper`
    reaches the authorities of the order: one opened for a whole batch keeps its connections;
    without it they are opened for this file. `made` tells how `asset` was made from another file.
    """
    if stamper is None and order.tsa:
        with stamping(order.tsa, order.tsa_seconds) as opened:
            return sign(asset, output, order, signer, opened, identity, made)
    original = made.original if made else asset

    # (1) Refuse what could not be shown to anybody: signing it would vouch for rubbish.
    note = str(asset.measures.get("note", ""))
    if note.startswith(UNREADABLE_NOTE):
        raise PublishError(
            f"{asset.name} cannot be read as {asset.media_type}: {note}", "nothing was written"
        )

    # (2) Keep the trace: an incoming manifest becomes the parent; a broken one is not laundered.
    came_with = incoming(original)
    broken = _accepted_problem(original, came_with, allow=order.allow_broken_parent)
    placement = _placement(asset, None if made else came_with, order.placement)

    # (3) Look for our marks: a copy that lost its manifest is led back by them.
    marks, unread = (made.marks, []) if made else _marks(asset, order.marks)
    # What an earlier manifest names was not put in now.
    old = came_with.report if came_with and not broken else {}
    old_marks = [mark for mark in marks if _names(old, mark)]

    # (4) Declare.
    ingredients = _ingredients(original, came_with, order)
    definition = build(
        order.disclosure,
        __version__,
        original.path.name,
        ingredients,
        media_type=asset.media_type,
        broken_parent=broken,
        uncovered=uncovered(asset),
        marks=marks,
        old_marks=old_marks,
        fingerprints=made.fingerprints if made else (),
    )

    # (5) Sign, read back, put in place.
    put = partial(seal, asset, output, definition, signer, ingredients, placement)
    put = partial(put, thumbnail=order.thumbnail, merkle=order.merkle, identity=identity)
    put = partial(put, status=order.status)
    try:
        sealed, late = put(stamper), ""
    except NoStampError as error:
        if not order.defer_timestamp:
            raise NoStampError(error.message, _NO_STAMP, error.failed) from error
        sealed, late = put(None), error.message
    warnings = [*_stamp_notes(stamper, late), *_warnings(asset, order, placement, broken, unread)]
    given = stamper.given[-1] if stamper and not late else None
    return Signed(sealed, tuple(warnings), marks, given)


def _stamp_notes(stamper: Relay | None, late: str) -> Iterator[str]:
    if late:
        yield f"signed without a time stamp: {late}. Add one later: trustkit timestamp add"
    elif stamper is None:
        yield "no time stamp: the signature will not outlive its certificate"
    else:
        yield from stamper.notes()


def _marks(asset: Asset, keys: Sequence[str]) -> tuple[tuple[SoftBinding, ...], list[str]]:
    """Return the marks in `asset` that are readable, and why others could not be looked for."""
    if not keys or asset.kind not in {"image", "video", "audio"}:
        return (), []
    # OpenCV and numpy are loaded when there is something to look at.
    from trustkit.watermarks import Search
    from trustkit.watermarks.files import open_keys
    from trustkit.watermarks.sight import AT_EASE, Sight, Unread

    # What a publisher signs is a whole copy, marked by the house; looking for cut ones as well
    # takes six times as long, and the mark of an earlier manifest is named there already.
    found = tuple(Sight(open_keys(keys), AT_EASE, Search.FAST).marks(asset))
    reasons = [one.reason for one in found if isinstance(one, Unread) and not one.by_kind]
    marks = (one.mark for one in found if not isinstance(one, Unread) and one.mark)
    return tuple(SoftBinding(mark.engine, mark.payload.hex()) for mark in marks), reasons


def _names(report: Mapping[str, Any], mark: SoftBinding) -> bool:
    named = nearest(report, mark.algorithm)
    return named is not None and mark.value in named[0]


def _accepted_problem(asset: Asset, came_with: Incoming | None, *, allow: bool) -> str:
    problem = came_with.problem if came_with else ""
    if problem and not allow:
        raise PublishError(
            f"{asset.name} comes with a manifest that does not hold: {problem}",
            "signing over it would hide that; --allow-broken-parent signs and says so",
        )
    return problem


def _placement(asset: Asset, came_with: Incoming | None, asked: Placement) -> Placement:
    if asked.is_beside and came_with and came_with.where == "embedded":
        raise PublishError(
            f"{asset.name} has a manifest inside, which every reader takes before one beside it",
            "sign it without --sidecar and --remote",
        )
    if asked.is_beside or can_embed(asset):
        return asked
    return replace(asked, sidecar=True)


def _ingredients(asset: Asset, came_with: Incoming | None, order: Order) -> Sequence[Ingredient]:
    parent = [Ingredient(asset.path, "parentOf", PARENT)] if came_with else []
    parts = [
        Ingredient(path, "componentOf", f"component-{number}")
        for number, path in enumerate(order.components, 1)
    ]
    inputs = [
        Ingredient(path, "inputTo", f"input-{number}")
        for number, path in enumerate(order.references, 1)
    ]
    return (*parent, *parts, *inputs)


def _warnings(
    asset: Asset, order: Order, placement: Placement, broken: str, unread: Sequence[str]
) -> list[str]:
    found = []
    if broken:
        found.append(f"its parent does not hold, and the manifest says so: {broken}")
    if placement.sidecar and not order.placement.is_beside:
        found.append(f"{asset.media_type} has no place for a manifest: it is in the sidecar")
    found += [f"no mark was looked for: {reason}" for reason in unread]
    return found
