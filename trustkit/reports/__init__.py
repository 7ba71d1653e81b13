"""Reports: what a run found, as text, a table or JSON. A renderer is a function Run -> str."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from trustkit.errors import TrustkitError
from trustkit.finding import Finding, Status
from trustkit.policy import Decision, Word

if TYPE_CHECKING:  # every command comes by here, and few verify
    from trustkit.verify import Report

# Where files differ the first of these wins (docs/contract.md).
EXIT_ORDER = (1, 33, 10, 40, 30, 20, 3, 0)
_DECISION_EXIT = {Decision.REJECT: 10, Decision.REVIEW: 20, Decision.ACCEPT: 0}


@dataclass(frozen=True)
class Run:
    """One call of `verify`: its files, in order, and what they were judged by."""

    files: Sequence[Report]
    policy_name: str = ""
    policy_sha256: str = ""
    trust_lists: tuple[Mapping[str, object], ...] = ()
    validation_time: str = ""
    tool: Mapping[str, object] = field(default_factory=dict)
    id: str = ""
    started: str = ""
    duration_ms: float = 0.0
    exit_code: int = 0


class Renderer(Protocol):
    """Turns a run into text."""

    def __call__(self, run: Run) -> str:
        """Return the whole text, with its last line end."""


def word(report: Report) -> Word:
    """Return the verdict word of a file; an unreadable one is `error`."""
    return report.verdict.word if report.verdict is not None else Word.ERROR


def decision(report: Report) -> Decision:
    """Return the decision for a file; an unreadable one is for a person."""
    return report.verdict.decision if report.verdict is not None else Decision.REVIEW


def exit_code(reports: Iterable[Report], fail_on: Iterable[Word] | None = None) -> int:
    """Return the contract's exit code for all `reports` together.

    With `fail_on`, a file with one of these words counts as rejected, any other as accepted.
    """
    codes = {
        _exit_code(report, set(fail_on) if fail_on is not None else None) for report in reports
    }
    return next((code for code in EXIT_ORDER if code in codes), 0)


def _exit_code(report: Report, fail_on: set[Word] | None) -> int:
    if fail_on is not None:
        return 10 if word(report) in fail_on else 0
    if report.error is not None:
        return report.error.exit_code
    failed = any(f.code.endswith(".failed") for f in _findings(report))
    code = _DECISION_EXIT[decision(report)]
    return 30 if failed and code != _DECISION_EXIT[Decision.REJECT] else code


def counts(reports: Sequence[Report]) -> tuple[dict[str, int], dict[str, int]]:
    """Return how many files have each verdict word, and each decision."""
    words = Counter(word(report).value for report in reports)
    decisions = Counter(decision(report).value for report in reports)
    return dict(sorted(words.items())), dict(sorted(decisions.items()))


def sentence(report: Report) -> str:
    """Return the one line that says what is known of a file, and how well."""
    if report.verdict is None:
        error = report.error or TrustkitError("no verdict")
        return f"{error.message}. {_capital(error.hint)}." if error.hint else f"{error.message}."
    findings = [f for f in report.verdict.findings if not _goes_without_saying(f)]
    has_traces = any(f.code in _TRACES for f in findings)
    said = [_LEAD_WITH_TRACES if has_traces and _is_bare(report) else _LEAD[report.verdict.word]]
    for code in _TOLD[report.verdict.word]:
        found = [_with_reason(f) for f in findings if f.code == code]
        said += found[:1] if ".declares_" in code else found  # the nearest speaks for the file
    return f"{'; '.join(dict.fromkeys(text for text in said if text))}."


def printable(text: str) -> str:
    """Return `text` without control characters: a file names itself, and a terminal obeys."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def _goes_without_saying(finding: Finding) -> bool:
    # Most files have no mark and no record: the sentence speaks of what was found alone, and of
    # detectors that looked.
    if finding.seen() or finding.code.endswith(".failed"):
        return False
    if finding.code == "detector.synthetic":
        return finding.status is Status.SKIPPED
    return finding.code.startswith(("watermark.", "registry."))


