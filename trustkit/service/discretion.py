"""What is wrong inside the house is for its log: clients hear that it is, not where or how.

Our errors name folders, databases and their hosts, for whoever runs the command. Here that is not
who asks.
"""

from __future__ import annotations

import logging
from dataclasses import replace

from trustkit.errors import ConfigError, TrustkitError
from trustkit.finding import Finding, Status
from trustkit.isolation import StartError
from trustkit.service.logs import note
from trustkit.stores import StoreError
from trustkit.verify import Report

_WHY = "the log of the service says why"
_INSIDE: tuple[tuple[type[TrustkitError], str], ...] = (
    (StoreError, "the registry could not answer"),
    (ConfigError, "the service is not set up as it should be"),
    (StartError, "the service has no worker for it"),
)
# Findings whose reason is a `StoreError` in other words.
_FINDINGS = {
    "registry.failed": "the registry could not answer",
    "registry.manifest": "the stored manifest is lost",
}


def outside(error: TrustkitError) -> TrustkitError:
    """Return an error as clients hear it; what is left out is written to the log."""
    said = next((said for kind, said in _INSIDE if isinstance(error, kind)), "")
    if type(error) is TrustkitError:  # a bug, with a text that may quote anything
        said = "internal error"
    if not said:
        return error
    note("failed", logging.ERROR, error=error.code, why=error.message)
    return type(error)(said, _WHY)


def told(report: Report) -> Report:
    """Return a report as clients read it."""
    if report.verdict is None:
        return report if report.error is None else replace(report, error=outside(report.error))
    findings = tuple(_told(one) for one in report.verdict.findings)
    return replace(report, verdict=replace(report.verdict, findings=findings))


def _told(finding: Finding) -> Finding:
    said = _FINDINGS.get(finding.code)
    if said is None or finding.status is not Status.SKIPPED:
        return finding
    note("failed", logging.ERROR, error=finding.code, why=finding.reason)
    facts = {**finding.facts, "summary": said} if "summary" in finding.facts else finding.facts
    return replace(finding, reason=f"{said}; {_WHY}", facts=facts)
