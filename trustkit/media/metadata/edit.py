"""What is to be written: fields set or removed, as an XMP packet and as free tags."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from trustkit.media.metadata.fields import BY_NAME
from trustkit.media.metadata.xmp_edit import edited


@dataclass(frozen=True, slots=True)
class Edit:
    """Values by the field's name, as they are written, and the names of those that go."""

    wanted: Mapping[str, str] = field(default_factory=dict)
    removed: frozenset[str] = frozenset()

    def packet(self, old: bytes | None, *, in_drawing: bool = False) -> bytes:
        """Return the XMP packet (or the SVG file with one) that `old` becomes."""
        return edited(old, self.wanted, self.removed, in_drawing=in_drawing)

    @property
    def aigc(self) -> str | None:
        """The AIGC block to be written; None if it is not named."""
        return self.wanted.get("AIGC")

    @property
    def touches_aigc(self) -> bool:
        """Whether the AIGC block is set or removed."""
        return "AIGC" in self.wanted or "AIGC" in self.removed

    @property
    def tags(self) -> dict[str, str | None]:
        """Free tags by name: their value, or None for those that go."""
        gone = {BY_NAME[name].tag: None for name in self.removed}
        return gone | {BY_NAME[name].tag: value for name, value in self.wanted.items()}
