"""Policy: ordered tables from findings to one word. The first case that holds decides.

Two tables are asked. The headline (which verdict word a file gets) is fixed by the contract; the
decision (accept, review, reject) is a house's own, from a TOML file.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from trustkit.errors import RejectedError
from trustkit.finding import Finding, Status

Findings = tuple[Finding, ...]


LIST_FILES = (".pem", ".crt", ".json")  # a name of a trust list that ends so is a file's

# Every code that trustkit itself gives; docs/findings.md has a paragraph on each.
CODES = frozenset(
    {
        "identity.aggregated",
        "identity.broken",
        "identity.cawg",
        "identity.expired",
        "identity.trusted",
        "identity.unknown",
        "detector.failed",
        "detector.inconclusive",
        "detector.synthetic",
        "manifest.ancestor_timestamp",
        "manifest.assertion_changed",
        "manifest.content_changed",
        "manifest.declares_ai",
        "manifest.declares_capture",
        "manifest.declares_edit",
        "manifest.declares_synthetic",
        "manifest.excluded_more",
        "manifest.excluded_range",
        "manifest.failed",
        "manifest.generator_listed",
        "manifest.ingredient_broken",
        "manifest.intact",
        "manifest.nonconformant",
        "manifest.padding",
        "manifest.present",
        "manifest.redacted",
        "manifest.remote",
        "manifest.remote.failed",
        "manifest.revocation",
        "manifest.revocation.failed",
        "manifest.revocation_unknown",
        "manifest.signature_broken",
        "manifest.signer",
        "manifest.signer_expired",
        "manifest.signer_revoked",
        "manifest.signer_revoked_later",
        "manifest.signer_unfit",
        "manifest.signer_unknown",
        "manifest.timestamp",
        "manifest.timestamp_unknown",
        "manifest.training_mining",
        "manifest.trusted",
        "manifest.unbound",
        "manifest.unreadable",
        "metadata.aigc",
        "metadata.conflict",
        "metadata.declares_ai",
        "metadata.declares_capture",
        "metadata.declares_edit",
        "metadata.declares_synthetic",
        "metadata.failed",
        "metadata.present",
        "opinion.agrees",
        "opinion.differs.conformance",
        "opinion.differs.integrity",
        "opinion.differs.trust",
        "opinion.failed",
        "registry.conflict",
        "registry.failed",
        "registry.manifest",
        "registry.match",
        "registry.no_match",
        "trust.list_old",
        "trust.list_outdated",
        "trust.none",
        "watermark.bound",
        "watermark.failed",
        "watermark.generator",
        "watermark.mismatch",
        "watermark.present",
    }
)


class Word(StrEnum):
    """The verdict words, in the order in which the first that holds wins."""

    ERROR = "error"
    TAMPERED = "tampered"
    DECLARED_AI = "declared_ai"
    RECOVERED = "recovered"
    TRUSTED = "trusted"
    VALID_UNTRUSTED = "valid_untrusted"
    LIKELY_AI = "likely_ai"
    INCONCLUSIVE = "inconclusive"
    NO_PROVENANCE = "no_provenance"


class Decision(StrEnum):
    """What a house does with a file."""

    ACCEPT = "accept"
    REVIEW = "review"
    REJECT = "reject"


@dataclass(frozen=True, slots=True)
class Pattern:
    """Matches findings by code (or one above it): seen, or with the status after a colon.

    `manifest.intact` matches when it was seen, `manifest.present:absent` when it was not there.
    """

    code: str
    status: Status | None = None

    @classmethod
    def parse(cls, text: str) -> Pattern:
        """Read `code` or `code:status`; raises `ValueError` for a status that does not exist."""
        code, _, status = text.partition(":")
        return cls(code, Status(status) if status else None)


class Seen:
    """Findings, to be asked by pattern; made once a file, as every table asks the same ones."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings = tuple(findings)
        self._under: dict[str, list[Finding]] = {}
        for finding in self.findings:
            code = finding.code
            while code:
                self._under.setdefault(code, []).append(finding)
                code = code.rpartition(".")[0]

    def matching(self, pattern: Pattern) -> Findings:
        """Return the findings that `pattern` means."""
        found = self._under.get(pattern.code, ())
        if pattern.status is None:
            return tuple(f for f in found if f.seen())
        return tuple(f for f in found if f.status is pattern.status)


