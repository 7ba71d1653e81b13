"""What a published trust list says: PEM, C2PA's trusted entities, IPTC's publishers.

Pure: bytes in, values out. Which kind a file is, its content says, never its name.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from trustkit.c2pa.certificates import Certificate
from trustkit.c2pa.document import AGAIN, Kind, Part, certificate_of, fingerprint
from trustkit.errors import ConfigError

MAX_ENTRIES = 10_000  # certificates in one list; the largest published one has about a hundred
_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----(.+?)-----END CERTIFICATE-----", re.DOTALL)
_BEGIN = b"-----BEGIN CERTIFICATE-----"


@dataclass(frozen=True)
class Published:
    """What one or several documents of a list say together.

    `digests` are SHA-256 (hex) of end-entity certificates known by nothing else; `entities` pairs
    the SHA-256 of a certificate with the name of whom the list says it belongs to; times are UTC,
    as `2026-08-05T00:11:39Z`, or empty where the list has none. `notes` are what a person should
    know before the list counts.
    """

    kinds: tuple[Kind, ...]
    sha256: str
    certificates: tuple[Certificate, ...]
    digests: tuple[str, ...] = ()
    entities: tuple[tuple[str, str], ...] = ()
    issued: str = ""
    next_update: str = ""
    number: int | None = None
    notes: tuple[str, ...] = ()

    @property
    def entries(self) -> frozenset[str]:
        """The SHA-256 of every certificate in the list."""
        return frozenset((*map(fingerprint, self.certificates), *self.digests))


def read_published(documents: Sequence[bytes], name: str) -> Published:
    """Return what `documents` say together as list `name`.

    A list of trusted entities beside PEM files adds names and dates, and has to hold the same
    certificates as they. The SHA-256 is that of what the certificates were taken from.
    Raises `ConfigError` when a document is of no known kind or cut short, a certificate cannot be
    read, no certificate is there, or documents disagree.
    """
    parts = [_read(document, name) for document in documents]
    has_pem = any(part.kind is Kind.PEM for part in parts)
    beside = {n for n, part in enumerate(parts) if has_pem and part.kind is Kind.LOTE}
    carrying = [document for n, document in enumerate(documents) if n not in beside]
    certificates = tuple(
        dict.fromkeys(
            c for n, part in enumerate(parts) if n not in beside for c in part.certificates
        )
    )
    digests = tuple(dict.fromkeys(digest for part in parts for digest in part.digests))
    if not certificates and not digests:
        raise ConfigError(
            f"trust list {name} holds no certificate", "it must be a PEM file or JSON"
        )
    if len(certificates) + len(digests) > MAX_ENTRIES:
        raise ConfigError(
            f"trust list {name} holds more than {MAX_ENTRIES:,} certificates", "is it a trust list?"
        )
    for n in beside:
        _same(certificates, parts[n].certificates, name)
    known = {fingerprint(certificate) for certificate in certificates}
    return Published(
        kinds=tuple(part.kind for part in parts),
        sha256=hashlib.sha256(b"\n".join(carrying)).hexdigest(),
        certificates=certificates,
        digests=tuple(digest for digest in digests if digest not in known),
        entities=tuple(sorted({k: v for part in parts for k, v in part.entities.items()}.items())),
        issued=max(part.issued for part in parts),
        next_update=min((p.next_update for p in parts if p.next_update), default=""),
        number=max((p.number for p in parts if p.number is not None), default=None),
        notes=tuple(note for part in parts for note in part.notes),
    )


def _same(pem: Iterable[Certificate], listed: Iterable[Certificate], name: str) -> None:
    only_pem, only_listed = set(pem) - set(listed), set(listed) - set(pem)
    if only_pem or only_listed:
        one = next(iter(only_pem or only_listed))
        raise ConfigError(
            f"the documents of trust list {name} disagree: {len(only_pem)} certificates are only "
            f"in the PEM file and {len(only_listed)} only in the JSON file, such as {one.name}",
            "they may have been fetched while they were being replaced: try again later",
        )


def _read(document: bytes, name: str) -> Part:
    if document.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in {b"{", b"["}:
        return _read_json(document, name)
    blocks = _PEM.findall(document)
    if not blocks and not _is_only_comment(document):
        raise ConfigError(
            f"trust list {name} holds no certificate: it is neither PEM nor JSON of a known list",
            "is it the list itself, and not a page about it?",
        )
    if len(blocks) != document.count(_BEGIN):
        raise ConfigError(f"trust list {name} is cut short", AGAIN)
    certificates = [
        certificate_of(block, f"certificate {number} of trust list {name}")
        for number, block in enumerate(blocks, 1)
    ]
    return Part(Kind.PEM, certificates)


def _is_only_comment(document: bytes) -> bool:
    # A publisher's file of anchors may have none yet. A page of HTML is something else.
    lines = (line.strip() for line in document.splitlines())
    return bool(document.strip()) and all(not ln or ln.startswith(b"#") for ln in lines)


def _read_json(document: bytes, name: str) -> Part:
    try:
        parsed: Any = json.loads(document)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"trust list {name} is not JSON, or cut short: {error}", AGAIN) from error
    # The readers of the two formats are imported where one is met: most lists are PEM.
    if isinstance(parsed, dict) and "LoTE" in parsed:
        from trustkit.c2pa.lote import read_lote

        return read_lote(parsed, name)
    if isinstance(parsed, dict) and "entities" in parsed:
        from trustkit.c2pa.iptc import read_iptc

        return read_iptc(parsed, name)
    raise ConfigError(
        f"trust list {name} is JSON of no known format",
        "a list of trusted entities (ETSI TS 119 602) or IPTC's list of publishers",
    )
