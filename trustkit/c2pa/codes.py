"""C2PA validation status codes: what each means, and which question it answers.

The engine's `validation_state` is no verdict: it is Invalid for an expired certificate as for a
changed picture. So each code is put to one question here, and to one only.
Codes: C2PA 2.4 section 15.2, and c2pa-rs 0.91 `validation_status.rs`.
"""

from __future__ import annotations

from enum import StrEnum


class Concern(StrEnum):
    """The question that a failure code answers."""

    CONTENT = "content_changed"
    CLAIM = "assertion_changed"
    SIGNATURE = "signature_broken"
    UNREADABLE = "unreadable"
    UNBOUND = "unbound"
    SIGNER = "signer"
    TIMESTAMP = "timestamp"
    INGREDIENT = "ingredient_broken"
    CONFORMANCE = "nonconformant"
    IDENTITY = "identity"


ALTERED = frozenset({Concern.CONTENT, Concern.CLAIM, Concern.SIGNATURE})

BOUND = frozenset(
    {
        "assertion.dataHash.match",
        "assertion.bmffHash.match",
        "assertion.boxesHash.match",
        "assertion.collectionHash.match",
        "assertion.multiAssetHash.match",
    }
)
SIGNED = "claimSignature.validated"

_C = Concern
_FAILURES: dict[str, tuple[Concern, str]] = {
    "assertion.dataHash.mismatch": (_C.CONTENT, "the file's bytes are not those that were signed"),
    "assertion.bmffHash.mismatch": (_C.CONTENT, "the file's boxes are not those that were signed"),
    "assertion.boxesHash.mismatch": (_C.CONTENT, "a part of the file is not what was signed"),
    "assertion.boxesHash.unknownBox": (_C.CONTENT, "the file has a part that was not signed"),
    "assertion.collectionHash.mismatch": (_C.CONTENT, "a file of the collection was changed"),
    "assertion.collectionHash.incorrectFileCount": (_C.CONTENT, "files were added or removed"),
    "assertion.multiAssetHash.mismatch": (_C.CONTENT, "a part of the file is not what was signed"),
    "assertion.hashedURI.mismatch": (_C.CLAIM, "a signed statement was changed"),
    "assertion.missing": (_C.CLAIM, "a signed statement was taken out"),
    "assertion.undeclared": (_C.CLAIM, "a statement was added that nobody signed"),
    "hashedURI.mismatch": (_C.CLAIM, "something the manifest refers to was changed"),
    "hashedURI.missing": (_C.CLAIM, "something the manifest refers to is missing"),
    "claimSignature.mismatch": (_C.SIGNATURE, "the signature does not fit the claim"),
    "claimSignature.missing": (_C.SIGNATURE, "the claim is not signed"),
    "claim.missing": (_C.UNREADABLE, "the manifest has no claim"),
    "claim.multiple": (_C.UNREADABLE, "the manifest has more than one claim"),
    "claim.malformed": (_C.UNREADABLE, "the claim cannot be read"),
    "claim.cbor.invalid": (_C.UNREADABLE, "the claim is not valid CBOR"),
    "manifest.inaccessible": (_C.UNREADABLE, "a manifest cannot be reached"),
    "manifest.compressed.invalid": (_C.UNREADABLE, "a compressed manifest cannot be unpacked"),
    "assertion.inaccessible": (_C.UNREADABLE, "a signed statement cannot be reached"),
    "algorithm.unsupported": (_C.UNREADABLE, "an algorithm is not one C2PA allows"),
    "general.error": (_C.UNREADABLE, "the engine could not go on"),
    "claim.hardBindings.missing": (_C.UNBOUND, "nothing ties the manifest to this file"),
    "assertion.multipleHardBindings": (_C.UNBOUND, "two bindings where one is allowed"),
    "assertion.dataHash.malformed": (_C.UNBOUND, "the binding to the file cannot be read"),
    "assertion.dataHash.redacted": (_C.UNBOUND, "the binding to the file was redacted"),
    "assertion.bmffHash.malformed": (_C.UNBOUND, "the binding to the file cannot be read"),
    "assertion.boxesHash.malformed": (_C.UNBOUND, "the binding to the file cannot be read"),
    "assertion.collectionHash.malformed": (_C.UNBOUND, "the binding to the files cannot be read"),
    "assertion.collectionHash.invalidURI": (_C.UNBOUND, "the binding names a file it must not"),
    "assertion.multiAssetHash.malformed": (_C.UNBOUND, "the binding to the file cannot be read"),
    "assertion.cloud-data.hardBinding": (_C.UNBOUND, "the binding to the file is kept elsewhere"),
    "signingCredential.untrusted": (_C.SIGNER, "no trust list that was asked knows the signer"),
    "signingCredential.invalid": (_C.SIGNER, "the certificate is not allowed to sign claims"),
    "signingCredential.expired": (_C.SIGNER, "the certificate was not valid at the signing time"),
    "signingCredential.ocsp.revoked": (_C.SIGNER, "the certificate was revoked"),
    "signingCredential.ocsp.unknown": (_C.SIGNER, "the CA does not know the certificate"),
    "claimSignature.outsideValidity": (_C.SIGNER, "signed when the certificate was not valid"),
    "timeStamp.mismatch": (_C.TIMESTAMP, "the time stamp is for other data"),
    "timeStamp.malformed": (_C.TIMESTAMP, "the time stamp cannot be read"),
    "timeStamp.outsideValidity": (_C.TIMESTAMP, "stamped when the authority's key was not valid"),
    "timeStamp.untrusted": (_C.TIMESTAMP, "no list that was asked knows the time-stamp authority"),
    "assertion.timestamp.malformed": (_C.TIMESTAMP, "a time-stamp statement cannot be read"),
    "manifest.timestamp.invalid": (_C.TIMESTAMP, "a time-stamp manifest holds what it must not"),
    "manifest.timestamp.wrongParents": (_C.TIMESTAMP, "a time-stamp manifest has no one parent"),
    "ingredient.manifest.missing": (_C.INGREDIENT, "an ingredient's manifest is missing"),
    "ingredient.manifest.mismatch": (_C.INGREDIENT, "an ingredient's manifest was changed"),
    "ingredient.hashedURI.mismatch": (_C.INGREDIENT, "an ingredient's manifest was changed"),
    "ingredient.claimSignature.missing": (_C.INGREDIENT, "an ingredient's signature is missing"),
    "ingredient.claimSignature.mismatch": (_C.INGREDIENT, "an ingredient's signature was changed"),
    "claim.required.missing": (_C.CONFORMANCE, "the claim lacks a required field"),
    "manifest.multipleParents": (_C.CONFORMANCE, "the manifest names more than one parent"),
    "manifest.update.invalid": (_C.CONFORMANCE, "an update manifest holds what it must not"),
    "manifest.update.wrongParents": (_C.CONFORMANCE, "an update manifest has no one parent"),
    "assertion.notRedacted": (_C.CONFORMANCE, "a statement said to be redacted is still there"),
    "assertion.selfRedacted": (_C.CONFORMANCE, "the manifest redacts a statement of its own"),
    "assertion.required.missing": (_C.CONFORMANCE, "a required statement is missing"),
    "assertion.json.invalid": (_C.CONFORMANCE, "a statement is not valid JSON"),
    "assertion.cbor.invalid": (_C.CONFORMANCE, "a statement is not valid CBOR"),
    "assertion.outsideManifest": (_C.CONFORMANCE, "a statement stands outside its manifest"),
    "assertion.action.malformed": (_C.CONFORMANCE, "an action is not written as C2PA asks"),
    "assertion.action.ingredientMismatch": (_C.CONFORMANCE, "an action names no such ingredient"),
    "assertion.action.redacted": (_C.CONFORMANCE, "an action was redacted"),
    "assertion.action.redactionMismatch": (_C.CONFORMANCE, "a redaction names nothing redacted"),
    "assertion.cloud-data.actions": (_C.CONFORMANCE, "actions are kept elsewhere"),
    "assertion.cloud-data.malformed": (_C.CONFORMANCE, "a reference to elsewhere is malformed"),
    "assertion.ingredient.malformed": (_C.CONFORMANCE, "an ingredient is not written as asked"),
    "assertion.metadata.disallowed": (_C.CONFORMANCE, "a metadata field is not allowed there"),
}