@dataclass(frozen=True, slots=True)
class When:
    """Holds when one of `any_of` was found, and all of `all_of`, and none of `none_of`.

    A part that is empty asks nothing; all three empty holds always, which only `otherwise` may.
    `words` restricts it to some verdicts.
    """

    any_of: tuple[Pattern, ...] = ()
    all_of: tuple[Pattern, ...] = ()
    none_of: tuple[Pattern, ...] = ()
    words: tuple[Word, ...] = ()

    def because(self, seen: Seen, word: Word | None) -> Findings | None:
        """Return the findings that made it hold (maybe none), or None where it does not."""
        if self.words and word not in self.words:
            return None
        if any(seen.matching(pattern) for pattern in self.none_of):
            return None
        alls = [seen.matching(pattern) for pattern in self.all_of]
        anys = [f for pattern in self.any_of for f in seen.matching(pattern)]
        if not all(alls) or (self.any_of and not anys):
            return None
        return tuple(dict.fromkeys(f for group in (anys, *alls) for f in group))


@dataclass(frozen=True, slots=True)
class Case:
    """One line of a policy."""

    decision: Decision
    when: When
    why: str = ""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one file may cost: bytes of the file, seconds, bytes of memory."""

    max_bytes: int = 16 * 2**30
    max_seconds_per_file: float = 120
    max_memory: int = 2 * 2**30


@dataclass(frozen=True, slots=True)
class Policy:
    """A house's rules. With no case holding, a file is accepted.

    `trust_lists`, `tsa_lists` and `identity_lists` name lists or files; None means every list
    installed for that purpose. `max_false_positive_rate` is that at which detectors may speak.
    """

    name: str
    sha256: str
    cases: tuple[Case, ...]
    description: str = ""
    trust_lists: tuple[str, ...] | None = None
    tsa_lists: tuple[str, ...] | None = None
    max_age_days: int | None = None
    limits: Limits = Limits()
    identity_lists: tuple[str, ...] | None = None
    max_false_positive_rate: float = 0.01

    def judge(self, findings: Iterable[Finding]) -> Verdict:
        """Return the word of the first headline that holds and the first case's decision."""
        seen = Seen(findings)
        word, because = _headline(seen)
        for case in self.cases:
            deciding = case.when.because(seen, word)
            if deciding is not None:
                because = tuple(dict.fromkeys((*because, *deciding)))
                return Verdict(word, case.decision, case.why, because, seen.findings, self.name)
        return Verdict(
            word, Decision.ACCEPT, "no case of the policy holds", because, seen.findings, self.name
        )


@dataclass(frozen=True)
class Verdict:
    """The word, the decision with its reason, what decided, and all that was seen."""

    word: Word
    decision: Decision
    why: str
    because: Findings
    findings: Findings
    policy: str

    def __bool__(self) -> bool:
        """Refuse: a verdict is not yes or no. Compare `word` or call `require`."""
        raise TypeError("a Verdict has no truth value; use .word, .decision or .require()")

    def require(self, *accepted: Word) -> None:
        """Raise `RejectedError` unless the word is among `accepted`."""
        if self.word not in accepted:
            reasons = "; ".join(f.summary for f in self.because) or "no evidence"
            raise RejectedError(f"{self.word}: {reasons}")


def _patterns(*texts: str) -> tuple[Pattern, ...]:
    return tuple(Pattern.parse(text) for text in texts)


# The contract's verdict words. `tampered` only from hashes and signatures; a broken check or an
# unreadable manifest is inconclusive, never silence (docs/adr/0004).
ALTERED = _patterns(
    "manifest.content_changed", "manifest.assertion_changed", "manifest.signature_broken"
)
UNREAD = _patterns(
    "manifest.unreadable",
    "manifest.unbound",
    "manifest.excluded_range",
    "manifest.padding",
    "manifest.remote:skipped",
    "manifest.failed:skipped",
)
HEADLINES: tuple[tuple[Word, When], ...] = (
    (Word.TAMPERED, When(any_of=ALTERED)),
    (
        Word.DECLARED_AI,
        When(
            any_of=_patterns(
                "manifest.declares_ai:present",
                "metadata.declares_ai:present",
                "watermark.generator:present",
            )
        ),
    ),
    # A file with a manifest that holds needs no record to say whose it is.
    (
        Word.RECOVERED,
        When(any_of=_patterns("registry.match:present"), none_of=_patterns("manifest.intact")),
    ),
    (
        Word.TRUSTED,
        When(all_of=_patterns("manifest.intact", "manifest.trusted"), none_of=UNREAD),
    ),
    (Word.VALID_UNTRUSTED, When(any_of=_patterns("manifest.intact"), none_of=UNREAD)),
    (Word.LIKELY_AI, When(any_of=_patterns("detector.synthetic:present"))),
    (Word.INCONCLUSIVE, When(any_of=(*UNREAD, *_patterns("detector.inconclusive")))),
)


def _headline(seen: Seen) -> tuple[Word, Findings]:
    for word, when in HEADLINES:
        because = when.because(seen, None)
        if because is not None:
            return word, because
    return Word.NO_PROVENANCE, ()
