"""The fields that laws and standards name: their names, and where XMP keeps each.

IPTC Photo Metadata 2025.1 (AI properties, digital source type), PLUS (data mining), Dublin Core,
XMP Rights and Photoshop (credit and rights), the TC260 property of GB 45438-2025, and three of our
own for SB 942.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from enum import Enum

from trustkit.errors import UsageError

IPTC_EXT = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
PLUS = "http://ns.useplus.org/ldf/xmp/1.0/"
DC = "http://purl.org/dc/elements/1.1/"
RIGHTS = "http://ns.adobe.com/xap/1.0/rights/"
PHOTOSHOP = "http://ns.adobe.com/photoshop/1.0/"
TC260 = "http://www.tc260.org.cn/ns/AIGC/1.0/"
# Our own, for what California's SB 942 asks and no standard has a property for. Standard ones of
# creation and identity (photoshop:DateCreated, dc:identifier) are of the picture, as cameras and
# agencies wrote them: a disclosure must not write over them.
OURS = "http://trustkit.org/ns/disclosure/1.0/"

MINING = "http://ns.useplus.org/ldf/vocab/"
# PLUS "Data Mining" vocabulary, 2023-09.
MINING_TERMS = (
    "DMI-UNSPECIFIED",
    "DMI-ALLOWED",
    "DMI-PROHIBITED-AIMLTRAINING",
    "DMI-PROHIBITED-GENAIMLTRAINING",
    "DMI-PROHIBITED-EXCEPTSEARCHENGINEINDEXING",
    "DMI-PROHIBITED",
    "DMI-PROHIBITED-SEECONSTRAINT",
    "DMI-PROHIBITED-SEEEMBEDDEDRIGHTSEXPR",
    "DMI-PROHIBITED-SEELINKEDRIGHTSEXPR",
)


class Shape(Enum):
    """How XMP writes a value."""

    TEXT = "text"
    LANGUAGES = "rdf:Alt"
    LIST = "rdf:Seq"


@dataclass(frozen=True, slots=True)
class Field:
    """A field: its name in the standard, ours, its XMP property, and the tags that mean the same.

    `tag` is its name in lists of free tags (FLAC, Matroska), where the standards name none.
    `elsewhere` are keys of `Found` (see `read`) of other places that say the same.
    """

    name: str
    attribute: str
    prefix: str
    namespace: str
    local: str
    shape: Shape = Shape.TEXT
    tag: str = ""
    elsewhere: tuple[str, ...] = field(default=())


FIELDS = (
    Field("DigitalSourceType", "digital_source_type", "Iptc4xmpExt", IPTC_EXT,
          "DigitalSourceType", tag="DIGITALSOURCETYPE"),
    Field("AISystemUsed", "ai_system_used", "Iptc4xmpExt", IPTC_EXT, "AISystemUsed",
          tag="AISYSTEMUSED"),
    Field("AISystemVersionUsed", "ai_system_version_used", "Iptc4xmpExt", IPTC_EXT,
          "AISystemVersionUsed", tag="AISYSTEMVERSIONUSED"),
    Field("AIPromptInformation", "ai_prompt_information", "Iptc4xmpExt", IPTC_EXT,
          "AIPromptInformation", tag="AIPROMPTINFORMATION"),
    Field("AIPromptWriterName", "ai_prompt_writer_name", "Iptc4xmpExt", IPTC_EXT,
          "AIPromptWriterName", tag="AIPROMPTWRITERNAME"),
    Field("DataMining", "data_mining", "plus", PLUS, "DataMining", tag="DATAMINING"),
    Field("AIGC", "aigc", "TC260", TC260, "AIGC", tag="AIGC"),
    Field("Credit", "credit", "photoshop", PHOTOSHOP, "Credit", tag="CREDIT",
          elsewhere=("2:110",)),
    Field("Creator", "creator", "dc", DC, "creator", Shape.LIST, tag="ARTIST",
          elsewhere=("2:80", "Artist", "IART", "TPE1", "\xa9ART", "Author")),
    Field("CopyrightNotice", "copyright_notice", "dc", DC, "rights", Shape.LANGUAGES,
          tag="COPYRIGHT",
          elsewhere=("2:116", "Copyright", "ICOP", "TCOP", "cprt", "\xa9cpy")),
    Field("UsageTerms", "usage_terms", "xmpRights", RIGHTS, "UsageTerms", Shape.LANGUAGES,
          tag="LICENSE"),
    Field("WebStatement", "web_statement", "xmpRights", RIGHTS, "WebStatement", tag="WEBSTATEMENT",
          elsewhere=("WCOP",)),
    Field("Title", "title", "dc", DC, "title", Shape.LANGUAGES, tag="TITLE",
          elsewhere=("2:05", "INAM", "TIT2", "\xa9nam", "Title")),
    Field("Description", "description", "dc", DC, "description", Shape.LANGUAGES,
          tag="DESCRIPTION",
          elsewhere=("2:120", "ImageDescription", "ICMT", "COMM", "desc", "Subject")),
    Field("DisclosureProvider", "disclosure_provider", "trustkit", OURS, "Provider",
          tag="DISCLOSUREPROVIDER"),
    Field("DisclosureCreated", "disclosure_created", "trustkit", OURS, "Created",
          tag="DISCLOSURECREATED"),
    Field("DisclosureIdentifier", "disclosure_identifier", "trustkit", OURS, "Identifier",
          tag="DISCLOSUREIDENTIFIER"),
)  # fmt: skip

BY_NAME: Mapping[str, Field] = {f.name: f for f in FIELDS}
BY_PROPERTY: Mapping[tuple[str, str], Field] = {(f.namespace, f.local): f for f in FIELDS}
BY_TAG: Mapping[str, Field] = {f.tag: f for f in FIELDS}
BY_KEY: Mapping[str, Field] = {key: f for f in FIELDS for key in f.elsewhere}
LIST_SEPARATOR = "; "

# The prefixes in which keys are shown, whatever prefix a file uses.
PREFIXES: Mapping[str, str] = {
    **{f.namespace: f.prefix for f in FIELDS},
    "http://ns.adobe.com/xap/1.0/": "xmp",
    "http://ns.adobe.com/xap/1.0/mm/": "xmpMM",
    "http://ns.adobe.com/xap/1.0/sType/ResourceEvent#": "stEvt",
    "http://ns.adobe.com/xap/1.0/sType/ResourceRef#": "stRef",
    "http://ns.adobe.com/xmp/note/": "xmpNote",
    "http://ns.adobe.com/tiff/1.0/": "tiff",
    "http://ns.adobe.com/exif/1.0/": "exif",
    "http://ns.adobe.com/pdf/1.3/": "pdf",
    "http://ns.adobe.com/xmp/1.0/DynamicMedia/": "xmpDM",
    "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/": "Iptc4xmpCore",
    "http://purl.org/dc/terms/": "dcterms",
}


def named(name: str) -> Field:
    """Return the field of that exact name; raises `UsageError` with the nearest spelling."""
    found = BY_NAME.get(name)
    if found:
        return found
    lowered = {n.lower(): n for n in BY_NAME}
    near = get_close_matches(name.lower().replace("_", ""), lowered, 1, 0.6)
    hint = f"do you mean {lowered[near[0]]}?" if near else f"fields: {', '.join(BY_NAME)}"
    raise UsageError(f"there is no field {name}", hint)
