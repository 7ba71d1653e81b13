"""`trustkit models`: the detectors there are; each command is imported when called."""

from __future__ import annotations

import click

from trustkit.cli.lazy import LazyGroup
from trustkit.cli.threads import one_each

_COMMANDS = {
    "list": ("models_list:command", "List the detectors, and why one is not usable."),
    "card": ("models_card:command", "Show what a detector is, how often it errs, and on what."),
    "check": ("models_check:command", "Hold detectors against their cards, and try them."),
    "bench": ("models_bench:command", "Count on media of your own how often one is right."),
    "add": ("models_add:command", "Install a detector from a folder, an archive or an address."),
    "fetch": ("models_fetch:command", "Get the large model that a detector sits on."),
}


class _Group(LazyGroup):
    table = _COMMANDS

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """See click."""
        one_each()
        return super().get_command(ctx, cmd_name)


@click.command("models", cls=_Group)
def group() -> None:
    """Show, check and add the models that look for generated media.

    What a detector says is a lead for a person and proves nothing.
    """
