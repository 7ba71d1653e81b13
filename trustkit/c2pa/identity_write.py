"""A publisher's own name in the manifest: a CAWG identity assertion, signed with a second key.

CAWG Identity Assertion 1.3, section 8.2 (X.509 certificates and COSE signatures). The engine
chooses the hashes that are signed; it has no call in Python for this, so its C library is asked
for a signer that signs both the claim and the identity (docs/identity.md). The key stays with its
signer: the engine only calls back.
"""

from __future__ import annotations

import ctypes
import hashlib
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import cbor2
from asn1crypto import tsp
from c2pa import Signer as EngineSigner
from c2pa import c2pa as binding

from trustkit.c2pa.certificates import Certificate
from trustkit.c2pa.hand import Signer, Stamper
from trustkit.c2pa.identity import holding
from trustkit.c2pa.identity_fit import unfit_for_identity
from trustkit.c2pa.identity_read import X509, stamped_part
from trustkit.c2pa.profiles import Profile
from trustkit.c2pa.profiles.lint import accepted, read_chain
from trustkit.c2pa.read import Found
from trustkit.errors import PublishError

# CAWG Identity 1.3, section 5.1.2; any other role needs a name of its own.
ROLES = (
    "cawg.creator",
    "cawg.contributor",
    "cawg.editor",
    "cawg.producer",
    "cawg.publisher",
    "cawg.sponsor",
    "cawg.translator",
)
# RFC 9053 sections 2.1 and 2.2, RFC 8230 section 2.
_ALGORITHMS = {
    "es256": -7,
    "es384": -35,
    "es512": -36,
    "ed25519": -8,
    "ps256": -37,
    "ps384": -38,
    "ps512": -39,
}
_CHAIN = "the certificate chain of the identity"
_ALG, _X5CHAIN, _COSE_SIGN1 = 1, 33, 18
_MAX_SIGNATURE = 512  # bytes: RSA with 4096 bits
_MAX_STAMP = 10 * 1024  # bytes; tokens of public authorities take 3 to 7 KiB
_FRAME, _REFERENCE = 512, 160  # bytes: maps and padding around it; one hashed URI


@dataclass(frozen=True, slots=True)
class Identity:
    """Who stands by the statements: a key, and the roles played."""

    signer: Signer
    roles: tuple[str, ...] = ()


def chain_of(identity: Identity) -> tuple[Certificate, ...]:
    """Return the certificates of `identity`, the leaf first.

    Raises `PublishError` where no verifier would accept the leaf: the engine does not look, it
    would sign with an expired one.
    """
    for role in identity.roles:
        is_own = "." in role and not role.startswith(("cawg.", "c2pa."))
        if role not in ROLES and not is_own:
            raise PublishError(
                f"{role!r} is no role",
                f"one of {', '.join(ROLES)}, or a name of your own like org.example.checker",
            )
    chain = accepted(identity.signer.chain, _CHAIN, Profile.CAWG, "vouch for an identity")
    if why := unfit_for_identity(chain[0]):
        raise PublishError(
            f"the certificate of {chain[0].name} may not vouch for an identity: {why}",
            "it needs the extended key usage documentSigning or emailProtection (docs/identity.md)",
        )
    return chain


def unheld(found: Found, identity: Identity) -> str:
    """Say why `identity` is not shown by what was read back, or return an empty text."""
    leaf = read_chain(identity.signer.chain, _CHAIN)[0]
    if any(one.chain[:1] == (leaf,) and not one.stamp_problem for one in holding(found)):
        return ""
    return "the identity statement does not hold"


