"""What a manifest shows: integrity from hashes and signatures alone, and never from silence."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from tests.command import KEYS, TRUST, TSA_TRUST
from trustkit.axes import axes
from trustkit.c2pa.certificates import Certificate, read_certificate
from trustkit.c2pa.codes import BOUND, SIGNED
from trustkit.c2pa.cose import Signature, Stamp
from trustkit.c2pa.findings import findings
from trustkit.c2pa.lists import from_file
from trustkit.c2pa.read import Absent, Found, Reading, Remote, Unreadable, Unsupported
from trustkit.c2pa.trust import Purpose
from trustkit.finding import Finding, Status
from trustkit.policies import load_policy
from trustkit.policy import Decision, Word

NOW = datetime(2030, 6, 1, tzinfo=UTC)
LATER = datetime(2050, 1, 1, tzinfo=UTC)  # the test certificates end in 2046
LISTS = (*from_file(TRUST, Purpose.SIGNERS), *from_file(TSA_TRUST, Purpose.TIMESTAMPS))
AI = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
GOOD = (SIGNED, "assertion.dataHash.match", "assertion.hashedURI.match")
LABEL = "urn:c2pa:active"


def chain(path: Path) -> tuple[Certificate, ...]:
    loaded = x509.load_pem_x509_certificates(path.read_bytes())
    return tuple(read_certificate(one.public_bytes(Encoding.DER)) for one in loaded)


SIGNER = chain(KEYS / "signer/es256/chain.pem")
STAMPER = chain(KEYS / "tsa/cert.pem")


def signature_of(stamp: Stamp | None = None, **more: bool) -> Signature:
    return Signature(SIGNER, stamp, **{"padding_is_clean": True, "is_plain": True, **more})


SIGNED_BY = signature_of()


def entries(*codes: str | tuple[str, str]) -> list[dict[str, str]]:
    pairs = [(code, "") if isinstance(code, str) else code for code in codes]
    return [{"code": code, "explanation": text} for code, text in pairs]


def found(
    *failure: str | tuple[str, str],
    success: tuple[str, ...] = GOOD,
    signature: Signature | None = Signature(SIGNER, None, True, True),
    manifest: dict[str, Any] | None = None,
    deltas: list[dict[str, Any]] | None = None,
) -> Found:
    action = {"action": "c2pa.created", "digitalSourceType": AI}
    assertions = [{"label": "c2pa.actions.v2", "data": {"actions": [action]}}]
    report = {
        "active_manifest": LABEL,
        "manifests": {LABEL: {"assertions": assertions, **(manifest or {})}},
        "validation_results": {
            "activeManifest": {
                "success": entries(*success),
                "informational": [],
                "failure": entries(*failure),
            },
            "ingredientDeltas": deltas or [],
        },
    }
    return Found("embedded", report, signature)


def seen(reading: Reading, now: datetime = NOW, *, accepts: bool = True) -> tuple[Finding, ...]:
    return tuple(findings(reading, LISTS, now, lambda _: accepts))


def integrity(reading: Reading) -> str:
    return axes(seen(reading)).integrity


def codes(reading: Reading) -> set[str]:
    return {finding.code for finding in seen(reading)}


def stamped(at: datetime, by: tuple[Certificate, ...] = STAMPER) -> Found:
    signature = Signature(SIGNER, Stamp(at, by), True, True)
    return found(success=(*GOOD, "timeStamp.validated"), signature=signature)


@pytest.mark.parametrize("success", [(), (SIGNED,), ("assertion.dataHash.match",), ("new.code",)])
def test_silence_is_never_intact(success: tuple[str, ...]) -> None:
    assert integrity(found(success=success)) == "none"


@pytest.mark.parametrize("code", ["new.failure", "general.error", "algorithm.unsupported"])
def test_an_unknown_failure_is_never_intact(code: str) -> None:
    assert integrity(found(code)) == "unreadable"
    assert load_policy("newsdesk").judge(seen(found(code))).word is Word.INCONCLUSIVE


@pytest.mark.parametrize(
    "code",
    ["assertion.dataHash.mismatch", "assertion.hashedURI.mismatch", "claimSignature.mismatch"],
)
def test_a_change_is_altered_even_beside_every_good_code(code: str) -> None:
    reading = found(code, success=(*GOOD, *BOUND))
    assert integrity(reading) == "altered"
    assert load_policy("newsdesk").judge(seen(reading)).decision is Decision.REJECT


def test_a_broken_signature_trusts_nobody() -> None:
    reading = found("claimSignature.mismatch", success=("assertion.dataHash.match",))
    assert "manifest.trusted" not in codes(reading)
    assert axes(seen(reading)).signer == "untrusted"


def test_what_is_declared_in_an_altered_file_is_not_believed() -> None:
    reading = found("assertion.dataHash.mismatch", success=(SIGNED,))
    declared = [f for f in seen(reading) if f.code == "manifest.declares_ai"]
    assert [finding.status for finding in declared] == [Status.INVALID]
    assert axes(seen(reading)).origin == "none"


def test_a_wide_exclusion_says_not_checked_instead_of_altered() -> None:
    why = "data hash exclusion does not match the manifest location"
    reading = found(("assertion.dataHash.mismatch", why), success=(SIGNED,))
    assert "manifest.excluded_range" in codes(reading)
    assert "manifest.content_changed" not in codes(reading)
    assert integrity(reading) == "unreadable"


@pytest.mark.parametrize(
    "code",
    [
        "assertion.action.malformed",
        "assertion.metadata.disallowed",
        "signingCredential.untrusted",
        "signingCredential.expired",
        "signingCredential.invalid",
        "signingCredential.ocsp.revoked",
        "timeStamp.mismatch",
        "timeStamp.untrusted",
        "cawg.identity.pad.invalid",
        "cawg.ica.did_unavailable",
        "cawg.x509.credential.untrusted",
        "ingredient.claimSignature.mismatch",
    ],
)
def test_what_is_not_about_the_content_leaves_it_intact(code: str) -> None:
    assert integrity(found(code)) == "intact"


def test_a_failed_identity_statement_is_told_apart() -> None:
    identity = [f for f in seen(found("cawg.ica.untrusted_issuer")) if f.code == "identity.cawg"]
    assert [finding.status for finding in identity] == [Status.INVALID]


def test_a_revoked_signer_is_revoked_whoever_vouches() -> None:
    assert axes(seen(found("signingCredential.ocsp.revoked"))).signer == "revoked"


def test_laundering_a_broken_parent_shows() -> None:
    ingredient = {
        "title": "before.jpg",
        "relationship": "parentOf",
        "validation_results": {
            "activeManifest": {"failure": entries("assertion.dataHash.mismatch")}
        },
    }
    reading = found(manifest={"ingredients": [ingredient]})
    broken = [f for f in seen(reading) if f.code == "manifest.ingredient_broken"]
    assert integrity(reading) == "intact"
    assert broken[0].facts["recorded_by_signer"] is True
    assert load_policy("newsdesk").judge(seen(reading)).decision is Decision.REVIEW


def test_an_ingredient_that_fails_only_now_shows_too() -> None:
    address = f"self#jumbf=/c2pa/{LABEL}/c2pa.assertions/c2pa.ingredient.v3"
    failed = {"failure": entries("claimSignature.mismatch")}
    delta = {"ingredientAssertionURI": address, "validationDeltas": failed}
    reading = found(deltas=[delta])
    assert "manifest.ingredient_broken" in codes(reading)
    assert integrity(reading) == "intact"


def test_an_untrusted_ingredient_is_not_a_broken_one() -> None:
    ingredient = {"relationship": "parentOf", "validation_status": entries(
        "signingCredential.untrusted")}  # fmt: skip
    assert "manifest.ingredient_broken" not in codes(found(manifest={"ingredients": [ingredient]}))


def test_an_expired_signer_without_a_stamp_is_expired_and_still_intact() -> None:
    answer = axes(seen(found(), LATER))
    assert (answer.integrity, answer.signer) == ("intact", "expired")
    assert load_policy("newsdesk").judge(seen(found(), LATER)).word is Word.DECLARED_AI


def test_a_stamp_from_the_time_of_signing_outlives_the_certificate() -> None:
    assert axes(seen(stamped(NOW), LATER)).signer == "trusted"


def test_a_stamp_of_an_unknown_authority_revives_nobody() -> None:
    reading = stamped(NOW, chain(KEYS / "tsa-untrusted/cert.pem"))
    assert axes(seen(reading, LATER)).signer == "expired"
    assert "manifest.timestamp_unknown" in {f.code for f in seen(reading, LATER)}


def test_a_signer_is_no_time_stamping_authority() -> None:
    assert axes(seen(stamped(NOW, SIGNER), LATER)).signer == "expired"


def test_a_stamp_the_engine_has_not_checked_is_not_relied_on() -> None:
    signature = Signature(SIGNER, Stamp(NOW, STAMPER), True, True)
    assert axes(seen(found(signature=signature), LATER)).signer == "expired"


def test_a_stamp_from_the_future_is_not_relied_on() -> None:
    reading = stamped(NOW + timedelta(days=1))
    timestamp = [f for f in seen(reading, NOW) if f.code == "manifest.timestamp"]
    assert [finding.status for finding in timestamp] == [Status.INVALID]


def test_both_we_and_the_engine_must_trust() -> None:
    assert axes(seen(found(), accepts=True)).signer == "trusted"
    assert axes(seen(found(), accepts=False)).signer == "untrusted"


def test_an_unreadable_signature_leaves_the_signer_unchecked_not_trusted() -> None:
    assert axes(seen(found(signature=None))).signer == "untrusted"


def test_dirty_padding_is_not_intact() -> None:
    assert integrity(found(signature=Signature(SIGNER, None, False, True))) == "unreadable"


@pytest.mark.parametrize(
    ("reading", "code", "word"),
    [
        (Absent(), "manifest.present", Word.NO_PROVENANCE),
        (Unsupported(), "manifest.present", Word.NO_PROVENANCE),
        (Unreadable("embedded", "broken"), "manifest.unreadable", Word.INCONCLUSIVE),
        (Remote("https://x.example/m", "why"), "manifest.remote", Word.INCONCLUSIVE),
    ],
)
def test_what_is_not_there_is_said(reading: Reading, code: str, word: Word) -> None:
    (finding,) = seen(reading)
    assert finding.code == code
    assert finding.status is not Status.PRESENT
    assert load_policy("newsdesk").judge((finding,)).word is word
