"""A record: what a house keeps of a file it published, so that a stripped copy leads back to it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

CODE_BYTES = 32  # every fingerprint is cut into codes of 256 bits, so that one scan serves all


@dataclass(frozen=True, slots=True)
class Code:
    """256 bits of a fingerprint, of a whole picture or of a stretch of sound or film.

    `algorithm` with its version, like `pdq.1`; `bits` are `CODE_BYTES` long; `at` seconds into
    the medium; `view` the part of the picture it was taken of, empty for the whole.
    """

    algorithm: str
    bits: bytes
    at: float = 0.0
    view: str = ""


@dataclass(frozen=True, slots=True)
class Query:
    """A code to look for, and the largest Hamming distance (0 to 256 bits) that counts as near.

    `view` says what was done to the file before the code was taken, like `flip` or `turn 90`.
    """

    code: Code
    within: int


@dataclass(frozen=True, slots=True)
class Near:
    """A stored code near a query: whose it is, which of the queries, how many bits differ."""

    record: str
    query: int
    code: Code
    distance: int


@dataclass(frozen=True, slots=True)
class Binding:
    """A mark in a file: the name of its algorithm, and its payload as lower-case hex digits."""

    algorithm: str
    value: str


@dataclass(frozen=True, slots=True)
class Record:
    """What is kept of one published file; `id` is the mark's payload, 16 lower-case hex digits.

    `created` is ISO 8601 in UTC. `sha256` is that of the published file, `source_sha256` of the
    one it was made from (empty: not known), `order` of what was asked for, so that the same
    command knows its own work. `manifest` and `thumbnail` name blobs by their SHA-256 (empty:
    there is none). `measures` are width, height, duration_s; `disclosure` is what was declared.
    `personal` (file name, GPS, names, serial numbers) is kept apart and leaves by role alone.
    """

    id: str
    created: str
    media_type: str
    kind: str
    size: int
    sha256: str
    source_sha256: str = ""
    order: str = ""
    manifest: str = ""
    manifest_id: str = ""
    thumbnail: str = ""
    bindings: tuple[Binding, ...] = ()
    codes: tuple[Code, ...] = ()
    measures: Mapping[str, Any] = field(default_factory=dict)
    disclosure: Mapping[str, Any] = field(default_factory=dict)
    personal: Mapping[str, Any] = field(default_factory=dict)

    def without_personal(self) -> Record:
        """Return the record as it may leave the registry."""
        return replace(self, personal={})

    def public(self) -> dict[str, Any]:
        """Return everything but what is personal, as JSON can hold it."""
        return {
            "id": self.id,
            "created": self.created,
            "media_type": self.media_type,
            "kind": self.kind,
            "size": self.size,
            "sha256": self.sha256,
            "source_sha256": self.source_sha256,
            "order": self.order,
            "manifest": self.manifest,
            "manifest_id": self.manifest_id,
            "thumbnail": self.thumbnail,
            "bindings": [{"alg": one.algorithm, "value": one.value} for one in self.bindings],
            "codes": [
                {"alg": one.algorithm, "bits": one.bits.hex(), "at": one.at, "view": one.view}
                for one in self.codes
            ],
            "measures": dict(self.measures),
            "disclosure": dict(self.disclosure),
        }


def canonical(content: Mapping[str, Any]) -> bytes:
    """Return JSON in one form only: sorted keys, no spaces, UTF-8, no NaN. What logs hash."""
    return _CANONICAL.encode(content).encode()


_CANONICAL = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
)
