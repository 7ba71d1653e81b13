"""`trustkit metadata`: fields outside of any manifest; each command is imported when called."""

from __future__ import annotations

from importlib import import_module

import click

_COMMANDS = {
    "read": "Say what files declare in XMP, IPTC-IIM, EXIF and tags.",
    "write": "Write fields by their standard names; everything else stays.",
}


class _Group(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module = import_module(f"trustkit.cli.metadata_{cmd_name}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.command("metadata", cls=_Group)
def group() -> None:
    """Read and write what IPTC, PLUS and GB 45438 name, without touching pixels or samples.

    Anybody can write such metadata and anybody can remove it: it declares and proves nothing.
    """
