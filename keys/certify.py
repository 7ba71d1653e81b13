"""Test certificates: authorities, and leaves that follow or break the C2PA recipe.

A certificate depends on its arguments alone: dates are fixed, serial numbers and keys derived,
and ECDSA signatures deterministic (RFC 6979), so that the same call gives the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import derive
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID as Eku
from cryptography.x509.oid import NameOID, ObjectIdentifier

ORGANISATION = "trustkit TEST ONLY"
COUNTRY = "ZZ"  # ISO 3166-1 leaves ZZ to its users: no country
KEY_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


Extension = tuple[x509.ExtensionType, bool]  # and whether it is critical


@dataclass(frozen=True, slots=True)
class Validity:
    """The years, from 1 January to 1 January, in which a certificate holds.

    With `days` it holds for so many from the first of January of `first`.
    """

    first: int
    end: int
    days: int = 0

    @property
    def last(self) -> datetime:
        """When it ends."""
        if self.days:
            return datetime(self.first, 1, 1, tzinfo=UTC) + timedelta(days=self.days)
        return datetime(self.end, 1, 1, tzinfo=UTC)


AUTHORITY_YEARS = Validity(2020, 2049)
LEAF_YEARS = Validity(2026, 2046)


@dataclass(frozen=True, slots=True)
class Profile:
    """What a leaf certificate says of itself; the defaults are the recipe that C2PA accepts."""

    extended_usages: tuple[ObjectIdentifier, ...] = (Eku.EMAIL_PROTECTION,)
    extended_usage_critical: bool = False
    usage: str = "digital_signature"  # several with a plus between, none when empty
    usage_critical: bool = True
    is_authority: bool = False
    says_authority: bool = True  # whether there are basic constraints at all
    names_issuer_key: bool = True
    names_own_key: bool = True
    names_organisation: bool = True
    validity: Validity = LEAF_YEARS
    more: tuple[Extension, ...] = ()


RECIPE = Profile()


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate that issues others, with its key."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate


def root(name: str) -> Authority:
    """Return a self-signed P-384 root."""
    key = derive.ec_key(ec.SECP384R1(), name)
    builder = _authority_builder(name, key, path_length=None)
    return Authority(key, _signed(builder.issuer_name(subject(name)), key))


def intermediate(issuer: Authority, name: str, validity: Validity = AUTHORITY_YEARS) -> Authority:
    """Return a P-384 authority under `issuer` that may issue leaves only."""
    key = derive.ec_key(ec.SECP384R1(), name)
    builder = _authority_builder(name, key, 0, validity).issuer_name(issuer.certificate.subject)
    builder = builder.add_extension(_issuer_key_id(issuer.key), critical=False)
    return Authority(key, _signed(builder, issuer.key))


def impostor(issuer: Authority, name: str) -> Authority:
    """Return an authority that calls itself what `issuer` is called, with a key of its own."""
    return Authority(derive.ec_key(ec.SECP384R1(), name), issuer.certificate)


def leaf(
    issuer: Authority, name: str, key: derive.PrivateKey, profile: Profile
) -> x509.Certificate:
    """Return the certificate of `key` under `issuer`; whether C2PA accepts it is not checked."""
    builder = _leaf_builder(name, key, profile).issuer_name(issuer.certificate.subject)
    if profile.names_issuer_key:
        builder = builder.add_extension(_issuer_key_id(issuer.key), critical=False)
    return _signed(builder, issuer.key)


def self_signed_leaf(name: str, key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    """Return a leaf that nobody but its own key vouches for."""
    builder = _leaf_builder(name, key, RECIPE).issuer_name(subject(name))
    return _signed(builder.add_extension(_issuer_key_id(key), critical=False), key)


def subject(name: str, *, organisation: bool = True) -> x509.Name:
    """Return the distinguished name C, O, CN of a test certificate."""
    common = x509.NameAttribute(NameOID.COMMON_NAME, f"{ORGANISATION} {name.replace('/', ' ')}")
    if not organisation:
        return x509.Name([common])
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, COUNTRY),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, ORGANISATION),
            common,
        ]
    )


def _authority_builder(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    path_length: int | None,
    validity: Validity = AUTHORITY_YEARS,
) -> x509.CertificateBuilder:
    constraints = x509.BasicConstraints(ca=True, path_length=path_length)
    return (
        _builder(name, key, Profile(validity=validity))
        .add_extension(constraints, critical=True)
        .add_extension(_key_usage("key_cert_sign", "crl_sign"), critical=True)
    )


def _leaf_builder(name: str, key: derive.PrivateKey, profile: Profile) -> x509.CertificateBuilder:
    builder = _builder(name, key, profile)
    if profile.says_authority:
        constraints = x509.BasicConstraints(ca=profile.is_authority, path_length=None)
        builder = builder.add_extension(constraints, critical=True)
    if profile.usage:
        usage = _key_usage(*profile.usage.split("+"))
        builder = builder.add_extension(usage, critical=profile.usage_critical)
    if profile.extended_usages:
        usages = x509.ExtendedKeyUsage(profile.extended_usages)
        builder = builder.add_extension(usages, critical=profile.extended_usage_critical)
    for extension, critical in profile.more:
        builder = builder.add_extension(extension, critical=critical)
    return builder


def _builder(name: str, key: derive.PrivateKey, profile: Profile) -> x509.CertificateBuilder:
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject(name, organisation=profile.names_organisation))
        .public_key(key.public_key())
        .serial_number(derive.serial_number(name))
        .not_valid_before(datetime(profile.validity.first, 1, 1, tzinfo=UTC))
        .not_valid_after(profile.validity.last)
    )
    if not profile.names_own_key:
        return builder
    key_id = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    return builder.add_extension(key_id, critical=False)


def _signed(builder: x509.CertificateBuilder, key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    digest = hashes.SHA384() if key.curve.name == "secp384r1" else hashes.SHA256()
    return builder.sign(key, digest, ecdsa_deterministic=True)


def _key_usage(*allowed: str) -> x509.KeyUsage:
    return x509.KeyUsage(**{usage: usage in allowed for usage in KEY_USAGES})


def _issuer_key_id(key: ec.EllipticCurvePrivateKey) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())
