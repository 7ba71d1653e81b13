"""`trustkit watermark`: marks inside pixels and sound; each command is imported when called."""

from __future__ import annotations

import os
from importlib import import_module

import click

_COMMANDS = {
    "embed": "Put a mark with an id into pictures, films and sounds.",
    "detect": "Read the marks in pictures, films and sounds.",
    "bench": "Try on a folder of your own what the mark survives.",
    "key": "Make a secret key, so that only its holder reads the mark.",
}
# Two threads a worker make a search of small matrices dearer, not faster.
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class _Group(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        for name in _THREADS:  # before numpy is imported, and for the workers
            os.environ.setdefault(name, "1")
        module = import_module(f"trustkit.cli.watermark_{cmd_name}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.command("watermark", cls=_Group)
def group() -> None:
    """Put a mark into pictures, films and sounds, and read it back.

    A mark is a lead to a record and proves nothing by itself.
    """