def _is_bare(report: Report) -> bool:
    return word(report) is Word.NO_PROVENANCE


def _findings(report: Report) -> Iterable[Finding]:
    return report.verdict.findings if report.verdict is not None else ()


_LEAD: dict[Word, str] = {
    Word.ERROR: "",
    Word.TAMPERED: "",
    Word.DECLARED_AI: "",
    Word.RECOVERED: "",
    Word.TRUSTED: "intact",
    Word.VALID_UNTRUSTED: "intact",
    Word.LIKELY_AI: "",
    Word.INCONCLUSIVE: "",
    Word.NO_PROVENANCE: "nothing found, and that proves nothing",
}
_LEAD_WITH_TRACES = "nothing found that proves where it comes from"
# What was seen and proves nothing.
_UNSIGNED = (
    "metadata.declares_synthetic",
    "metadata.declares_edit",
    "metadata.declares_capture",
    "metadata.aigc",
)
_TRACES = frozenset({"watermark.present", *_UNSIGNED})
_UNREAD = (
    "manifest.unreadable",
    "manifest.unbound",
    "manifest.excluded_range",
    "manifest.padding",
    "manifest.remote",
    "manifest.remote.failed",
    "manifest.failed",
)
_SIGNERS = (
    "manifest.trusted",
    "manifest.signer_revoked",
    "manifest.signer_revoked_later",
    "manifest.signer_unfit",
    "manifest.signer_expired",
    "manifest.signer_unknown",
    "manifest.signer",
    "manifest.revocation_unknown",
    "manifest.revocation.failed",
)
_IDENTITIES = (
    "identity.trusted",
    "identity.unknown",
    "identity.expired",
    "identity.broken",
    "identity.aggregated",
)
_HISTORY = (
    "manifest.ingredient_broken",
    "manifest.excluded_more",
    "manifest.redacted",
    "metadata.conflict",
    "watermark.mismatch",
    "opinion.agrees",
    "opinion.differs.integrity",
    "opinion.differs.trust",
    "opinion.differs.conformance",
    "opinion.failed",
    "registry.conflict",
    "registry.failed",
    "trust.list_old",
)
_TOLD: dict[Word, tuple[str, ...]] = {
    Word.ERROR: (),
    Word.TAMPERED: (
        "manifest.content_changed",
        "manifest.assertion_changed",
        "manifest.signature_broken",
        "manifest.trusted",
        "manifest.signer_unknown",
        "registry.match",
        *_HISTORY,
    ),
    Word.DECLARED_AI: (
        "manifest.declares_ai",
        "watermark.generator",
        *_SIGNERS,
        *_IDENTITIES,
        *_UNREAD,
        "metadata.declares_ai",
        "registry.match",
        *_HISTORY,
    ),
    Word.RECOVERED: (
        "registry.match",
        "registry.manifest",
        *_UNREAD,
        "manifest.signer_unknown",
        "manifest.signer_expired",
        *_UNSIGNED,
        *_HISTORY,
    ),
    Word.TRUSTED: (
        *_SIGNERS,
        *_IDENTITIES,
        "manifest.declares_synthetic",
        "manifest.declares_edit",
        "manifest.declares_capture",
        "manifest.nonconformant",
        *_HISTORY,
    ),
    Word.VALID_UNTRUSTED: (*_SIGNERS, *_IDENTITIES, "manifest.nonconformant", *_HISTORY),
    Word.LIKELY_AI: ("detector.synthetic", "detector.inconclusive", *_UNREAD, *_HISTORY),
    Word.INCONCLUSIVE: (
        *_UNREAD,
        "detector.inconclusive",
        "manifest.signer_unknown",
        "manifest.signer_expired",
        *_HISTORY,
    ),
    Word.NO_PROVENANCE: (
        "manifest.present",
        "watermark.present",
        *_UNSIGNED,
        "metadata.conflict",
        "detector.synthetic",
        "watermark.failed",
        "registry.failed",
        "metadata.failed",
        "detector.failed",
    ),
}


def _with_reason(finding: Finding) -> str:
    return f"{finding.summary} ({finding.reason})" if finding.reason else finding.summary


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
