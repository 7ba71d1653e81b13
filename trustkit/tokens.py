"""Time-stamp tokens of RFC 3161: read, their signature checked, who made them left open.

Pure: bytes in, values out. A token proves that whoever holds the key of its certificate put this
time on this hash; whether anybody trusts that certificate is for the trust lists to say.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar

from asn1crypto import cms, core, tsp
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

MAX_CERTIFICATES = 16  # real tokens carry one to four
_DIGESTS = {"sha256", "sha384", "sha512"}
_HASHES: dict[str, hashes.HashAlgorithm] = {
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}
_GRANTED = {"granted", "granted_with_mods"}  # RFC 3161 section 2.4.2: only these bring a token
# The lenient parser has many ways of giving up on hostile bytes.
_UNPARSED = (ValueError, TypeError, AttributeError, LookupError, ArithmeticError, RecursionError)


class _Response(core.Sequence):  # type: ignore[misc]  # asn1crypto has no types
    # The library's own says that every response has a token, and cannot read a refusal.
    _fields: ClassVar = [
        ("status", tsp.PKIStatusInfo),
        ("time_stamp_token", cms.ContentInfo, {"optional": True}),
    ]


class TokenError(ValueError):
    """The bytes are no token, or its signature does not hold; the text says which, in words."""


@dataclass(frozen=True)
class Token:
    """What a token says: `at` (UTC) the hash `imprint`, by `algorithm`, was there.

    `certificates` are DER, that of the signer first.
    """

    at: datetime
    algorithm: str
    imprint: bytes
    nonce: int | None
    certificates: tuple[bytes, ...]

    def covers(self, data: bytes) -> bool:
        """Tell whether the imprint is that of `data`."""
        return hashlib.new(self.algorithm, data).digest() == self.imprint


def read_reply(der: bytes) -> Token:
    """Return the checked token of a time-stamp response; raises `TokenError`, with its reason."""
    try:
        token = _granted(der)
    except TokenError:
        raise
    except _UNPARSED as error:
        raise TokenError("the answer is no time-stamp response") from error
    return read_token(token)


def read_token(der: bytes) -> Token:
    """Return the token in `der`, its signature checked; raises `TokenError`.

    RFC 3161 section 2.4.2 and RFC 5652 section 5.4. Not checked: the chain and its validity.
    """
    try:
        return _checked(der)
    except TokenError:
        raise
    except _UNPARSED as error:
        raise TokenError("the token cannot be read") from error


def _granted(der: bytes) -> bytes:
    reply = _Response.load(der, strict=True)
    status = reply["status"]
    if status["status"].native not in _GRANTED:
        raise TokenError(_refusal(status))
    token: bytes = reply["time_stamp_token"].dump()
    return token


def _checked(der: bytes) -> Token:
    content = cms.ContentInfo.load(der, strict=True)
    if content["content_type"].native != "signed_data":
        raise TokenError("the token is not signed data")
    signed = content["content"]
    wrapped = signed["encap_content_info"]
    if wrapped["content_type"].native != "tst_info" or len(signed["signer_infos"]) != 1:
        raise TokenError("the token is not one signer's time stamp")
    inside = wrapped["content"].contents
    info = tsp.TSTInfo.load(inside, strict=True)
    signer = signed["signer_infos"][0]
    chain = _chain(signed["certificates"], signer["sid"].chosen)
    _check(signer, inside, *chain[0])
    return _token(info, [der for der, _ in chain])


def _token(info: Any, chain: list[bytes]) -> Token:
    hashed = info["message_imprint"]
    algorithm = hashed["hash_algorithm"]["algorithm"].native
    if algorithm not in _DIGESTS:
        raise TokenError(f"the token's hash is {algorithm}")
    return Token(
        info["gen_time"].native.astimezone(UTC),
        algorithm,
        hashed["hashed_message"].native,
        info["nonce"].native,
        tuple(chain),
    )


def _chain(carried: Any, sid: Any) -> list[tuple[bytes, Any]]:
    # The bytes are taken first: once looked into, asn1crypto goes through all of it to write them.
    found = [(choice.chosen.dump(), choice.chosen) for choice in carried or []]
    if not found:
        raise TokenError("the token carries no certificate")
    if len(found) > MAX_CERTIFICATES:
        raise TokenError(f"the token carries more than {MAX_CERTIFICATES} certificates")
    found.sort(key=lambda pair: not _is_signer(pair[1], sid))
    if not _is_signer(found[0][1], sid):
        raise TokenError("the token does not carry its signer's certificate")
    return found


def _is_signer(certificate: Any, sid: Any) -> bool:
    if isinstance(sid, cms.IssuerAndSerialNumber):
        same_serial = certificate.serial_number == sid["serial_number"].native
        if not same_serial:
            return False
        # The same bytes in nearly every token; comparing names by their rules costs milliseconds.
        as_written = certificate.issuer.dump() == sid["issuer"].dump()
        return bool(as_written or certificate.issuer == sid["issuer"])
    return bool(certificate.key_identifier == sid.native)


def _check(signer: Any, inside: bytes, der: bytes, certificate: Any) -> None:
    # As signed: a SET OF, not the implicit tag it is sent under (RFC 5652 section 5.4).
    told = b"\x31" + signer["signed_attrs"].dump()[1:]
    attributes = {entry["type"].native: entry["values"] for entry in signer["signed_attrs"] or []}
    digest = signer["digest_algorithm"]["algorithm"].native
    if digest not in _DIGESTS:
        raise TokenError(f"the token's digest is {digest}")
    if attributes["content_type"][0].native != "tst_info":
        raise TokenError("the token signs something else than a time stamp")
    if attributes["message_digest"][0].native != hashlib.new(digest, inside).digest():
        raise TokenError("the token's signature is over another time stamp")
    if not _names(attributes, der):
        raise TokenError("the token's signature names another certificate")
    try:
        _verify(
            certificate, signer["signature_algorithm"], digest, signer["signature"].native, told
        )
    except (InvalidSignature, UnsupportedAlgorithm) as error:
        raise TokenError("the token's signature does not hold") from error


def _names(attributes: Any, der: bytes) -> bool:
    # ESS: the signed hash of the certificate, so that no other can take its place (RFC 5816).
    if "signing_certificate_v2" in attributes:
        first = attributes["signing_certificate_v2"][0]["certs"][0]
        algorithm = first["hash_algorithm"]["algorithm"].native
        return bool(
            algorithm in _DIGESTS
            and first["cert_hash"].native == hashlib.new(algorithm, der).digest()
        )
    first = attributes["signing_certificate"][0]["certs"][0]
    hashed = hashlib.sha1(der, usedforsecurity=False).digest()  # RFC 2634 knows no other
    return bool(first["cert_hash"].native == hashed)


def _verify(certificate: Any, how: Any, digest: str, signature: bytes, told: bytes) -> None:
    key = load_der_public_key(certificate.public_key.dump())
    name = how.native["algorithm"]
    if isinstance(key, (ed25519.Ed25519PublicKey, ed448.Ed448PublicKey)):
        key.verify(signature, told)
        return
    stated = how.hash_algo if name not in {"rsassa_pkcs1v15", "rsassa_pss"} else digest
    if stated not in _DIGESTS:
        raise TokenError(f"the token is signed by way of {stated}")
    if isinstance(key, ec.EllipticCurvePublicKey):
        key.verify(signature, told, ec.ECDSA(_HASHES[stated]))
    elif isinstance(key, rsa.RSAPublicKey) and name == "rsassa_pss":
        pss = padding.PSS(padding.MGF1(_HASHES[digest]), padding.PSS.AUTO)
        key.verify(signature, told, pss, _HASHES[digest])
    elif isinstance(key, rsa.RSAPublicKey):
        key.verify(signature, told, padding.PKCS1v15(), _HASHES[stated])
    else:
        raise TokenError("the token's signer has a kind of key that is not known")


def _refusal(status: Any) -> str:
    # What an authority writes goes into one line of ours, and no further than that.
    said = [str(text) for text in status["status_string"].native or []]
    why = sorted(status["fail_info"].native or []) if status["fail_info"] else []
    words = "; ".join([*said, *(str(word).replace("_", " ") for word in why)])[:200]
    return f"refused ({status['status'].native.replace('_', ' ')})" + (
        f": {words}" if words else ""
    )
