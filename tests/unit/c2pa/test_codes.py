"""Every C2PA status code answers one question, and an unknown one never passes as intact."""

from __future__ import annotations

import pytest

from trustkit.c2pa.codes import _FAILURES, _OTHERS, ALTERED, BOUND, Concern, concern, known, meaning

# C2PA 2.4 section 15.2.2 and c2pa-rs 0.91 validation_status.rs, written down apart from our table.
CHANGED = {
    "assertion.dataHash.mismatch": Concern.CONTENT,
    "assertion.bmffHash.mismatch": Concern.CONTENT,
    "assertion.boxesHash.mismatch": Concern.CONTENT,
    "assertion.boxesHash.unknownBox": Concern.CONTENT,
    "assertion.collectionHash.mismatch": Concern.CONTENT,
    "assertion.hashedURI.mismatch": Concern.CLAIM,
    "assertion.missing": Concern.CLAIM,
    "assertion.undeclared": Concern.CLAIM,
    "claimSignature.mismatch": Concern.SIGNATURE,
    "claimSignature.missing": Concern.SIGNATURE,
}
NEVER_TAMPERED = (
    "signingCredential.untrusted",
    "signingCredential.invalid",
    "signingCredential.expired",
    "signingCredential.ocsp.revoked",
    "claimSignature.outsideValidity",
    "timeStamp.mismatch",
    "timeStamp.untrusted",
    "timeStamp.malformed",
    "timeStamp.outsideValidity",
    "assertion.action.malformed",
    "assertion.action.ingredientMismatch",
    "assertion.metadata.disallowed",
    "assertion.json.invalid",
    "assertion.required.missing",
    "claim.required.missing",
    "manifest.multipleParents",
    "ingredient.manifest.mismatch",
    "ingredient.claimSignature.mismatch",
    "cawg.identity.pad.invalid",
    "cawg.ica.did_unavailable",
    "cawg.x509.credential.untrusted",
)


@pytest.mark.parametrize("code", ["", "assertion.newHash.mismatch", "nobody.knows", "Cawg.x"])
def test_a_failure_nobody_knows_is_unreadable_never_intact(code: str) -> None:
    assert concern(code) is Concern.UNREADABLE


@pytest.mark.parametrize("code", NEVER_TAMPERED)
def test_trust_and_conformance_never_say_tampered(code: str) -> None:
    assert concern(code) not in ALTERED


@pytest.mark.parametrize(("code", "question"), CHANGED.items())
def test_hashes_and_signatures_say_what_was_changed(code: str, question: Concern) -> None:
    assert concern(code) is question
    assert question in ALTERED


@pytest.mark.parametrize("code", known())
def test_every_code_has_one_meaning_in_plain_words(code: str) -> None:
    assert (code in _FAILURES) != (code in _OTHERS)
    assert meaning(code) != meaning("nobody.knows")
    assert code not in meaning(code)


def test_what_binds_is_a_success_code_we_know() -> None:
    assert set(_OTHERS) >= BOUND
    assert all(code.endswith(".match") for code in BOUND)


def test_a_code_about_identity_is_not_about_the_file() -> None:
    assert concern("cawg.anything.at.all") is Concern.IDENTITY
    assert "not about the file" in meaning("cawg.anything.at.all")
