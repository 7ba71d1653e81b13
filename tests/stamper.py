"""RFC 3161 replies made in this process: for times OpenSSL cannot be told, and where it is slow."""

from __future__ import annotations

import hashlib
import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from asn1crypto import algos, cms, core, tsp, x509
from asn1crypto import pem as armour
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

POLICY = "1.2.3.4.1"


class Stamper:
    """Makes replies with the key in `keys` (key.pem, cert.pem), at any time that is asked for."""

    def __init__(self, keys: Path) -> None:
        key = load_pem_private_key((keys / "key.pem").read_bytes(), None)
        assert isinstance(key, rsa.RSAPrivateKey)
        self._key = key
        pem = next(path for name in ("cert", "chain") if (path := keys / f"{name}.pem").exists())
        text = pem.read_bytes()
        der = armour.unarmor(
            text[text.index(b"-----BEGIN") :].partition(b"-----END CERT")[0]
            + b"-----END CERTIFICATE-----\n"
        )[2]
        self._der = der
        self.parsed = x509.Certificate.load(der)

    def reply(self, query: bytes, at: datetime | None = None) -> bytes:
        """Return a granted response to `query`, stating the time `at`, now by default."""
        asked = tsp.TimeStampReq.load(query)
        info = tsp.TSTInfo(
            {
                "version": "v1",
                "policy": POLICY,
                "message_imprint": asked["message_imprint"],
                "serial_number": secrets.randbits(63),
                "gen_time": (at or datetime.now(UTC)).replace(microsecond=0),
                "nonce": asked["nonce"].native,
            }
        ).dump()
        token = cms.ContentInfo({"content_type": "signed_data", "content": self._signed(info)})
        return tsp.TimeStampResp(
            {"status": {"status": "granted"}, "time_stamp_token": token}
        ).dump()

    def _signed(self, info: bytes) -> Any:
        attributes = cms.CMSAttributes(
            [
                {"type": "content_type", "values": ["tst_info"]},
                {"type": "message_digest", "values": [hashlib.sha256(info).digest()]},
                {"type": "signing_certificate_v2", "values": [self._named()]},
            ]
        )
        signature = self._key.sign(attributes.dump(), padding.PKCS1v15(), SHA256())
        signer = {
            "version": "v1",
            "sid": {
                "issuer_and_serial_number": {
                    "issuer": self.parsed.issuer,
                    "serial_number": self.parsed.serial_number,
                }
            },
            "digest_algorithm": {"algorithm": "sha256"},
            "signed_attrs": attributes,
            "signature_algorithm": algos.SignedDigestAlgorithm({"algorithm": "rsassa_pkcs1v15"}),
            "signature": signature,
        }
        return cms.SignedData(
            {
                "version": "v3",
                "digest_algorithms": [{"algorithm": "sha256"}],
                "encap_content_info": {
                    "content_type": "tst_info",
                    "content": core.ParsableOctetString(info),
                },
                "certificates": [self.parsed],
                "signer_infos": [signer],
            }
        )

    def _named(self) -> Any:
        digest = hashlib.sha256(self._der).digest()
        return tsp.SigningCertificateV2({"certs": [{"cert_hash": digest}]})


def with_other_nonce(query: bytes) -> bytes:
    """Return `query` with another nonce: the reply to it answers nobody."""
    asked = tsp.TimeStampReq.load(query)
    return _query(asked["message_imprint"]["hashed_message"].native, secrets.randbits(62))


def with_other_data(query: bytes) -> bytes:
    """Return `query` for other data, its nonce kept."""
    asked = tsp.TimeStampReq.load(query)
    return _query(secrets.token_bytes(32), asked["nonce"].native)


def _query(digest: bytes, nonce: int) -> bytes:
    made: bytes = tsp.TimeStampReq(
        {
            "version": "v1",
            "message_imprint": {
                "hash_algorithm": {"algorithm": "sha256"},
                "hashed_message": digest,
            },
            "nonce": nonce,
            "cert_req": True,
        }
    ).dump()
    return made


def query_for(data: bytes, nonce: int = 7) -> bytes:
    """Return a query that asks for a stamp on `data`."""
    return _query(hashlib.sha256(data).digest(), nonce)


def refusal(text: str) -> bytes:
    """Return a reply that refuses, with `text` and the reason that the time is not available."""
    status = tsp.PKIStatusInfo(
        {"status": "rejection", "status_string": [text], "fail_info": {"time_not_available"}}
    ).dump()
    return b"\x30" + bytes([len(status)]) + status  # a SEQUENCE without a token
