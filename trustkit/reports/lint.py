"""What `lint` found, as text, JSON or one page for people. Pure: reports in, a text out."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from trustkit.errors import TrustkitError
from trustkit.lint import LintReport
from trustkit.profiles import Level, Profile
from trustkit.profiles.judge import Check, Status, Value
from trustkit.reports import EXIT_ORDER, printable

NOT_ADVICE = (
    "What is there was looked for, by profiles whose clauses were in part not verified. "
    "That nothing is missing is no statement of compliance."
)
_WORDS = {
    Status.PRESENT: "present",
    Status.MISSING: "missing",
    Status.MALFORMED: "malformed",
    Status.CONTRADICTORY: "contradictory",
    Status.NOT_CHECKED: "not checked",
    Status.NOT_APPLICABLE: "not asked",
}
_WIDTH = max(map(len, _WORDS.values()))
_NAMES = {
    ("intact", "manifest"): "intact manifest",
    ("stamp", "timestamp"): "time stamp",
    ("mark", "watermark"): "watermark",
    ("label", "label"): "visible or audible label",
    ("record", "registry"): "record in a registry",
}
_MOST_FOUND = 8  # values of one check that are told


@dataclass(frozen=True)
class LintRun:
    """One call of `lint`: its files, in order, and the profiles they were held against."""

    files: Sequence[LintReport]
    profiles: Sequence[Profile]
    tool: Mapping[str, object]


def exit_code(reports: Sequence[LintReport]) -> int:
    """Return 10 where something required is missing, 30 where it could not be looked for, or 0."""
    codes = {_code(report) for report in reports}
    return next((code for code in EXIT_ORDER if code in codes), 0)


def result(report: LintReport) -> str:
    """Return how a file stands: complete, incomplete, not checked, not asked, or error."""
    if report.error:
        return "error"
    if any(check.fails for check in report.checks):
        return "incomplete"
    if any(check.is_open for check in report.checks):
        return "not checked"
    required = [check for check in report.checks if check.need.level is Level.REQUIRED]
    asked = [check for check in required if check.status is not Status.NOT_APPLICABLE]
    return "complete" if asked else "not asked"


def _code(report: LintReport) -> int:
    if report.error:
        return report.error.exit_code
    return {"incomplete": 10, "not checked": 30}.get(result(report), 0)


def headline(report: LintReport) -> str:
    """Return a sentence on how a file stands."""
    if report.error:
        return report.error.message
    required = [check for check in report.checks if check.need.level is Level.REQUIRED]
    failed = [check for check in required if check.fails]
    if failed:
        names = ", ".join(dict.fromkeys(check.profile for check in failed))
        return f"{len(failed)} of {len(required)} required are not as asked ({names})"
    opened = [check for check in required if check.is_open]
    if opened:
        return f"{len(opened)} of {len(required)} required could not be looked for"
    found = sum(check.status is Status.PRESENT for check in required)
    if not required:
        return "the profiles require nothing of this kind of file"
    return f"{found} of {len(required)} required found, none missing"


def line(check: Check) -> str:
    """Return a check as one line of text."""
    how = "" if check.need.level is Level.REQUIRED else f", {check.need.level}"
    why = check.why or ", ".join(_where(value) for value in check.found[:_MOST_FOUND])
    told = f"{check.profile} {check.need.clause}{how}: {wanted(check)}"
    return told + (f": {why}" if why else "")


def wanted(check: Check) -> str:
    """Return what a check looked for, in words."""
    fact, place = check.need.fact, check.need.place.value
    return _NAMES.get((fact, place)) or f"{fact.replace('_', ' ')} in {_PLACES.get(place, place)}"


_PLACES = {"aigc": "the AIGC block", "manifest": "the manifest", "metadata": "the metadata"}


def _where(value: Value) -> str:
    return f"{value.place}, {value.key}"


def text(report: LintReport, *, all_of_it: bool = True) -> str:
    """Return a file's lines for a person; without `all_of_it`, what fails or is open alone."""
    lines = [f"{result(report):<12}{printable(report.path)}"]
    lines.append(f"{'':<12}{printable(headline(report))}")
    for check in report.checks:
        if all_of_it or check.fails or check.is_open:
            sign = "!" if check.fails else "?" if check.is_open else " "
            lines.append(f"{sign} {_WORDS[check.status]:<{_WIDTH}}  {printable(line(check))}")
    return "".join(f"{one}\n" for one in lines)


def row(report: LintReport) -> dict[str, object]:
    """Return a file as JSON has it."""
    return {
        "path": report.path,
        "media": dict(report.media),
        "result": result(report).replace(" ", "_"),
        "summary": headline(report),
        "checks": [_check(check) for check in report.checks],
        "error": _error(report.error),
    }


def _check(check: Check) -> dict[str, object]:
    need = check.need
    return {
        "profile": check.profile,
        "clause": need.clause,
        "fact": need.fact,
        "place": need.place.value,
        "level": need.level.value,
        "asks": need.asks,
        "condition": need.condition or None,
        "known_by": need.mark,
        "source": need.source,
        "status": check.status.value,
        "fails": check.fails,
        "open": check.is_open,
        "reason": check.why,
        "found": [
            {"place": one.place, "key": one.key, "value": one.text}
            for one in check.found[:_MOST_FOUND]
        ],
    }


def _error(error: TrustkitError | None) -> dict[str, str] | None:
    if error is None:
        return None
    return {"code": error.code, "message": error.message, "hint": error.hint}


def document(run: LintRun) -> str:
    """Return the whole run as one JSON document."""
    counted = Counter(result(report).replace(" ", "_") for report in run.files)
    whole = {
        "schema_version": "1.0",
        "tool": dict(run.tool),
        "profiles": [
            {
                "name": profile.name,
                "title": profile.title,
                "as_of": profile.as_of,
                "unverified": list(profile.unverified),
            }
            for profile in run.profiles
        ],
        "note": NOT_ADVICE,
        "files": [row(report) for report in run.files],
        "summary": {
            "total": len(run.files),
            "by_result": dict(sorted(counted.items())),
            "exit_code": exit_code(run.files),
        },
    }
    return json.dumps(whole, indent=2) + "\n"


def lines(run: LintRun) -> Iterator[str]:
    """Yield the run as JSON lines, one a file."""
    for report in run.files:
        yield json.dumps(row(report))


def word(status: Status) -> str:
    """Return a status as people read it."""
    return _WORDS[status]
