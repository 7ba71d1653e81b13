"""The options that `sign` and `mark` share: with which key, and what is declared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from trustkit.cli import declare, passphrase
from trustkit.cli.signing import authorities
from trustkit.cli.statements import identity, statements
from trustkit.errors import UsageError
from trustkit.signers import Signer
from trustkit.toolbox import open_signer, own_status

if TYPE_CHECKING:
    from trustkit.c2pa.identity_write import Identity

_WHAT = [
    click.option(
        "--key",
        metavar="URI",
        help="file:DIR, a kept name, cmd:, pkcs11:, awskms:, azure:, gcpkms:",
    ),
    click.option("--passphrase-file", metavar="FILE", help=passphrase.HELP),
    click.option("--template", metavar="FILE", help="A TOML file with what a house always says."),
    click.option(
        "--source-type", metavar="TERM", help="An IPTC digital source type; never guessed."
    ),
    click.option("--system", help="The AI system that made or changed it."),
    click.option("--system-version", help="Its version."),
    click.option("--provider", help="Who provides the system."),
    click.option(
        "--id", "identifier", help="Unique id of this piece; sign: a random UUID, mark: the record."
    ),
    click.option("--created", metavar="TIME", help="ISO 8601 with zone; now by default."),
    click.option("--title", help="Title in the manifest; the file's name by default."),
    click.option("--prompt", help="Write the prompt into the manifest, for all to read."),
    click.option(
        "--prompt-hash", metavar="PROMPT", help="Write only the SHA-256 of the prompt."
    ),
    click.option(
        "--edit", "edits", multiple=True, metavar="ACTION[,KEY=VALUE...]",
        help="An edit: c2pa.cropped,source-type=humanEdits,system=NAME,...",
    ),
    click.option(
        "--reference", "references", multiple=True, metavar="FILE",
        help="An input it was made from.",
    ),
    click.option(
        "--ingredient", "components", multiple=True, metavar="FILE", help="A file placed in it."
    ),
]  # fmt: skip
_HOW = [
    click.option(
        "--require-timestamp", is_flag=True, help="Never sign without a time stamp."
    ),
    click.option(
        "--defer-timestamp", is_flag=True, help="Where none is to be had, sign without, and say so."
    ),
    click.option(
        "--staple-status", is_flag=True,
        help="Ask the issuer for the certificate's status; keep it.",
    ),
    click.option(
        "--ocsp-host", "ocsp_hosts", multiple=True, metavar="HOST",
        help="With --staple-status: this responder may be on a private address.",
    ),
]  # fmt: skip
_WHERE = [
    click.option("--sidecar", is_flag=True, help="Keep the manifest beside the file."),
    click.option(
        "--remote", "remote_url", metavar="URL", help="Only name where the manifest will be."
    ),
    click.option(
        "--whole-hash", is_flag=True,
        help="No Merkle chunks in large video: more memory, but read by every engine.",
    ),
    click.option("--thumbnail", is_flag=True, help="Put a thumbnail into the manifest."),
    click.option(
        "--allow-broken-parent", is_flag=True, help="Sign over a broken manifest, and say so."
    ),
]  # fmt: skip


def declared(command: Any) -> Any:
    """Add the options."""
    for option in reversed(_WHERE):
        command = option(command)
    command = statements(command)
    for option in reversed(_HOW):
        command = option(command)
    command = authorities(command)
    for option in reversed(_WHAT):
        command = option(command)
    return command


def status(asked: Mapping[str, Any], signer: Signer) -> bytes:
    """Return the OCSP response to staple, empty where none was asked for."""
    if asked["ocsp_hosts"] and not asked["staple_status"]:
        raise UsageError("--ocsp-host goes with --staple-status", "add it, or leave the host out")
    return own_status(signer, asked["ocsp_hosts"]) if asked["staple_status"] else b""


def stated_by(asked: Mapping[str, Any], house: declare.Template) -> Identity | None:
    """Return who stands by the statements, None where nobody is named."""

    def opened(uri: str) -> Signer:
        file = asked["identity_passphrase_file"]
        option = "--identity-passphrase-file"
        return open_signer(uri, lambda: passphrase.to_sign(file, passphrase.IDENTITY_ENV, option))

    roles = asked["identity_roles"] or house.identity_roles
    return identity(asked["identity_key"] or house.identity_key, roles, opened)