_OTHERS = {
    "claimSignature.validated": "the signature fits the claim",
    "claimSignature.insideValidity": "signed while the certificate was valid",
    "signingCredential.trusted": "the engine found the signer in a list it was given",
    "signingCredential.ocsp.notRevoked": "a stapled status, whoever made it, says: not revoked",
    "signingCredential.ocsp.skipped": "revocation was not asked for",
    "signingCredential.ocsp.inaccessible": "the CA's revocation service did not answer",
    "timeStamp.validated": "the time stamp is for this signature",
    "timeStamp.trusted": "the engine found the time-stamp authority in a list it was given",
    "assertion.hashedURI.match": "a signed statement is unchanged",
    "assertion.dataHash.match": "the file's bytes are those that were signed",
    "assertion.bmffHash.match": "the file's boxes are those that were signed",
    "assertion.boxesHash.match": "the file's parts are those that were signed",
    "assertion.collectionHash.match": "the collection's files are those that were signed",
    "assertion.multiAssetHash.match": "the file's parts are those that were signed",
    "assertion.accessible": "a statement kept elsewhere was reached",
    "assertion.dataHash.additionalExclusionsPresent": "more than the manifest is left unsigned",
    "ingredient.manifest.validated": "an ingredient's manifest is unchanged",
    "ingredient.claimSignature.validated": "an ingredient's signature is unchanged",
    "ingredient.unknownProvenance": "an ingredient came without a manifest",
    "manifest.unknownProvenance": "a manifest of unknown origin",
    "manifest.unreferenced": "a manifest that nothing refers to",
    "algorithm.deprecated": "an algorithm that is on its way out",
    "timeOfSigning.insideValidity": "the time of signing is within the certificate's validity",
    "timeOfSigning.outsideValidity": "the time of signing is outside the certificate's validity",
}
# CAWG Identity 1.3 sections 7.2, 8.1.7 and 8.2.2.
_IDENTITY = {
    "cawg.identity.well-formed": "the identity statement is whole",
    "cawg.identity.cbor.invalid": "it cannot be read",
    "cawg.identity.assertion.mismatch": "it names a statement that is not in this claim",
    "cawg.identity.assertion.duplicate": "it names a statement twice",
    "cawg.identity.hard_binding_missing": "it does not name what binds the manifest to the content",
    "cawg.identity.hard_binding_incorrect": "it names another binding than the manifest's",
    "cawg.identity.sig_type.unknown": "its kind of signature is not known",
    "cawg.identity.pad.invalid": "its padding is not empty",
    "cawg.x509.signature.validated": "its signature holds",
    "cawg.x509.signature.mismatch": "its signature does not fit",
    "cawg.x509.signature.outside_validity": "its certificate is not valid today",
    "cawg.x509.credential.trusted": "a list of identities knows its certificate",
    "cawg.x509.credential.untrusted": "no list of identities that was asked knows its certificate",
    "cawg.x509.credential.invalid": "its certificate does not meet the profile",
    "cawg.ica.credential_valid": "the aggregated identity is whole",
    "cawg.ica.did_unavailable": "the key of whoever issued it was not fetched",
    "cawg.ica.untrusted_issuer": "whoever issued it is on no list",
    "cawg.ica.invalid_cose_sign1": "its signature cannot be read",
    "cawg.ica.invalid_verifiable_credential": "its credential cannot be read",
}


def concern(code: str) -> Concern:
    """Return the question that a failure `code` answers.

    A failure nobody here has heard of is UNREADABLE: it must never pass as intact.
    """
    if code.startswith("cawg."):
        return Concern.IDENTITY
    return _FAILURES[code][0] if code in _FAILURES else Concern.UNREADABLE


def meaning(code: str) -> str:
    """Return what `code` says, in a few plain words."""
    if code in _FAILURES:
        return _FAILURES[code][1]
    if code.startswith("cawg."):
        said = _IDENTITY.get(code)
        about = "about the publisher's own identity statement (CAWG), not about the file"
        return f"{said} ({about})" if said else about
    return _OTHERS.get(code, "a code this version does not know")


def known() -> list[str]:
    """List every code with a meaning, sorted."""
    return sorted({*_FAILURES, *_OTHERS})
