"""PDF: its XMP stream and its information dictionary, by pikepdf; read, not written.

A PDF library writes a file anew; that nothing else changes cannot be promised there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from trustkit.errors import MissingBackendError
from trustkit.media.metadata.blocks import (
    MANIFEST,
    MAX_BLOCK,
    XMP,
    Block,
    Change,
    MalformedError,
    UnfitError,
)
from trustkit.media.metadata.edit import Edit

try:
    import pikepdf
except ImportError as error:
    raise MissingBackendError("PDF needs pikepdf", "pip install 'trustkit[pdf]'") from error

PLACE = "pdf-info"


def blocks(file: BinaryIO) -> Iterator[Block]:
    """Yield XMP, the texts of the information dictionary, and whether there is a manifest."""
    try:
        with pikepdf.open(file) as document:
            if "/Metadata" in document.Root:
                yield Block(XMP, _stream(document.Root.Metadata))
            for key, value in document.docinfo.items():
                if isinstance(value, pikepdf.String):
                    yield Block(PLACE, str(value).encode(), str(key).removeprefix("/"))
            if any("/AFRelationship" in f and f.AFRelationship == "/C2PA_Manifest"
                   for f in document.Root.get("/AF", [])):  # fmt: skip
                yield Block(MANIFEST, b"")
    except (pikepdf.PdfError, RuntimeError, TypeError, AttributeError) as error:
        raise MalformedError(f"pikepdf cannot read it: {error}") from error


def _stream(stream: pikepdf.Object) -> bytes:
    if int(stream.get("/Length", 0)) > MAX_BLOCK:
        raise MalformedError("more XMP than is read")
    found = stream.read_bytes()
    if len(found) > MAX_BLOCK:
        raise MalformedError("more XMP than is read")
    return bytes(found)


def changes(_file: BinaryIO, _edit: Edit) -> Iterator[Change]:
    """Refuse: see the module."""
    raise UnfitError("the metadata of PDF is only read")
