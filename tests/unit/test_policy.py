"""Findings to one word and one decision: what no policy and no finding can bend."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trustkit.axes import axes
from trustkit.errors import ConfigError, RejectedError
from trustkit.finding import Finding, Status, Weight
from trustkit.policies import load_policy, shipped
from trustkit.policy import CODES, Case, Decision, Pattern, Policy, Seen, Verdict, When, Word

ALTERED = {"manifest.content_changed", "manifest.assertion_changed", "manifest.signature_broken"}
UNREAD = {"manifest.unreadable", "manifest.unbound", "manifest.excluded_range", "manifest.padding"}

findings = st.lists(
    st.builds(
        Finding,
        st.sampled_from(sorted(CODES | {"detector.synthetic", "detector.inconclusive"})),
        st.sampled_from(Status),
        st.sampled_from(Weight),
        st.just("test"),
        st.just("seen"),
    ),
    max_size=8,
)
policies = st.sampled_from([load_policy(name) for name in shipped()])


def judged(*seen: Finding, policy: str = "newsdesk") -> Verdict:
    return load_policy(policy).judge(seen)


def finding(code: str, status: Status = Status.PRESENT, weight: Weight = Weight.PROOF) -> Finding:
    return Finding(code, status, weight, "test", "seen")


INTACT, TRUSTED = finding("manifest.intact"), finding("manifest.trusted")


def write(folder: Path, text: str) -> str:
    path = folder / "house.toml"
    path.write_text(f'policy = 1\nname = "house"\n{text}')
    return str(path)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("colour = 1", "unknown key colour"),
        ("[trust]\nlist = []", "unknown key trust.list"),
        ('[[case]]\ndecision = "reject"\nwhen = {}', "empty"),
        ('[[case]]\ndecision = "burn"\nwhen.any = ["manifest.intact"]', "decision"),
        ('[[case]]\ndecision = "reject"\nwhen.any = ["manifest.contnt_changed"]', "contnt"),
        ('[[case]]\ndecision = "reject"\nwhen.any = ["manifest.intact:maybe"]', "maybe"),
        ('[[case]]\ndecision = "reject"\nwhen.any = ["detector.synthetic"]', "alone cannot reject"),
        ('[[case]]\ndecision = "reject"\nwhen.verdict = ["likely_ai"]', "alone cannot reject"),
        ('[limits]\nmax_bytes = "4 gigs"', "size"),
        ("[limits]\nmax_seconds_per_file = 0", "greater than 0"),
    ],
)
def test_a_wrong_policy_is_refused_with_what_is_wrong(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told) as refused:
        load_policy(write(tmp_path, text))

    assert refused.value.exit_code == 33
    assert refused.value.hint


def test_a_verdict_is_neither_true_nor_false() -> None:
    with pytest.raises(TypeError):
        bool(judged(INTACT))


def test_require_raises_unless_the_word_is_accepted() -> None:
    judged(INTACT, TRUSTED).require(Word.TRUSTED)
    with pytest.raises(RejectedError):
        judged(INTACT).require(Word.TRUSTED)


def test_a_house_may_let_a_detector_reject_only_by_saying_so(tmp_path: Path) -> None:
    text = '[detectors]\nallow_detector_reject = true\n[[case]]\ndecision = "reject"\n'
    policy = load_policy(write(tmp_path, f'{text}when.any = ["detector.synthetic"]'))

    assert policy.judge([finding("detector.synthetic")]).decision is Decision.REJECT


def test_paths_in_a_policy_are_meant_from_where_it_stands(tmp_path: Path) -> None:
    policy = load_policy(write(tmp_path, '[trust]\nlists = ["./partners.pem", "c2pa"]'))

    assert policy.trust_lists == (str(tmp_path / "partners.pem"), "c2pa")


@given(findings)
@settings(max_examples=300)
def test_tampered_comes_from_hashes_and_signatures_alone(seen: list[Finding]) -> None:
    altered = any(f.code in ALTERED and f.seen() for f in seen)

    assert (judged(*seen).word is Word.TAMPERED) == altered
    assert (axes(tuple(seen)).integrity == "altered") == altered


@given(findings)
@settings(max_examples=300)
def test_intact_is_never_said_beside_anything_that_was_not_read(seen: list[Finding]) -> None:
    unread = [f for f in seen if f.code in UNREAD and f.seen()]
    failed = [f for f in seen if f.code == "manifest.failed" and f.status is Status.SKIPPED]

    assert axes(tuple(seen)).integrity != "intact" or not (unread or failed)


@given(findings, policies)
@settings(max_examples=300)
def test_a_detector_alone_never_rejects(seen: list[Finding], policy: object) -> None:
    alone = [f for f in seen if f.code.startswith("detector.")]

    assert policy.judge(alone).decision is not Decision.REJECT  # type: ignore[attr-defined]


@given(findings)
@settings(max_examples=200)
def test_the_order_of_findings_changes_nothing(seen: list[Finding]) -> None:
    one, other = judged(*seen), judged(*reversed(seen))

    assert (one.word, one.decision) == (other.word, other.decision)
    assert axes(tuple(seen)) == axes(tuple(reversed(seen)))


def test_trusted_needs_both_the_content_and_the_signer() -> None:
    assert judged(INTACT, TRUSTED).word is Word.TRUSTED
    assert judged(TRUSTED).word is Word.NO_PROVENANCE
    assert judged(INTACT).word is Word.VALID_UNTRUSTED


def test_nothing_found_proves_nothing() -> None:
    assert judged().word is Word.NO_PROVENANCE
    assert axes(()).integrity == "none"
    assert axes(()).synthetic == "not_checked"


@pytest.mark.parametrize("policy", shipped())
def test_every_shipped_policy_rejects_what_was_altered(policy: str) -> None:
    for code in ALTERED:
        altered = finding(code, Status.INVALID)
        assert judged(altered, TRUSTED, policy=policy).decision is Decision.REJECT


def test_the_shipped_policies_differ_where_they_say() -> None:
    stranger, nothing = (INTACT, finding("manifest.signer_unknown")), ()
    decisions = {
        name: (judged(*stranger, policy=name).decision, judged(*nothing, policy=name).decision)
        for name in shipped()
    }

    assert decisions == {
        "newsdesk": (Decision.REVIEW, Decision.ACCEPT),
        "gate": (Decision.ACCEPT, Decision.ACCEPT),
        "strict": (Decision.REVIEW, Decision.REVIEW),
    }


def test_a_pattern_matches_a_code_and_those_below_it() -> None:
    seen = Seen([finding("manifest.remote.failed", Status.SKIPPED)])

    assert seen.matching(Pattern.parse("manifest.remote:skipped"))
    assert not seen.matching(Pattern.parse("manifest.remote"))
    assert not seen.matching(Pattern.parse("manifest.rem:skipped"))


@given(findings)
@settings(max_examples=300)
def test_no_good_word_is_said_of_what_is_not_shown_intact(seen: list[Finding]) -> None:
    word, answer = judged(*seen).word, axes(tuple(seen))

    if word in {Word.TRUSTED, Word.VALID_UNTRUSTED}:
        assert answer.integrity == "intact"
    if word is Word.TRUSTED:
        assert answer.signer == "trusted"


@pytest.mark.parametrize("code", sorted({*UNREAD, "manifest.failed", "manifest.remote"}))
def test_a_part_that_was_not_read_takes_back_intact(code: str) -> None:
    for status in (Status.INVALID, Status.SKIPPED):
        seen = (INTACT, TRUSTED, finding(code, status))
        if axes(seen).integrity == "unreadable":
            assert judged(*seen).word is Word.INCONCLUSIVE


@given(findings, st.sampled_from(["synthetic", "inconclusive"]), st.sampled_from(Status))
def test_a_detector_never_outweighs_what_the_file_proves(
    seen: list[Finding], code: str, status: Status
) -> None:
    without = [f for f in seen if not f.code.startswith("detector.")]
    proved = judged(*without).word

    if proved not in {Word.LIKELY_AI, Word.INCONCLUSIVE, Word.NO_PROVENANCE}:
        assert judged(*without, finding(f"detector.{code}", status)).word is proved


@given(findings, policies)
def test_a_verdict_keeps_all_that_was_seen_and_what_decided(
    seen: list[Finding], policy: Policy
) -> None:
    verdict = policy.judge(seen)

    assert verdict.findings == tuple(seen)
    assert set(verdict.because) <= set(seen)
    assert verdict.why


@pytest.mark.parametrize("status", [Status.ABSENT, Status.SKIPPED])
@pytest.mark.parametrize(
    "code", sorted(CODES - {"manifest.failed", "manifest.remote", "manifest.remote.failed"})
)
def test_what_was_not_seen_proves_nothing(code: str, status: Status) -> None:
    assert judged(finding(code, status)).word is Word.NO_PROVENANCE


def test_the_first_case_that_holds_decides() -> None:
    always = When(none_of=(Pattern.parse("manifest.trusted"),))
    cases = (Case(Decision.REVIEW, always, "one"), Case(Decision.REJECT, always, "two"))
    verdict = Policy("house", "", cases).judge([])

    assert (verdict.decision, verdict.why) == (Decision.REVIEW, "one")
