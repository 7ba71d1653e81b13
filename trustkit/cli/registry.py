"""`trustkit registry`: make, fill, ask, export and check a registry."""

from __future__ import annotations

import click

from trustkit.cli.lazy import LazyGroup

COMMANDS: dict[str, tuple[str, str]] = {
    "init": ("registry_init:init", "Make a registry, and the key that signs its log."),
    "add": ("registry_add:add", "Record published files that were made elsewhere."),
    "search": ("registry_find:search", "Find records by id, hash or words."),
    "show": ("registry_find:show", "Show all that is kept of a record."),
    "list": ("registry_find:list_command", "List the records in the order they came."),
    "export": ("registry_export:export", "Write all records as JSON lines."),
    "forget": ("registry_export:forget", "Take a record out; the log keeps its hash."),
    "checkpoint": ("registry_init:checkpoint", "Sign the log; print the checkpoint."),
    "verify-log": ("registry_log:verify_log", "Check that nothing was changed, dropped or moved."),
    "proof": ("registry_proof:proof", "Write the proof that a record is in the log."),
    "verify-proof": ("registry_proof:verify_proof", "Check such a proof, without the registry."),
}


class _Group(LazyGroup):
    table = COMMANDS


@click.command("registry", cls=_Group)
def group() -> None:
    """Keep records of what was published, so that a stripped copy is led back to them.

    A registry is named by --registry URL, else by TRUSTKIT_REGISTRY, else it is the user's own.
    """
