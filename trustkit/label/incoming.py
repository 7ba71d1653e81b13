"""The C2PA manifest a file comes with: it would not hold for what a label changes."""

from __future__ import annotations

from trustkit.asset import Asset
from trustkit.c2pa.parent import incoming
from trustkit.c2pa.read import Unreadable
from trustkit.errors import PublishError
from trustkit.media.pictures import TYPES, open_picture


def refuse_manifest(asset: Asset, *, drop: bool) -> bool:
    """Tell whether `asset` has a manifest; raises `PublishError` unless it may be dropped."""
    is_inside = _is_inside(asset)  # first: of a damaged picture that is said
    came_with = incoming(asset)
    if came_with and came_with.where == "embedded" and isinstance(came_with.reading, Unreadable):
        # The engine fell over something: over the file, where no manifest is among its parts.
        if asset.kind == "image" and not is_inside:
            came_with = None
        elif not drop:
            raise PublishError(
                f"{asset.name}: {came_with.problem}",
                "is the file whole? --drop-manifest leaves C2PA data out",
            )
    found = came_with is not None or is_inside
    if found and not drop:
        raise PublishError(
            f"{asset.name} has a C2PA manifest, which would no longer hold for a labelled copy",
            "label first and sign afterwards, or --drop-manifest",
        )
    return found


def _is_inside(asset: Asset) -> bool:
    if asset.media_type not in TYPES:
        return False
    with asset.open() as stream:
        return open_picture(stream, asset.media_type, asset.name).facts.has_manifest
