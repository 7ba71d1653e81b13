"""Options of commands that sign: who stands by it, who agreed, which uses are permitted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import click

from trustkit.c2pa.identity_write import Identity, chain_of
from trustkit.c2pa.statements import MAX_METADATA, checked_metadata
from trustkit.disclosure import CONSENT_OF, MINING_USES, PERMISSIONS, Permission
from trustkit.errors import PublishError, UsageError
from trustkit.signers import Signer

_NO_TRAINING = dict.fromkeys(MINING_USES, "notAllowed")


def statements(command: Any) -> Any:
    """Add the options."""
    options = [
        click.option(
            "--identity-key",
            metavar="URI",
            help="A second key, of whoever stands by the statements (CAWG identity).",
        ),
        click.option(
            "--identity-role",
            "identity_roles",
            multiple=True,
            metavar="ROLE",
            help="As what: cawg.creator, cawg.publisher, ...",
        ),
        click.option(
            "--identity-passphrase-file",
            metavar="FILE",
            help="Else TRUSTKIT_IDENTITY_PASSPHRASE, else a prompt.",
        ),
        click.option(
            "--training-mining",
            "permissions",
            multiple=True,
            metavar="USE=PERMISSION[:INFO]",
            help=f"{', '.join(MINING_USES)}; {', '.join(PERMISSIONS)}.",
        ),
        click.option(
            "--do-not-train", is_flag=True, help="All four uses: notAllowed, unless named."
        ),
        click.option(
            "--metadata",
            "metadata_file",
            metavar="FILE",
            help="JSON-LD for the manifest, for all to read.",
        ),
        click.option(
            "--consent",
            "consents",
            multiple=True,
            metavar="OF,reference=REF[,who=NAME][,date=DATE]",
            help=f"Who agreed to its use, and where that is kept: {', '.join(CONSENT_OF)}.",
        ),
        click.option(
            "--licence",
            "licences",
            multiple=True,
            metavar="REF[,of=WHAT]",
            help="By what something in it may be used: an address or a number.",
        ),
        click.option(
            "--editorial-exemption",
            metavar="REASON",
            help="Why it bears no visible label; a person answers for it: --reviewed-by.",
        ),
        click.option(
            "--reviewed-by", metavar="NAME", help="Who looked at it before it is published."
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def identity(uri: str, roles: Iterable[str], open_key: Callable[[str], Signer]) -> Identity | None:
    """Return who is to stand by what is signed, checked; None where `uri` is empty."""
    roles = tuple(roles)
    if not uri:
        if roles:
            raise UsageError("a role, but nobody to play it", "add --identity-key file:DIR")
        return None
    found = Identity(open_key(uri), tuple(_role(role) for role in roles))
    chain_of(found)
    return found


def _role(text: str) -> str:
    return text if "." in text else f"cawg.{text}"


def permissions(
    asked: Iterable[str], house: Mapping[str, str], *, do_not_train: bool
) -> tuple[Permission, ...]:
    """Return what is permitted: options before the template's, both before `do_not_train`.

    Raises `UsageError` for a use or a permission that is not known.
    """
    said = _NO_TRAINING if do_not_train else {}
    said = {**said, **house, **dict(_pair(text) for text in asked)}
    return tuple(_permission(use, text) for use, text in said.items())


def _pair(text: str) -> tuple[str, str]:
    use, equals, rest = text.partition("=")
    if not equals:
        raise UsageError(f"--training-mining {text!r} is no USE=PERMISSION", _HINT)
    return use.strip(), rest.strip()


def _permission(use: str, text: str) -> Permission:
    use = use.removeprefix("cawg.").replace("-", "_")
    permission, _, info = text.partition(":")
    if use not in MINING_USES:
        raise UsageError(f"{use!r} is no use of training or mining", _HINT)
    if permission not in PERMISSIONS:
        raise UsageError(f"{use}: {permission!r} is no permission", _HINT)
    if info and permission != "constrained":
        raise UsageError(f"{use}: a condition goes with constrained only", _HINT)
    return Permission(use, permission, info.strip())


_HINT = (
    f"one of {', '.join(MINING_USES)}, then =, then {', '.join(PERMISSIONS)}, "
    "like ai_training=constrained:see https://example.org/licence"
)


def metadata(file: str | None) -> str:
    """Return the metadata in `file`, checked, or an empty text; raises `PublishError`."""
    if not file:
        return ""
    try:
        with Path(file).open("rb") as stream:
            data = stream.read(MAX_METADATA + 1)
        checked = checked_metadata(data.decode())
        checked.encode()  # an escape may stand for half a character
    except UnicodeError as error:
        raise PublishError(f"{file} is no UTF-8 text", "write it as JSON") from error
    except OSError as error:
        raise PublishError(f"{file} cannot be read: {error.strerror}", "check its name") from error
    return checked
