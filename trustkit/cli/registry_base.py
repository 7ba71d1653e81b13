"""What the commands of `trustkit registry` share: its options, and how a record is shown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import click

from trustkit.errors import NoInputError, UsageError
from trustkit.record import Record

# SQLAlchemy takes a quarter of a second: a help text does without.
if TYPE_CHECKING:
    from trustkit.stores.registry import Registry

SCHEMA = "1.0"
_ID = re.compile(r"[0-9a-f]{16}")

WHICH = click.option("--registry", "url", metavar="URL", default="",
                     help="Which registry; see docs/registry.md.")  # fmt: skip
FORMAT = click.option("-f", "--format", "form", type=click.Choice(["text", "json"]),
                      default="text", show_default=True)  # fmt: skip
ROWS = click.option("-f", "--format", "form", type=click.Choice(["text", "json", "jsonl"]),
                    default="text", show_default=True)  # fmt: skip
PERSONAL = click.option("--personal", is_flag=True,
                        help="With what is kept of people, places and devices.")  # fmt: skip


def opened(url: str) -> Registry:
    """Open the registry asked for, else that of the configuration, else the user's own."""
    from trustkit.stores.registry import needed_registry

    return needed_registry(url)


def record_id(text: str) -> str:
    """Return the id of a record as it was typed; raises `UsageError`."""
    if not _ID.fullmatch(text.lower()):
        raise UsageError(f"{text[:80]!r} is no id of a record", "write its 16 hex digits")
    return text.lower()


def unknown(record: str, registry: Registry) -> NoInputError:
    """Return what to raise where there is no such record."""
    return NoInputError(
        f"there is no record {record} in {registry.shown}", "see `trustkit registry list`"
    )


def short(record: Record, *, personal: bool) -> dict[str, Any]:
    """Return a record as JSON for a list: of its codes, how many."""
    row = whole(record, personal=personal)
    counts: dict[str, int] = {}
    for code in row.pop("codes"):
        counts[code["alg"]] = counts.get(code["alg"], 0) + 1
    return {**row, "codes": counts}


def whole(record: Record, *, personal: bool) -> dict[str, Any]:
    """Return a record as JSON, with what is personal if it is wanted."""
    return {**record.public(), **({"personal": dict(record.personal)} if personal else {})}


def line(record: Record, *, personal: bool) -> str:
    """Return a record as one line."""
    size = "x".join(str(record.measures[k]) for k in ("width", "height") if k in record.measures)
    title = record.disclosure.get("title") or ""
    name = record.personal.get("file_name", "") if personal else ""
    manifest = "manifest   " if record.manifest else "no manifest"
    parts = (record.id, record.created[:10], f"{record.media_type:<10}", f"{size:<9}", manifest,
             str(name), str(title))  # fmt: skip
    return "  ".join(part for part in parts if part).rstrip()
