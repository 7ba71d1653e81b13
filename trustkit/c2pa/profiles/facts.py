"""What a certificate says, as plain values for people and programs. Never anything of a key."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

from trustkit.c2pa.certificates import Certificate
from trustkit.c2pa.profiles.leaf import key_name, serial_of
from trustkit.c2pa.profiles.official import (
    assurance_level,
    policies,
    product_record,
    responders,
)
from trustkit.c2pa.profiles.usages import NAMES, extended, usages


def facts(certificate: Certificate) -> dict[str, Any]:
    """Return what `certificate` states; nothing of it is checked."""
    parsed = certificate.parsed
    return {
        "subject": parsed.subject.rfc4514_string(),
        "organisation": certificate.organisation,
        "issuer": parsed.issuer.rfc4514_string(),
        "serial": f"{serial_of(certificate):x}",
        "not_before": _iso(parsed.not_valid_before_utc),
        "not_after": _iso(parsed.not_valid_after_utc),
        "sha256": hashlib.sha256(certificate.der).hexdigest(),
        "key": key_name(certificate),
        "is_ca": certificate.is_ca,
        "key_usage": list(usages(certificate) or ()),
        "extended_key_usage": [NAMES.get(use, use) for use in extended(certificate)],
        "policies": list(policies(certificate)),
        "assurance_level": assurance_level(certificate),
        "product_record": product_record(certificate),
        "ocsp": list(responders(certificate)),
    }


def _iso(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")
