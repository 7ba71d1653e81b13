"""`trustkit keys check`: which rule a certificate chain breaks, and what to ask the CA for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import click

from trustkit.c2pa.profiles import Candidate, Problem, Profile, Severity
from trustkit.c2pa.profiles.facts import facts
from trustkit.c2pa.profiles.lint import check, unchecked
from trustkit.c2pa.trust import Purpose, TrustList, vouch
from trustkit.cli import output, passphrase
from trustkit.cli.keys_target import Target, open_target
from trustkit.errors import ConfigError, TrustkitError, UsageError
from trustkit.toolbox import key_folder, list_folder

CODES = {Severity.REFUSED: 10, Severity.DIFFERS: 20, Severity.ADVICE: 0}
_PURPOSES = {Profile.TSA: Purpose.TIMESTAMPS, Profile.CAWG: Purpose.IDENTITY}
_DATE = len("2026-11-26")
_ORDER = (33, 10, 20, 0)  # where several are checked, the first of these wins


@dataclass(frozen=True)
class _Checked:
    target: Target
    problems: tuple[Problem, ...]
    known_to: str
    not_checked: tuple[str, ...]

    @property
    def code(self) -> int:
        return CODES[self.problems[0].rule.severity] if self.problems else 0


@click.command("check")
@click.argument("targets", nargs=-1, required=True, metavar="PATH_OR_URI...")
@click.option("--profile", type=click.Choice([p.value for p in Profile]), default="c2pa",
              show_default=True, help="What the certificate is for.")  # fmt: skip
@click.option(
    "--at", metavar="TIME", help="Judge as of a date, or a time with a zone; now by default."
)
@click.option("--passphrase-file", metavar="FILE", help=passphrase.HELP)
@click.option("-f", "--format", "form", type=click.Choice(["text", "json"]), default="text",
              show_default=True)  # fmt: skip
def command(
    targets: tuple[str, ...], profile: str, at: str | None, passphrase_file: str | None, form: str
) -> int:
    """Say which rules a certificate chain breaks, before anything is signed with it.

    Each PATH_OR_URI is a chain (PEM, DER, PKCS #7), a key folder, a key's URI or a kept key's name.
    Exits 0 when nothing stands against it, 10 when signing is refused, 20 when verifiers disagree,
    33 when it cannot be read.
    """
    moment = _moment(at)
    ask = cache(lambda: passphrase.to_open(passphrase_file))
    rows: list[_Checked | tuple[str, TrustkitError]] = []
    for word in targets:
        try:
            target = open_target(word, ask, key_folder())
            rows.append(_check(target, Profile(profile), moment))
        except ConfigError as error:
            rows.append((word, error))
    codes = [row.code if isinstance(row, _Checked) else row[1].exit_code for row in rows]
    code = next(code for code in _ORDER if code in codes)
    if form == "json":
        files = [_row(row) for row in rows]
        about = {"schema_version": "1.0", "profile": profile, "at": moment.isoformat()}
        click.echo(json.dumps({**about, "files": files, "exit_code": code}, indent=2))
    else:
        _print(rows, profile, moment)
    return code


def _moment(at: str | None) -> datetime:
    if at is None:
        return datetime.now(UTC)
    wrong = UsageError(f"{at!r} is no time", "write 2026-11-26, or 2026-11-26T12:00:00Z")
    try:
        moment = datetime.fromisoformat(at)
        if len(at) == _DATE:
            moment = moment.replace(tzinfo=UTC)
        zoned = moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise wrong from error
    if moment.tzinfo is None:
        raise wrong
    return zoned


def _check(target: Target, profile: Profile, moment: datetime) -> _Checked:
    lists, unread = _lists(profile)
    known = tuple(c for trust_list in lists for c in trust_list.certificates if c.is_ca)
    candidate = Candidate(target.chain, profile, moment, (*target.anchors, *known), target.belongs)
    by = vouch(candidate.path, lists, moment)
    not_checked = [f"whether the key belongs to it: {target.why}"] if target.why else []
    not_checked += [*unread, *unchecked(profile)]
    if not lists:
        not_checked.append("who trusts it: no trust list for that is installed")
    known_to = f"{by.by.name} ({by.anchor})" if by else ""
    return _Checked(target, check(candidate), known_to, tuple(not_checked))


def _lists(profile: Profile) -> tuple[tuple[TrustList, ...], list[str]]:
    purpose = _PURPOSES.get(profile, Purpose.SIGNERS)
    folder, found, unread = list_folder(), list[TrustList](), list[str]()
    for name in folder.names():
        try:
            found += [t for t in folder.load(name) if t.purpose is purpose]
        except ConfigError as error:  # a damaged list is not the certificate's fault
            unread.append(f"trust list {name}: {error.message}")
    return tuple(found), unread


def _row(row: _Checked | tuple[str, TrustkitError]) -> dict[str, Any]:
    if not isinstance(row, _Checked):
        word, error = row
        told = output.error_row(error)
        return {"path": word, "certificate": None, "problems": [], "error": told}
    target = row.target
    return {
        "path": target.name,
        "certificate": facts(target.chain[0]),
        "chain": [c.name for c in target.chain],
        "key": {True: "belongs", False: "mismatch", None: "not_checked"}[target.belongs],
        "known_to": row.known_to or None,
        "problems": [
            {
                "rule": problem.rule.id,
                "severity": problem.rule.severity.value,
                "has": problem.has,
                "source": problem.rule.source,
                "remedy": problem.rule.remedy,
            }
            for problem in row.problems
        ],
        "not_checked": list(row.not_checked),
        "exit_code": row.code,
        "error": None,
    }


def _print(
    rows: list[_Checked | tuple[str, TrustkitError]], profile: str, moment: datetime
) -> None:
    for row in rows:
        if isinstance(row, _Checked):
            for line in _lines(row, profile, moment):
                output.say(line)
        else:
            output.fail(row[1])


def _lines(row: _Checked, profile: str, moment: datetime) -> Iterator[str]:
    leaf = row.target.chain[0]
    until = leaf.parsed.not_valid_after_utc
    yield f"{row.target.name}: {_summary(row)}"
    yield f"  profile {profile} on {moment:%Y-%m-%d}: {leaf.name}, until {until:%Y-%m-%d}"
    if row.known_to:
        yield f"  known to trust list {row.known_to}"
    for problem in row.problems:
        yield f"  {problem.rule.severity.value:<8} {problem.rule.id}: {problem.has}"
        yield f"           source: {problem.rule.source}"
        yield f"           remedy: {problem.rule.remedy}"
    for what in row.not_checked:
        yield f"  not checked: {what}"


def _summary(row: _Checked) -> str:
    counts = {s: sum(p.rule.severity is s for p in row.problems) for s in Severity}
    said = ", ".join(f"{count} {s.value}" for s, count in counts.items() if count)
    return said or "nothing to object to"
