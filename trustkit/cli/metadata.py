"""`trustkit metadata`: fields outside of any manifest; each command is imported when called."""

from __future__ import annotations

import click

from trustkit.cli.lazy import LazyGroup

_COMMANDS = {
    "read": ("metadata_read:command", "Say what files declare in XMP, IPTC-IIM, EXIF and tags."),
    "write": (
        "metadata_write:command",
        "Write fields by their standard names; everything else stays.",
    ),
}


class _Group(LazyGroup):
    table = _COMMANDS


@click.command("metadata", cls=_Group)
def group() -> None:
    """Read and write what IPTC, PLUS and GB 45438 name, without touching pixels or samples.

    Anybody can write such metadata and anybody can remove it: it declares and proves nothing.
    """
