"""Stamp later: a file signed without a time stamp -> its signature stamped, in a manifest above."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from trustkit import __version__
from trustkit.c2pa.latestamp import UPDATABLE, definition, missing
from trustkit.c2pa.manifest import PARENT, Ingredient
from trustkit.c2pa.parent import held
from trustkit.c2pa.read import Found
from trustkit.c2pa.uncovered import uncovered
from trustkit.c2pa.write import Placement, Sealed, seal

if TYPE_CHECKING:
    from pathlib import Path

    from trustkit.asset import Asset
    from trustkit.signers import Signer
    from trustkit.timestamps import Given
    from trustkit.timestamps.relay import Relay


@dataclass(frozen=True, slots=True)
class Restamped:
    """What was written, what the authority gave, what the publisher should know."""

    sealed: Sealed
    stamp: Given
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StampedAlready:
    """The signature bears a time stamp of `at`: nothing was done, nothing written."""

    at: datetime | None


def add_timestamp(
    asset: Asset, output: Path, signer: Signer, stamper: Relay
) -> Restamped | StampedAlready:
    """Write `asset` to `output` with its signature time-stamped; raises `PublishError`.

    The stamp stands in a new manifest, signed by `signer` and stamped itself, that says of the
    content only that it was opened. On any failure nothing is written.
    """
    # (1) Only what holds is stamped: a stamp on a broken manifest would lend it credit.
    found = held(asset, "no signature to stamp", "nothing was stamped, nothing written")
    if "timeStamp.validated" in {entry["code"] for entry in found.codes("success")}:
        stamp = found.signature.stamp if found.signature else None
        return StampedAlready(stamp.at if stamp else None)

    # (2) Say nothing new of the content.
    manifest = definition(
        found,
        version=__version__,
        title=asset.path.name,
        media_type=asset.media_type,
        uncovered=uncovered(asset),
    )

    # (3) Stamp the old signature, sign, stamp the new one, read back, put in place.
    sealed = seal(
        asset,
        output,
        manifest,
        signer,
        [Ingredient(asset.path, "parentOf", PARENT)],
        Placement(sidecar=found.where == "sidecar"),
        stamper,
        stamp_parent="update" if _is_updatable(asset, found) else "whole",
        check=lambda _, signed: missing(signed, found.label),
    )
    return Restamped(sealed, stamper.given[0], tuple(stamper.notes()))


def _is_updatable(asset: Asset, found: Found) -> bool:
    return found.where == "embedded" and asset.media_type in UPDATABLE
