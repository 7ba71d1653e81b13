"""`trustkit policy`: list, show, check and explain policies."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import click

from trustkit.batch.local import verify_all
from trustkit.batch.sources import Source, shown
from trustkit.cli import output
from trustkit.cli.verify import wishes
from trustkit.houserules.files import is_rules, load_rules
from trustkit.policies import DEFAULT, load_policy, shipped, source
from trustkit.policy import Seen
from trustkit.reports import exit_code, sentence
from trustkit.toolbox import Wish, open_toolbox, open_worker


@click.group("policy")
def group() -> None:
    """List, show, check and explain policies."""


@group.command("list")
def list_command() -> None:
    """List the policies that come with trustkit."""
    for name in shipped():
        policy = load_policy(name)
        mark = " (default)" if name == DEFAULT else ""
        click.echo(f"{name:<10}  {len(policy.cases)} cases  {policy.description}{mark}")


@group.command("show")
@click.argument("policy", metavar="NAME|FILE")
def show(policy: str) -> None:
    """Print a policy as it is written."""
    click.echo(source(policy).decode("utf-8", "replace"), nl=False)


@group.command("check")
@click.argument("policy", metavar="NAME|FILE")
def check(policy: str) -> None:
    """Check a policy file, or one of house rules: every key; exit 33 with what is wrong."""
    if is_rules(policy):
        rules = load_rules(policy)
        output.say(f"{rules.name}: good, {len(rules.rules)} rules, otherwise {rules.otherwise}")
        return
    toolbox = open_toolbox(Wish(policy))
    output.say(f"{toolbox.policy.name}: good, {len(toolbox.policy.cases)} cases")


@group.command("explain")
@click.argument("file")
@wishes
def explain(
    file: str,
    policy: str,
    trust: tuple[str, ...],
    tsa_trust: tuple[str, ...],
    identity_trust: tuple[str, ...],
    fetch_remote: tuple[str, ...],
    fast: bool,
) -> int:
    """Show, case by case, how a policy comes to its decision on one media file."""
    wish = Wish(policy, trust, tsa_trust, remote_hosts=fetch_remote, identity_trust=identity_trust)
    wish = replace(wish, fast=fast)
    toolbox = open_toolbox(wish)
    worker, limits = partial(open_worker, wish), toolbox.policy.limits
    report = next(verify_all([Source(Path(file), shown(file))], worker, limits, 1, output.stdin()))
    verdict = report.verdict
    if verdict is None:
        output.say(sentence(report))
        return exit_code([report])
    output.say(f"{verdict.word}: {sentence(report)}")
    output.say("findings:")
    for finding in verdict.findings:
        output.say(f"  {finding.status:<8} {finding.code}  {finding.summary}")
    output.say(f"policy {toolbox.policy.name}:")
    decided, seen = False, Seen(verdict.findings)
    for number, case in enumerate(toolbox.policy.cases, 1):
        because = case.when.because(seen, verdict.word)
        holds = because is not None
        mark = (
            "decides" if holds and not decided else ("holds, later" if holds else "does not hold")
        )
        codes = ", ".join(dict.fromkeys(f.code for f in because or ()))
        output.say(f"  case {number}  {case.decision:<6}  {mark}{f' ({codes})' if codes else ''}")
        decided = decided or holds
    output.say(f"decision: {verdict.decision}: {verdict.why}")
    return exit_code([report])
