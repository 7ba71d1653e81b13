"""Fingerprints: codes that stay alike when a file is coded anew, and say nothing of its truth."""

from __future__ import annotations

from typing import Any, Protocol

from numpy.typing import NDArray

Array = NDArray[Any]


class Fingerprint(Protocol):
    """An engine: it knows arrays, and neither files nor records."""

    @property
    def name(self) -> str:
        """The algorithm with its version, as it stands in a record."""

    @property
    def kind(self) -> str:
        """The kind of media: image (which serves video) or audio."""

    @property
    def within(self) -> int:
        """The largest distance (bits of 256) that is worth a look, by measurement."""

    def compute(self, array: Array) -> bytes:
        """Return the codes of `array`, 32 bytes each: of a picture one, of sound one a stretch."""
