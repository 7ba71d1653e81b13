"""What a publisher's page says of a labelled file: its alt text, and JSON-LD for machines."""

from __future__ import annotations

from typing import Any

from trustkit.asset import Asset
from trustkit.disclosure import uri
from trustkit.label import Label, Text
from trustkit.label.words import sentence

ENGLISH = "en"
_TYPES = {"image": "ImageObject", "video": "VideoObject", "audio": "AudioObject"}
# What the two labels say, in IPTC's words. AI alone says neither: then it is for the caller to say.
SOURCE_TYPES = {
    Text.GENERATED: "trainedAlgorithmicMedia",
    Text.MODIFIED: "compositeWithTrainedAlgorithmicMedia",
}


def language(wish: Label) -> str:
    """Return the language of alt texts: the first that was asked for."""
    return wish.languages[0] if wish.languages else ENGLISH


def alt_text(wish: Label, own: str = "") -> str:
    """Return the publisher's `own` description with the label's sentence after it."""
    own = own.strip()
    if own and own[-1] not in ".!?…。":
        own += "."
    return f"{own} {sentence(wish.text, language(wish))}".strip()


def json_ld(asset: Asset, kind: str, wish: Label, own: str, source_type: str) -> dict[str, Any]:
    """Return a schema.org object of a labelled file; `source_type` is an IPTC term or empty.

    Neither its hash nor its size, which a signature changes, and no address: where the file will
    be found is for the page to say.
    """
    term = source_type or SOURCE_TYPES.get(wish.text, "")
    measures = asset.measures
    found: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": _TYPES[kind],
        "name": asset.path.name,
        "encodingFormat": asset.media_type,
        "inLanguage": language(wish),
        "description": alt_text(wish, own),
    }
    found |= {side: measures[side] for side in ("width", "height") if side in measures}
    seconds = measures.get("duration_s")
    if isinstance(seconds, int | float):
        found["duration"] = f"PT{seconds:g}S"
    if term:
        found["digitalSourceType"] = uri(term)
    return found
