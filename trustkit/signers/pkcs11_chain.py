"""The certificates of a key, as they lie beside it on its token."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cryptography import x509
from pkcs11 import Attribute, CertificateType, ObjectClass
from pkcs11.exceptions import AttributeTypeInvalid

from trustkit.errors import PublishError
from trustkit.signers.chain import Chain, chain_of

MAX_CERTIFICATES = 200  # on one token
MAX_LENGTH = 10  # of one chain


def chain_on(session: Any, key: Any, name: str) -> Chain:
    """Return the certificate with the key's id, else with its label, and its issuers.

    Issuers are found by name, as far as the token has them; whether each signed the next is for
    whoever verifies. Raises `PublishError`, and what the module raises.
    """
    wanted = {
        Attribute.CLASS: ObjectClass.CERTIFICATE,
        Attribute.CERTIFICATE_TYPE: CertificateType.X_509,
    }
    leaf = None
    for attribute in (Attribute.ID, Attribute.LABEL):
        value = _value(key, attribute)
        there = list(_certificates(session, {**wanted, attribute: value})) if value else []
        if len(there) > 1:
            raise PublishError(
                f"the token has {len(there)} certificates for {name}", "name one: ?chain=CHAIN.pem"
            )
        if there:
            leaf = there[0]
            break
    if leaf is None:
        raise PublishError(
            f"the token has no certificate for {name}", "name its certificates: ?chain=CHAIN.pem"
        )
    others = {other.subject: other for other in _certificates(session, wanted)}
    chain = [leaf]
    while len(chain) < MAX_LENGTH and chain[-1].issuer != chain[-1].subject:
        issuer = others.get(chain[-1].issuer)
        if issuer is None:
            break
        chain.append(issuer)
    return chain_of(chain, "the certificate on the token")


def _value(key: Any, attribute: Attribute) -> Any:
    try:
        return key[attribute]
    except AttributeTypeInvalid:
        return None


def _certificates(session: Any, wanted: dict[Attribute, Any]) -> Iterator[x509.Certificate]:
    for number, found in enumerate(session.get_objects(wanted)):
        if number >= MAX_CERTIFICATES:
            raise PublishError("the token has too many certificates", "use ?chain=CHAIN.pem")
        try:
            yield x509.load_der_x509_certificate(bytes(found[Attribute.VALUE]))
        except ValueError:
            continue  # another's broken certificate is not ours to complain of
