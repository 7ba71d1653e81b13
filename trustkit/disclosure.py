"""What a publisher declares, and the words for it: the IPTC digital source types and C2PA's own."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

IPTC = "http://cv.iptc.org/newscodes/digitalsourcetype/"
C2PA = "http://c2pa.org/digitalsourcetype/"
DISCLOSURE_LABEL = "org.trustkit.disclosure"  # our own assertion, beside the actions
# Our own as well: neither C2PA 2.4 nor CAWG has a statement of consent, or of a person's review.
CONSENT_LABEL = "org.trustkit.consent"
LICENCE_LABEL = "org.trustkit.licence"
EDITORIAL_LABEL = "org.trustkit.editorial"
CONSENT_OF = ("voice", "face", "likeness")

# CAWG Training and Data Mining 1.1: the four uses it knows, and what may be said of each.
MINING_USES = ("data_mining", "ai_inference", "ai_generative_training", "ai_training")
PERMISSIONS = ("allowed", "notAllowed", "constrained")


class Origin(StrEnum):
    """What a source type declares, in the words of the report's origin axis."""

    AI = "declared_ai"
    SYNTHETIC = "declared_synthetic"
    EDIT = "declared_edit"
    CAPTURE = "declared_capture"
    NONE = "none"


# IPTC NewsCodes "digitalsourcetype", 20 top concepts of 2024-10-23, and what each declares. Only
# trained algorithms (and composites with synthetic parts) count as AI: a fractal is synthetic.
SOURCE_TYPES: dict[str, Origin] = {
    "digitalCapture": Origin.CAPTURE,
    "computationalCapture": Origin.CAPTURE,
    "negativeFilm": Origin.CAPTURE,
    "positiveFilm": Origin.CAPTURE,
    "print": Origin.CAPTURE,
    "screenCapture": Origin.CAPTURE,
    "minorHumanEdits": Origin.EDIT,
    "humanEdits": Origin.EDIT,
    "algorithmicallyEnhanced": Origin.EDIT,
    "composite": Origin.EDIT,
    "compositeCapture": Origin.EDIT,
    "softwareImage": Origin.SYNTHETIC,
    "digitalArt": Origin.SYNTHETIC,
    "digitalCreation": Origin.SYNTHETIC,
    "dataDrivenMedia": Origin.SYNTHETIC,
    "algorithmicMedia": Origin.SYNTHETIC,
    "virtualRecording": Origin.SYNTHETIC,
    "trainedAlgorithmicMedia": Origin.AI,
    "compositeSynthetic": Origin.AI,
    "compositeWithTrainedAlgorithmicMedia": Origin.AI,
}
C2PA_SOURCE_TYPES: dict[str, Origin] = {
    "empty": Origin.NONE,
    "trainedAlgorithmicData": Origin.AI,
}
TERMS = (*SOURCE_TYPES, *C2PA_SOURCE_TYPES)


@dataclass(frozen=True, slots=True)
class Edit:
    """One step that a person or a program took: a C2PA action with its own source type."""

    action: str
    source_type: str = ""
    system: str = ""
    system_version: str = ""
    description: str = ""
    when: str = ""


@dataclass(frozen=True, slots=True)
class Permission:
    """Whether one of `MINING_USES` is permitted, by `PERMISSIONS`; `info` tells the condition."""

    use: str
    permission: str
    info: str = ""


@dataclass(frozen=True, slots=True)
class Consent:
    """That a person agreed: `of` is one of `CONSENT_OF`, `reference` where the agreement is kept.

    `who` and `date` (ISO 8601, of the agreement) are what the publisher chooses to tell.
    """

    of: str
    reference: str
    who: str = ""
    date: str = ""


@dataclass(frozen=True, slots=True)
class Licence:
    """By what something in the file may be used: an address or a number, and of what it is."""

    reference: str
    of: str = ""


@dataclass(frozen=True, slots=True)
class Disclosure:
    """What a publisher declares of one file.

    `source_type` is one of `TERMS`, never guessed; `created` is ISO 8601 with a zone; a prompt is
    written only when asked for, as text or as its SHA-256. `references` are paths of the media it
    was made from. `metadata` is JSON-LD, descriptive and for all to read. `label` has the words of
    a label that people see or hear, where one was put in; `label_exempt` why there is none.
    `reviewed_by` is who looked at it before it was published, `review` what for.
    """

    source_type: str
    system: str = ""
    system_version: str = ""
    provider: str = ""
    id: str = ""
    created: str = ""
    title: str = ""
    prompt: str = ""
    prompt_sha256: str = ""
    edits: tuple[Edit, ...] = ()
    references: tuple[str, ...] = ()
    training_mining: tuple[Permission, ...] = ()
    metadata: str = ""
    consents: tuple[Consent, ...] = ()
    licences: tuple[Licence, ...] = ()
    label: str = ""
    label_exempt: str = ""
    reviewed_by: str = ""
    review: str = ""


def uri(term: str) -> str:
    """Return the full address of a source type term."""
    return f"{C2PA if term in C2PA_SOURCE_TYPES else IPTC}{term}"


def term(address: str) -> str:
    """Return the term at the end of a source type's address."""
    return address.rstrip("/").rpartition("/")[2]


def origin(address: str) -> Origin:
    """Return what a digital source type, as found in a file, declares."""
    found = term(address)
    return SOURCE_TYPES.get(found, C2PA_SOURCE_TYPES.get(found, Origin.NONE))
