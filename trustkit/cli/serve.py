"""`trustkit serve`: verification and soft binding resolution over HTTP."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from trustkit.cli import output
from trustkit.cli.serve_key import group as key_group
from trustkit.cli.serve_key import key_file
from trustkit.cli.verify import lists_told, wishes
from trustkit.errors import MissingBackendError
from trustkit.home import NO_REGISTRY, registry_url
from trustkit.service import Bounds
from trustkit.toolbox import Wish, open_toolbox

_PORT = 8080
_MIB = 2**20
_EXTRA = {"fastapi", "uvicorn", "prometheus_client", "starlette", "h11"}


@click.group("serve", invoke_without_command=True)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=_PORT, show_default=True,
              help="Port; 0 takes a free one.")  # fmt: skip
@click.option("--public", "is_public", is_flag=True, help="Let everybody read, without a key.")
@wishes
@click.option("--only", multiple=True, metavar="NAME", help="Ask only this collector.")
@click.option("--skip", multiple=True, metavar="NAME", help="Do not ask this collector.")
@click.option("--watermark-key", "mark_keys", multiple=True, metavar="FILE",
              help="Read marks with this key too, beside the public one.")  # fmt: skip
@click.option("--registry", metavar="URL", default="",
              help="Look for records here; none: nowhere.")  # fmt: skip
@click.option("--workers", type=click.IntRange(1, 64), default=2, show_default=True,
              help="Processes that look at files.")  # fmt: skip
@click.option("--in-hand", type=click.IntRange(1, 10_000), default=Bounds.in_hand,
              show_default=True, help="Uploads at once; others are told to wait.")  # fmt: skip
@click.option("--max-mib", type=click.IntRange(1, 2**20), default=Bounds.upload // _MIB,
              show_default=True, help="MiB of one upload.")  # fmt: skip
@click.option("--max-seconds", type=click.FloatRange(0.5, 3600), default=Bounds.seconds,
              show_default=True, help="Seconds in which an upload must be here.")  # fmt: skip
@click.option("--stop-seconds", type=click.IntRange(0, 3600), default=int(Bounds.stop),
              show_default=True, help="Seconds to finish what runs when told to end.")  # fmt: skip
@click.option("--temp", metavar="DIR", help="Folder for uploads; the system's by default.")
@click.pass_context
def group(
    context: click.Context,
    /,
    *,
    host: str,
    port: int,
    is_public: bool,
    workers: int,
    in_hand: int,
    max_mib: int,
    max_seconds: float,
    stop_seconds: int,
    temp: str | None,
    fetch_remote: tuple[str, ...],
    registry: str,
    **asked: Any,
) -> int | None:
    """Verify uploads and answer the C2PA Soft Binding Resolution API, until told to end.

    Listens on 127.0.0.1 unless --host says otherwise, and on no other address without API keys,
    unless --public opens reading to all. Nothing of an upload is kept. The log goes to standard
    error, one JSON object a line.
    """
    if context.invoked_subcommand is not None:
        return None
    try:
        from trustkit.service import run
        from trustkit.service.logs import set_up_logs
    except ModuleNotFoundError as error:
        if error.name not in _EXTRA:
            raise
        raise MissingBackendError(
            f"serve needs {error.name}", "pip install 'trustkit[serve]'"
        ) from error
    set_up_logs()
    url = NO_REGISTRY if registry == NO_REGISTRY else registry_url(registry) or NO_REGISTRY
    wish = replace(Wish(**asked), remote_hosts=fetch_remote, registry=url)
    bounds = Bounds(
        upload=max_mib * _MIB,
        seconds=max_seconds,
        idle=min(max_seconds, Bounds.idle),
        head=min(max_seconds, Bounds.head),
        unread=min(2 * max_seconds, Bounds.unread),
        in_hand=in_hand,
        stop=float(stop_seconds),
    )
    toolbox = open_toolbox(wish)
    folder = Path(temp or tempfile.gettempdir())
    place = run.Place(host, port, is_public, key_file(), folder)
    run.serve(wish, toolbox, place, bounds, workers, (output.tool(), tuple(lists_told(toolbox))))
    return 0


group.add_command(key_group)
