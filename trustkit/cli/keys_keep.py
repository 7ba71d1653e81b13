"""`trustkit keys list`, `show` and `rotate`: the keys that are kept by name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from trustkit.c2pa.profiles import Profile
from trustkit.c2pa.profiles.chain import SOON
from trustkit.c2pa.profiles.facts import facts
from trustkit.c2pa.profiles.lint import read_chain
from trustkit.c2pa.profiles.wanted import wanted
from trustkit.cli import output, passphrase
from trustkit.cli.keys_target import open_target
from trustkit.errors import PublishError, TrustkitError
from trustkit.signers import ALGORITHMS
from trustkit.signers.generate import generate, new_key, write_key
from trustkit.signers.keep import About, KeyFolder
from trustkit.signers.request import make_request
from trustkit.toolbox import key_folder

_FORMAT = click.option(
    "-f", "--format", "form", type=click.Choice(["text", "json"]), default="text",
    show_default=True,
)  # fmt: skip


@click.command("list")
@_FORMAT
def list_command(form: str) -> None:
    """List the kept keys: name, algorithm, whom they name, until when, and how they stand."""
    kept = key_folder()
    rows = [_row(kept, name) for name in kept.names()]
    if form == "json":
        click.echo(json.dumps({"schema_version": "1.0", "keys": rows}, indent=2))
    elif not rows:
        output.say("no key is kept; make one: trustkit keys generate --keep NAME")
    for row in rows if form == "text" else ():
        until = (
            f"until {row['not_after'][:10]} ({row['days_left']} days)" if row["days_left"] else ""
        )
        also = ", a new one is requested" if row["pending"] and row["subject"] else ""
        whom = row["subject"] or row["organisation"] or row["reason"]
        output.say(
            f"{row['name']:<12}  {row['algorithm']:<7}  {row['state']}{also}  {until}  {whom}"
        )


def _row(kept: KeyFolder, name: str) -> dict[str, Any]:
    row: dict[str, Any] = {
        "name": name, "state": "damaged", "kind": None, "algorithm": "", "organisation": None,
        "subject": None, "issuer": None, "not_after": None, "days_left": None, "pending": False,
        "reason": None,
    }  # fmt: skip
    try:
        about = kept.about(name)
        row |= {"kind": about.kind, "algorithm": about.algorithm, "pending": bool(about.pending),
                "organisation": about.subject.organisation, "state": "request pending"}  # fmt: skip
        if not about.current:
            return row
        row["state"] = "damaged"
        leaf = read_chain(_bytes(kept.in_use(name) / "chain.pem"), name)[0]
    except TrustkitError as error:
        return row | {"reason": error.message}
    now, end = datetime.now(UTC), leaf.parsed.not_valid_after_utc
    state = "ok" if end - now >= SOON else "expires soon"
    if now > end:
        state = "expired"
    elif now < leaf.parsed.not_valid_before_utc:
        state = "not yet valid"
    told = {key: facts(leaf)[key] for key in ("subject", "issuer", "not_after")}
    return row | told | {"days_left": (end - now).days, "state": state}


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise PublishError(f"{path} cannot be read: {error.strerror}", "see its folder") from error


@click.command("show")
@click.argument("target", metavar="NAME|PATH|URI")
@click.option("--passphrase-file", metavar="FILE", help=passphrase.HELP)
@_FORMAT
def show(target: str, passphrase_file: str | None, form: str) -> None:
    """Show what the certificates of a key say; never anything of the key itself."""
    kept = key_folder()
    about = kept.about(target) if kept.is_kept(target) else None
    chain: list[dict[str, Any]] = []
    if about is None or about.current:
        opened = open_target(target, lambda: passphrase.to_open(passphrase_file), kept)
        chain = [facts(certificate) for certificate in opened.chain]
    if form == "json":
        told = {"schema_version": "1.0", "name": target, "chain": chain}
        click.echo(json.dumps(told | {"kept": asdict(about) if about else None}, indent=2))
        return
    output.say(target)
    for line in _about_lines(about) if about else ():
        output.say(f"  {line}")
    for certificate in chain:
        output.say("")
        for key, value in certificate.items():
            shown = ", ".join(value) if isinstance(value, list) else value
            if shown not in {"", None}:
                output.say(f"  {key.replace('_', ' '):<18} {shown}")


def _about_lines(about: About) -> Iterator[str]:
    yield f"{about.kind}, {about.algorithm}, for {about.subject.organisation}"
    if about.pending:
        yield f"requested, no answer yet: {about.pending}"
    for used in about.used:
        yield f"{used.folder}: in use from {used.since} to {used.until or 'now'}"


@click.command("rotate")
@click.argument("name")
@click.option("--algorithm", type=click.Choice(ALGORITHMS), help="As before by default.")
@click.option("--encrypt", is_flag=True, help="With a passphrase; so too if the old one has one.")
def rotate(name: str, algorithm: str | None, *, encrypt: bool) -> None:
    """Make the key that follows the one kept as NAME, which stays in use until then.

    A requested key gets a new key and request, and takes over once its chain is imported; a
    generated one gets a new test certificate, and takes over at once. The old one is kept.
    """
    kept = key_folder()
    about = kept.about(name)
    if about.pending:
        raise PublishError(
            f"a certificate for {name} is requested already: {kept.path / name / about.pending}",
            f"`trustkit keys import CHAIN.pem --key {name}`",
        )
    following = replace(about, algorithm=algorithm or about.algorithm)
    has_secret = b"ENCRYPTED" in _bytes(kept.in_use(name) / "key.pem")
    secret = passphrase.to_set() if encrypt or has_secret else ""
    if about.kind == "generated":
        organisation = about.subject.organisation
        with kept.rotating(name, following) as place:
            generate(place, following.algorithm, organisation, secret, about.days)
        folder = kept.in_use(name)
        output.say(f"{name} signs with {folder} from now on")
        output.say(f"for whoever is to trust it: trustkit trust add {folder}/root.pem")
        return
    key = new_key(following.algorithm)
    request = make_request(key, about.subject, wanted(Profile(about.profile)))
    with kept.rotating(name, following) as place:
        write_key(place, key, secret, request)
    folder = kept.path / name / kept.about(name).pending
    output.say(f"{folder}/request.pem  for the certificate authority")
    output.say(f"{name} signs with the old key until: trustkit keys import CHAIN.pem --key {name}")
