"""Records to fill stores with: like real ones in shape, each another by its number."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from trustkit.record import Binding, Code, Record


def name(number: int) -> str:
    """Return the id of a numbered record."""
    return digest("id", number)[:16]


def digest(what: str, number: int) -> str:
    return sha256(f"{what} {number}".encode()).hexdigest()


def picture(number: int, **changes: Any) -> Record:
    """Return the record of a picture."""
    values: dict[str, Any] = {
        "id": name(number),
        "created": "2026-11-26T05:00:00Z",
        "media_type": "image/jpeg",
        "kind": "image",
        "size": 3_000_000 + number,
        "sha256": digest("file", number),
        "source_sha256": digest("source", number),
        "order": digest("order", number),
        "manifest": digest("manifest", number),
        "manifest_id": f"urn:c2pa:{number:08d}",
        "bindings": (Binding("trustkit.tiles.1", name(number)),),
        "codes": (Code("pdq.1", bytes.fromhex(digest("code", number))),),
        "measures": {"width": 4000, "height": 3000},
        "disclosure": {"source_type": "trainedAlgorithmicMedia", "system": "x" * 150},
        "personal": {"file_name": f"IMG_{number}.jpg"},
    }
    return Record(**{**values, **changes})


def film(number: int) -> Record:
    """Return the record of a film: many codes, of two algorithms in turn, and odd names."""
    codes = [
        Code(
            "pdq.1", bytes.fromhex(digest(f"frame {at}", number)), at / 4, "" if at % 5 else "left"
        )
        for at in range(40)
    ]
    sounds = [
        Code("chroma.1", bytes.fromhex(digest(f"sound {at}", number)), at * 2.5) for at in range(9)
    ]
    return picture(
        number,
        media_type="video/mp4",
        kind="video",
        bindings=(
            Binding("trustkit.tiles.1", name(number)),
            Binding("trustkit.ripples.1", name(number)[-8:]),
        ),
        codes=(*codes[:20], *sounds, *codes[20:]),
        measures={"width": 1920, "height": 1080, "duration_s": 10.000000001, "deep": [1, [2, {}]]},
        disclosure={"system": "Ünïcode \N{SNOWMAN} \x01 \\ \" '", "edits": None, "human": True},
        personal={"file_name": "Straße\n.mp4", "gps": [52.51, 13.37], "serial": "Ω-1"},
    )
