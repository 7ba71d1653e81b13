"""`trustkit watermark`: marks inside pixels and sound; each command is imported when called."""

from __future__ import annotations

import click

from trustkit.cli.lazy import LazyGroup
from trustkit.cli.threads import one_each

_COMMANDS = {
    "embed": (
        "watermark_embed:command",
        "Put a mark with an id into pictures, films and sounds.",
    ),
    "detect": ("watermark_detect:command", "Read the marks in pictures, films and sounds."),
    "bench": (
        "watermark_bench:command",
        "Try on a folder of your own what the mark survives.",
    ),
    "key": (
        "watermark_key:command",
        "Make a secret key, so that only its holder reads the mark.",
    ),
}


class _Group(LazyGroup):
    table = _COMMANDS

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """See click."""
        one_each()
        return super().get_command(ctx, cmd_name)


@click.command("watermark", cls=_Group)
def group() -> None:
    """Put a mark into pictures, films and sounds, and read it back.

    A mark is a lead to a record and proves nothing by itself.
    """
