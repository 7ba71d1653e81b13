"""The published JSON report, schema 1.0: what every `--format json` answer looks like."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from trustkit.errors import TrustkitError
from trustkit.finding import Finding, Status, Weight
from trustkit.policy import Decision, Word
from trustkit.reports import Run, counts, decision, sentence, word
from trustkit.verify import Report

VERSION: Literal["1.0"] = "1.0"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ToolPart(_Part):
    """The program that wrote the report, and the versions of its engines."""

    name: str
    version: str
    parts: dict[str, str]


class PolicyPart(_Part):
    """The policy that decided."""

    name: str
    sha256: str


class TrustListPart(_Part):
    """A trust list in use."""

    name: str
    purpose: Literal["signers", "timestamps", "identities"]
    sha256: str
    date: str
    certificates: int
    issued: str = ""
    fetched: str = ""
    checked: str = ""
    next_update: str = ""
    frozen: str = ""


class RunPart(_Part):
    """The one part that differs when the same files are verified again."""

    id: str
    started: str
    duration_ms: float
    policy: PolicyPart
    trust_lists: list[TrustListPart]
    # Only where `--validation-time` was given.
    validation_time: str | None = Field(default=None, exclude_if=lambda given: given is None)


class FindingPart(_Part):
    """One thing that one collector saw; docs/findings.md explains each code."""

    code: str
    status: Status
    weight: Weight
    source: str
    summary: str
    reason: str
    facts: dict[str, Any]


class DisclosurePart(_Part):
    """What the file declares of itself, and where it says so."""

    source_type: str
    system: str
    system_version: str
    provider: str
    created: str
    id: str
    found_in: list[str]
    conflicts: list[str]


class AxesPart(_Part):
    """Five questions, answered apart."""

    integrity: Literal["intact", "altered", "unreadable", "none"]
    signer: Literal["trusted", "untrusted", "expired", "revoked", "none"]
    origin: Literal[
        "declared_ai",
        "declared_synthetic",
        "declared_edit",
        "declared_capture",
        "recovered",
        "none",
    ]
    synthetic: Literal["likely", "unlikely", "inconclusive", "not_checked"]
    identity: Literal["trusted", "untrusted", "expired", "broken", "none"]


class ErrorPart(_Part):
    """What went wrong, in a sentence, and what to do."""

    code: str
    message: str
    hint: str


class FilePart(_Part):
    """One file; a line of `--format jsonl`."""

    path: str
    sha256: str
    size: int
    media: dict[str, Any]
    verdict: Word
    decision: Decision
    why: str
    summary: str
    axes: AxesPart
    findings: list[FindingPart]
    because: list[str]
    disclosure: DisclosurePart | None
    timing_ms: dict[str, float]
    error: ErrorPart | None


class SummaryPart(_Part):
    """All files together."""

    total: int
    by_verdict: dict[str, int]
    by_decision: dict[str, int]
    exit_code: int


class ReportDocument(_Part):
    """The whole answer of `trustkit verify --format json`."""

    schema_version: Literal["1.0"]
    tool: ToolPart
    run: RunPart | None
    files: list[FilePart]
    summary: SummaryPart
    error: ErrorPart | None


def document(run: Run) -> ReportDocument:
    """Return the JSON report of a run."""
    words, decisions = counts(run.files)
    return ReportDocument(
        schema_version=VERSION,
        tool=ToolPart.model_validate(run.tool),
        run=RunPart(
            id=run.id,
            started=run.started,
            duration_ms=run.duration_ms,
            policy=PolicyPart(name=run.policy_name, sha256=run.policy_sha256),
            trust_lists=[TrustListPart.model_validate(entry) for entry in run.trust_lists],
            validation_time=run.validation_time or None,
        ),
        files=[file_part(report) for report in run.files],
        summary=SummaryPart(
            total=len(run.files),
            by_verdict=words,
            by_decision=decisions,
            exit_code=run.exit_code,
        ),
        error=None,
    )


def failure(error: TrustkitError, tool: Mapping[str, object]) -> ReportDocument:
    """Return the JSON answer of a call that could not be carried out."""
    return ReportDocument(
        schema_version=VERSION,
        tool=ToolPart.model_validate(tool),
        run=None,
        files=[],
        summary=SummaryPart(total=0, by_verdict={}, by_decision={}, exit_code=error.exit_code),
        error=error_part(error),
    )


def file_part(report: Report) -> FilePart:
    """Return one file's part of the report."""
    verdict = report.verdict
    return FilePart(
        path=report.path,
        sha256=report.sha256,
        size=report.size,
        media=dict(report.media),
        verdict=word(report),
        decision=decision(report),
        why=verdict.why if verdict is not None else "the file could not be read",
        summary=sentence(report),
        axes=AxesPart.model_validate(report.axes, from_attributes=True),
        findings=[_finding(f) for f in verdict.findings] if verdict is not None else [],
        because=list(dict.fromkeys(f.code for f in verdict.because)) if verdict is not None else [],
        disclosure=_disclosure(verdict.findings) if verdict is not None else None,
        timing_ms=dict(report.timing_ms),
        error=error_part(report.error) if report.error else None,
    )


def error_part(error: TrustkitError) -> ErrorPart:
    """Return an error as JSON has it."""
    return ErrorPart(code=error.code, message=error.message, hint=error.hint)


def _finding(finding: Finding) -> FindingPart:
    return FindingPart(
        code=finding.code,
        status=finding.status,
        weight=finding.weight,
        source=finding.source,
        summary=finding.summary,
        reason=finding.reason,
        facts=dict(finding.facts),
    )


def _disclosure(findings: tuple[Finding, ...]) -> DisclosurePart | None:
    said = [f for f in findings if ".declares_" in f.code and f.status is Status.PRESENT]
    if not said:
        return None
    # What is signed comes before what is not, and the newest manifest before its parents.
    nearest = min(said, key=lambda f: (not _is_signed(f), int(str(f.facts.get("depth", 0)))))
    same = {str(f.facts["source_type"]) for f in said
            if f is nearest or (_is_signed(f) and _is_signed(nearest))}  # fmt: skip
    others = {str(f.facts["source_type"]) for f in said} - same - {""}
    sources = {f.code.partition(".")[0] for f in said}
    fields = ("source_type", "system", "system_version", "provider", "created", "id")
    return DisclosurePart(
        **{name: str(nearest.facts.get(name, "")) for name in fields},
        found_in=sorted(sources),
        conflicts=sorted(others),
    )


def _is_signed(finding: Finding) -> bool:
    return finding.code.startswith("manifest.")