@contextmanager
def with_identity(
    claim: EngineSigner,
    identity: Identity,
    references: Sequence[str],
    stamper: Stamper | None,
    failed: list[Exception],
) -> Iterator[EngineSigner]:
    """Make `claim`, a signer of the engine, sign `identity` too, over the assertions `references`.

    The hard binding is always among them. What goes wrong in between is added to `failed`.
    """
    chain = [certificate.der for certificate in chain_of(identity)]
    room = sum(map(len, chain)) + _MAX_SIGNATURE + _FRAME
    room += _REFERENCE * (len(references) + 1) + sum(len(role) + 8 for role in identity.roles)
    room += _MAX_STAMP if stamper else 0

    def sign(_context: Any, data: Any, size: int, out: Any, space: int) -> int:
        # The engine only hears that it failed; why is kept for whoever asked.
        try:
            signature = cose_sign1(identity.signer, chain, ctypes.string_at(data, size), stamper)
        except Exception as error:  # noqa: BLE001  # nothing may be raised into the engine
            failed.append(error)
            return -1
        if len(signature) > space:
            says = f"the identity's signature takes {len(signature):,} bytes of {space:,}"
            failed.append(PublishError(says, "its chain or its time stamp is too large"))
            return -1
        ctypes.memmove(out, signature, len(signature))
        return len(signature)

    # Both live as long as this frame: the engine holds no more than their addresses.
    callback = binding.SignerCallback(sign)
    words = (_c_strings(references), _c_strings(identity.roles))
    try:
        create = _library().c2pa_identity_signer_create_with_credential_holder
        claim._consume_and_swap(
            lambda handle: create(handle, X509.encode(), room, None, callback, *words),
            "the identity cannot be added: {}",
        )
    except AttributeError as error:
        raise PublishError(
            "this version of the C2PA engine cannot write identities",
            "install the version that trustkit was released with",
        ) from error
    try:
        yield claim
    finally:
        claim.close()


def cose_sign1(
    signer: Signer, chain: Sequence[bytes], payload: bytes, stamper: Stamper | None = None
) -> bytes:
    """Return the COSE_Sign1 (RFC 9052, section 4.2) of `signer` over the detached `payload`.

    `chain` is DER. With a `stamper` its token is in the header `sigTst2`.
    """
    algorithm = _ALGORITHMS[signer.algorithm]
    certificates = chain[0] if len(chain) == 1 else list(chain)  # RFC 9360 section 2
    protected = cbor2.dumps({_ALG: algorithm, _X5CHAIN: certificates})
    signature = signer.sign(cbor2.dumps(["Signature1", protected, b"", payload]))
    headers: Mapping[str, Any] = {}
    if stamper:
        token = _token(stamper, stamped_part(protected, signature))
        headers = {"sigTst2": {"tstTokens": [{"val": token}]}}
    parts = [protected, headers, None, signature]
    return cbor2.dumps(cbor2.CBORTag(_COSE_SIGN1, parts))


def _token(stamper: Stamper, data: bytes) -> bytes:
    query = tsp.TimeStampReq(
        {
            "version": 1,
            "message_imprint": {
                "hash_algorithm": {"algorithm": "sha256"},
                "hashed_message": hashlib.sha256(data).digest(),
            },
            "nonce": secrets.randbits(63),
            "cert_req": True,
        }
    )
    reply = stamper.answer(query.dump())  # which has been held against the query
    if reply is None:
        raise stamper.failure or PublishError("no authority gave a stamp", "try again")
    token: bytes = tsp.TimeStampResp.load(reply)["time_stamp_token"].dump()
    return token


def referenced(definition: Mapping[str, Any], ingredients: int) -> tuple[str, ...]:
    """List the labels of what the publisher states in `definition`: all that is not a picture.

    A label that comes again is numbered, as C2PA 2.4 section 6.4 asks.
    """
    labels = [str(assertion["label"]) for assertion in definition.get("assertions", ())]
    labels += ["c2pa.ingredient.v3"] * ingredients
    seen: dict[str, int] = {}
    names = []
    for label in labels:
        number = seen[label] = seen.get(label, -1) + 1
        names.append(f"{label}__{number}" if number else label)
    return tuple(names)


def _c_strings(words: Sequence[str]) -> Any:
    encoded = [word.encode() for word in words]
    return (ctypes.c_char_p * (len(encoded) + 1))(*encoded, None)


def _library() -> Any:
    library = binding._lib
    create = library.c2pa_identity_signer_create_with_credential_holder
    words = ctypes.POINTER(ctypes.c_char_p)
    create.argtypes = [
        *(ctypes.POINTER(binding.C2paSigner), ctypes.c_char_p, ctypes.c_size_t, ctypes.c_void_p),
        *(binding.SignerCallback, words, words),
    ]
    create.restype = ctypes.POINTER(binding.C2paSigner)
    return library
