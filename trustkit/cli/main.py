"""The `trustkit` command: a group that imports a command only when it is called."""

from __future__ import annotations

import signal
import sys
from typing import Any, NoReturn

import click

from trustkit import __version__
from trustkit.cli.lazy import LazyGroup
from trustkit.errors import TrustkitError, UsageError

# The help is here, not in the commands, so that `trustkit --help` imports none of them.
COMMANDS: dict[str, tuple[str, str]] = {
    "verify": ("verify:command", "Say what is known of files: intact, by whom, declared as what."),
    "inspect": ("inspect:command", "Show everything that is in a file's manifest, unjudged."),
    "mark": ("mark:command", "Publish: watermark, metadata, signature, and a record of it."),
    "sign": ("sign:command", "Attach a signed C2PA manifest with an AI disclosure."),
    "recover": ("recover:command", "Lead a stripped copy back to its record."),
    "registry": ("registry:group", "Keep, ask, export and check records of what was published."),
    "watermark": ("watermark:group", "Put a mark into pictures, films and sounds; read it."),
    "detect": ("detect:command", "Ask detectors for indications of generated media; no proof."),
    "models": ("models:group", "List, check, measure and add the models that detectors are."),
    "label": ("label:command", "Label media for people: words to see, or a notice to hear."),
    "metadata": ("metadata:group", "Read and write IPTC, XMP and AIGC fields; pixels stay."),
    "timestamp": ("timestamp:group", "Stamp files that were signed without a time stamp."),
    "redact": ("redact:command", "Take named statements out of a file's history, with a reason."),
    "lint": ("lint:command", "Say which disclosure is missing where, by profile and clause."),
    "diff": ("diff:command", "Compare what two files say of themselves."),
    "keys": ("keys:group", "Make, request, import, check and rotate signing keys."),
    "trust": ("trust:group", "Keep named lists of whom to trust, and bring them up to date."),
    "policy": ("policy:group", "List, show, check and explain policies."),
    "serve": ("serve:group", "Verify uploads and resolve soft bindings over HTTP."),
    "schema": ("schema:command", "Print the JSON Schema of the report."),
    "demo": ("demo:command", "Sign, verify, tamper, strip: every verdict on sample files."),
}


class _Group(LazyGroup):
    table = COMMANDS


@click.command(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "-V", "--version", message="trustkit %(version)s")
def cli() -> None:
    """Media provenance on your own machine: sign, verify and explain any media file.

    Exit codes: 0 accepted, 10 rejected, 20 for review, 30 could not be checked, 33 bad policy or
    trust file, 40 signing or marking failed, 2 usage.
    """


def main() -> NoReturn:
    """Run the command line and exit with the contract's code."""
    arguments = sys.argv[1:]
    # Asked to end is interrupted: what is half written is to be taken away, too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        sys.exit(_run(arguments))
    except BrokenPipeError:  # the reader of our output has gone, which is its right
        sys.stderr.close()
        sys.exit(0)


def _run(arguments: list[str]) -> int:
    try:
        result: Any = cli.main(arguments, prog_name="trustkit", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except (KeyboardInterrupt, click.Abort):
        click.echo("\ninterrupted", err=True)
        return 130
    except click.ClickException as error:
        hint = _usage_hint(error)
        return _fail(UsageError(error.format_message(), hint), arguments)
    except TrustkitError as error:
        return _fail(error, arguments)
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001  # a bug of ours: said in one line, the trace only when asked for
        return _fail(_bug(error), arguments)


def _fail(error: TrustkitError, arguments: list[str]) -> int:
    from trustkit.cli import output

    if _wants_json(arguments):
        click.echo(output.failure_json(error), nl=False)
    output.fail(error)
    return error.exit_code


def _wants_json(arguments: list[str]) -> bool:
    # Parsing may be what failed, so the words themselves are looked at.
    pairs = zip(arguments, [*arguments[1:], ""], strict=True)
    return any(
        (word in {"--format", "-f"} and after == "json") or word in {"--format=json", "-fjson"}
        for word, after in pairs
    )


def _usage_hint(error: click.ClickException) -> str:
    context = getattr(error, "ctx", None)
    return f"see `{context.command_path} --help`" if context else "see `trustkit --help`"


def _bug(error: Exception) -> TrustkitError:
    import logging

    logging.getLogger("trustkit").exception("internal error")
    return TrustkitError(
        f"internal error: {type(error).__name__}: {error}",
        "this is a bug: please report it with the command and TRUSTKIT_LOG=debug",
    )
