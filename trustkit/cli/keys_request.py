"""`trustkit keys request` and `keys import`: ask a CA for a certificate, and take its answer."""

from __future__ import annotations

from pathlib import Path

import click

from trustkit.c2pa.profiles import Profile
from trustkit.c2pa.profiles.wanted import wanted
from trustkit.cli import output, passphrase
from trustkit.cli.keys_import import take_answer
from trustkit.errors import PublishError, UsageError
from trustkit.signers import ALGORITHMS
from trustkit.signers.algorithms import algorithm_of
from trustkit.signers.generate import new_key, write_key
from trustkit.signers.keep import About
from trustkit.signers.pem import load_key
from trustkit.signers.request import Subject, make_request, write_request
from trustkit.toolbox import key_folder

_PROFILES = click.Choice([profile.value for profile in Profile])


@click.command("request")
@click.option("-o", "--output", "folder", metavar="DIR", help="Folder to make.")
@click.option("--keep", metavar="NAME", help="Keep it under this name instead.")
@click.option("--key", metavar="DIR|NAME", help="Ask for an existing key; it stays as it is.")
@click.option("--algorithm", type=click.Choice(ALGORITHMS), default="es256", show_default=True)
@click.option("--organisation", required=True, metavar="NAME", help="The subject's O.")
@click.option("--name", default="", help="The subject's CN; the organisation by default.")
@click.option("--country", default="", metavar="CC", help="The subject's C: two letters.")
@click.option("--email", default="", metavar="ADDRESS", help="A subject alternative name.")
@click.option("--profile", type=_PROFILES, default="c2pa", show_default=True,
              help="What the certificate is for.")  # fmt: skip
@click.option(
    "--encrypt", is_flag=True, help=f"Ask for a passphrase (or take it from {passphrase.ENV})."
)
@click.option("--passphrase-file", metavar="FILE", help=passphrase.HELP)
def request(
    folder: str | None,
    keep: str | None,
    key: str | None,
    algorithm: str,
    organisation: str,
    name: str,
    country: str,
    email: str,
    profile: str,
    passphrase_file: str | None,
    *,
    encrypt: bool,
) -> None:
    """Make a key, and a request for its certificate: key.pem, request.pem (PKCS #10).

    Send request.pem to a certificate authority, then `trustkit keys import` what it answers.
    """
    if sum(map(bool, (folder, keep, key))) != 1:
        raise UsageError("where to?", "name one of -o DIR, --keep NAME, --key DIR|NAME")
    subject = Subject(organisation, name, country, email)
    subject.check()
    extensions = wanted(Profile(profile))
    if key:
        place = _place(key)
        pem = (place / "key.pem").read_bytes() if (place / "key.pem").is_file() else None
        if pem is None:
            raise PublishError(f"there is no {place / 'key.pem'}", "name a key folder")
        loaded = load_key(pem, place / "key.pem", lambda: _secret(passphrase_file))
        write_request(place, make_request(loaded, subject, extensions))
        algorithm = algorithm_of(loaded.public_key(), key)
    else:
        secret = passphrase.to_set(passphrase_file) if encrypt else ""
        made = new_key(algorithm)
        pem = make_request(made, subject, extensions)
        if keep:
            about = About("requested", subject, algorithm, profile)
            with key_folder().adding(keep, about) as place:
                write_key(place, made, secret, pem)
            place = key_folder().path / keep / key_folder().about(keep).pending
        else:
            place = Path(str(folder))
            write_key(place, made, secret, pem)
        output.say(f"{place}/key.pem      the private key ({algorithm}): keep it secret")
    output.say(f"{place}/request.pem  for the certificate authority")
    output.say(f"then: trustkit keys import CHAIN.pem --key {keep or key or folder}")


@click.command("import")
@click.argument("chain", metavar="CHAIN")
@click.option("--key", required=True, metavar="DIR|NAME", help="The key it was issued for.")
@click.option("--profile", type=_PROFILES,
              help="What it is for; what was requested, or c2pa, by default.")  # fmt: skip
@click.option("--passphrase-file", metavar="FILE", help=passphrase.HELP)
def import_command(chain: str, key: str, profile: str | None, passphrase_file: str | None) -> None:
    """Put a CA's answer beside its key: the pair checked, the chain in order, the rules held to.

    CHAIN is PEM, DER or PKCS #7 (.p7b). What may not sign is refused and changes nothing; a chain
    that was there is kept as chain.1.pem or the like.
    """
    kept = key_folder()
    taken = take_answer(
        Path(chain), key, kept, profile, lambda: passphrase.to_open(passphrase_file)
    )
    for note in taken.notes:
        output.say(f"note: {note}", err=True)
    output.say(f"{taken.chain}  {taken.name}, until {taken.until:%Y-%m-%d}")
    output.say(f"sign with: --key {key if kept.is_kept(key) else f'file:{key}'}")


def _place(key: str) -> Path:
    kept = key_folder()
    if not kept.is_kept(key):
        return Path(key).expanduser()
    about = kept.about(key)
    return kept.path / key / (about.pending or about.current)


def _secret(file: str | None) -> str:
    secret = passphrase.to_open(file)
    if secret is None:
        raise PublishError(
            "the key is encrypted and no passphrase was given",
            f"use --passphrase-file FILE or set {passphrase.ENV}",
        )
    return secret
