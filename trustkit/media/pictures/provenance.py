"""What must not stay when pixels change: manifests, and XMP that points to one elsewhere."""

from __future__ import annotations

import re

_TERMS = re.compile(rb"""xmlns:([A-Za-z_][\w.-]*)\s*=\s*["']http://purl\.org/dc/terms/["']""")
LEFT_OUT = "its manifest was left out: it would not hold for changed pixels"
C2PA_UUID = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")  # C2PA 2.2, A.5.3


def blank(xmp: bytes) -> bytes:
    """Return `xmp` of the same length with dcterms:provenance overwritten by spaces.

    The same length, so that nothing that counts bytes has to change with it.
    """
    for prefix in set(_TERMS.findall(xmp)):
        name = re.escape(prefix) + b":provenance"
        attribute = rb"""\s%s\s*=\s*(?:"[^"]*"|'[^']*')""" % name
        element = rb"<%s\b[^<>]*(?:/>|>[^<]*</%s\s*>)" % (name, name)
        for pattern in (attribute, element):
            xmp = re.sub(pattern, lambda found: b" " * len(found.group()), xmp)
    return xmp


def is_manifest_box(kind: bytes, content: bytes) -> bool:
    """Whether a JUMBF or ISO box holds a manifest; `content` is what follows its header."""
    if kind == b"jumb":
        return b"c2pa" in content[:64]
    return kind == b"uuid" and content[:16] == C2PA_UUID
