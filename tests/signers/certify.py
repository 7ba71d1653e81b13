"""Certificates for keys that are made elsewhere: on a token, in a cloud."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


def certify(public: Any, folder: Path) -> None:
    """Write root.pem and chain.pem: a CA of this test's own, and the certificate of a key."""
    ca = ec.generate_private_key(ec.SECP256R1())
    names = [
        x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "TEST ONLY"),
                   x509.NameAttribute(NameOID.COMMON_NAME, name)])
        for name in ("Moto Root", "Moto Signer")
    ]  # fmt: skip
    now = datetime.now(UTC)

    def certificate(subject: x509.Name, key: Any, *, is_ca: bool) -> bytes:
        usage = dict.fromkeys(
            ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
             "encipher_only", "decipher_only"), False,
        )  # fmt: skip
        kind = x509.KeyUsage(
            digital_signature=not is_ca, key_cert_sign=is_ca, crl_sign=is_ca, **usage
        )
        from_ca = x509.AuthorityKeyIdentifier.from_issuer_public_key(ca.public_key())
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(names[0])
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(minutes=5))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
            .add_extension(kind, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(from_ca, critical=False)
        )
        if not is_ca:
            mail = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
            builder = builder.add_extension(mail, critical=False)
        made = builder.sign(ca, hashes.SHA256())
        return made.public_bytes(serialization.Encoding.PEM)

    (folder / "root.pem").write_bytes(certificate(names[0], ca.public_key(), is_ca=True))
    (folder / "chain.pem").write_bytes(certificate(names[1], public, is_ca=False))
