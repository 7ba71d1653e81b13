"""OCSP responses that a manifest store carries along, as bytes, and no judgement.

They stand in the unprotected header of the signature (`rVals`), where anybody can put them, or in
a `c2pa.certificate-status` assertion of this manifest or a later one (C2PA 2.4 section 18.19).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from itertools import islice

from trustkit.c2pa.read import Found
from trustkit.c2pa.revocation.ocsp import MAX_RESPONSE

LABEL = "c2pa.certificate-status"
_MAX_STAPLED = 8  # each costs a signature check or two


def stapled(found: Found) -> list[bytes]:
    """List the responses in the active signature and in every assertion of the store, each once."""
    inside = found.signature.statuses if found.signature else ()
    return list(dict.fromkeys(islice((*inside, *_asserted(found)), _MAX_STAPLED)))


def _asserted(found: Found) -> Iterator[bytes]:
    for manifest in (found.report.get("manifests") or {}).values():
        for assertion in manifest.get("assertions") or []:
            data = assertion.get("data")
            if str(assertion.get("label", "")).startswith(LABEL) and isinstance(data, dict):
                values = data.get("ocspVals")
                for value in values if isinstance(values, list) else []:
                    yield from _bytes(value)


def _bytes(value: object) -> Iterator[bytes]:
    # The engine shows a byte string as Base64 or as a list of numbers.
    try:
        if isinstance(value, str) and len(value) <= 2 * MAX_RESPONSE:
            yield base64.b64decode(value, validate=True)
        elif isinstance(value, list) and len(value) <= MAX_RESPONSE:
            yield bytes(value)
    except (binascii.Error, ValueError, TypeError):
        yield b""  # there is something, and it is no response: the judge says so
