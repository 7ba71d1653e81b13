"""`trustkit trust`: named lists of who may sign, who may time-stamp and who vouches for names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from trustkit.c2pa.lists import ListFolder, arrive, read_file
from trustkit.c2pa.trust import Purpose
from trustkit.c2pa.update import list_fetcher, rows
from trustkit.cli import output
from trustkit.cli.trust_update import update
from trustkit.errors import ConfigError, UsageError
from trustkit.evidence.trust import NO_LIST_HINT
from trustkit.toolbox import information_shelf, list_folder

_HTTPS = "https://"
_FORMAT = click.option(
    "-f",
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
)


@click.group("trust")
def group() -> None:
    """Keep named lists of whom to trust, and bring them up to date."""


group.add_command(update)


@group.command("add")
@click.argument("files", nargs=-1, required=True, metavar="FILE|URL...")
@click.option("--name", help="Name of the list; the first file's by default.")
@click.option("--tsa", is_flag=True, help="A list of time-stamp authorities, not of signers.")
@click.option("--identity", is_flag=True, help="A list of who may vouch for a CAWG identity.")
@click.option("--sha256", metavar="HEX", help="Refuse a list that has another SHA-256.")
def add(
    files: tuple[str, ...], name: str | None, *, tsa: bool, identity: bool, sha256: str | None
) -> None:
    """Install the certificates of the FILEs together as one named list.

    A FILE is PEM, a list of trusted entities in JSON, or IPTC's JSON list of publishers. CA
    certificates vouch for what they issued; any other certificate only for itself.
    """
    if tsa and identity:
        raise UsageError("a list has one purpose", "give --tsa or --identity, not both")
    purpose = Purpose.TIMESTAMPS if tsa else Purpose.IDENTITY if identity else Purpose.SIGNERS
    if plain := [file for file in files if file.startswith("http://")]:
        raise UsageError(f"{plain[0]} could be changed on its way", "lists are fetched by https")
    urls = [file for file in files if file.startswith(_HTTPS)]
    fetch = list_fetcher(urls, is_named=True)
    documents = [fetch(f) if f in urls else read_file(Path(f)) for f in files]
    sources = [f if f in urls else str(Path(f).resolve()) for f in files]
    chosen = name or Path(files[0]).stem.lower().replace(" ", "-")
    arrival = arrive(chosen, purpose, documents, sources, was_fetched=bool(urls))
    published = arrival.published
    if sha256 and sha256.lower() != published.sha256:
        raise ConfigError(
            f"the SHA-256 of {arrival.source} is {published.sha256}, not {sha256.lower()}",
            "nothing was installed",
        )
    if urls:
        for row in rows(published):
            output.say(f"+ {row.line()}  {row.sha256[:16]}")
    for note in published.notes:
        output.say(f"note: {note}", err=True)
    list_folder().add(chosen, arrival)
    for about in _about(list_folder(), chosen):
        output.say(_line(about))


@group.command("list")
@_FORMAT
def list_command(form: str) -> None:
    """List what is installed: name, purpose, certificates, date, SHA-256, source."""
    folder, information = list_folder(), information_shelf()
    found = [about for name in folder.names() for about in _about(folder, name)]
    found += [_information(information.entry(name), name) for name in information.names()]
    if form == "json":
        click.echo(json.dumps(found, indent=2))
    elif not found:
        click.echo(f"no trust list is installed; {NO_LIST_HINT}")
    else:
        for about in found:
            output.say(_line(about))


@group.command("show")
@click.argument("name")
@_FORMAT
def show(name: str, form: str) -> None:
    """Show one list: where it is from, its dates, and its certificates."""
    folder = list_folder()
    lists = _about(folder, name)
    published, history = folder.read(name), folder.history(name)
    if form == "json":
        entries = [vars(row) for row in rows(published)]
        answer = {"lists": lists, "history": [_version(e) for e in history], "entries": entries}
        click.echo(json.dumps(answer, indent=2))
        return
    for about in lists:
        output.say(_line(about))
    for label, text in _details(lists[0], history):
        output.say(f"  {label:<12} {text}")
    for row in rows(published):
        output.say(f"  {row.line()}")


@group.command("history")
@click.argument("name")
@_FORMAT
def history_command(name: str, form: str) -> None:
    """Show the versions of one list that are kept, the one in use first."""
    versions = [_version(entry) for entry in list_folder().history(name)]
    if form == "json":
        click.echo(json.dumps(versions, indent=2))
        return
    for number, version in enumerate(versions):
        state = "in use" if number == 0 else f"before {number}"
        output.say(
            f"{state:<9}  {version['date']}  {version['certificates']:>4} certificates  "
            f"{version['sha256'][:16]}  added {version['added'] or version['date']}"
        )


@group.command("rollback")
@click.argument("name")
def rollback(name: str) -> None:
    """Put the version before in use again; the one in use now is kept."""
    folder = list_folder()
    folder.back(name)
    for about in _about(folder, name):
        output.say(_line(about))


@group.command("remove")
@click.argument("name")
def remove(name: str) -> None:
    """Remove one list, with all its versions."""
    information = information_shelf()
    if name in information.names():
        information.remove(name)
    else:
        list_folder().remove(name)
    output.say(f"removed {name}")


def _about(folder: ListFolder, name: str) -> list[dict[str, Any]]:
    entry = folder.entry(name)
    return [
        {
            "name": trust_list.name,
            "purpose": trust_list.purpose.value,
            "certificates": trust_list.size,
            "date": trust_list.date,
            "sha256": trust_list.sha256,
            "source": trust_list.source,
            "issued": trust_list.issued,
            "next_update": trust_list.next_update,
            "number": trust_list.number,
            "fetched": trust_list.fetched,
            "checked": entry.get("checked") or trust_list.checked,
            "frozen": trust_list.frozen,
            "documents": entry.get("documents", []),
            "previous": [version["sha256"] for version in entry.get("previous", [])],
        }
        for trust_list in folder.load(name)
    ]


def _information(entry: dict[str, Any], name: str) -> dict[str, Any]:
    keys = ("purpose", "certificates", "products", "date", "sha256", "source", "checked")
    return {"name": name, **{key: entry.get(key) for key in keys}}


def _line(about: dict[str, Any]) -> str:
    count = (f"{about['products']:>4} products    " if about.get("products") else
             f"{about['certificates']:>4} certificates")  # fmt: skip
    frozen = f"  frozen {about['frozen']}" if about.get("frozen") else ""
    return (
        f"{about['name']:<12}  {about['purpose']:<10}  {count}  {about['date']}  "
        f"{about['sha256'][:16]}  {about['source']}{frozen}"
    )


def _details(about: dict[str, Any], history: list[dict[str, Any]]) -> list[tuple[str, str]]:
    number = f", number {about['number']}" if about["number"] is not None else ""
    lines = [
        ("issued", f"{about['issued']}{number}" if about["issued"] else ""),
        ("next update", about["next_update"]),
        ("frozen", about["frozen"]),
        ("fetched", about["fetched"]),
        ("checked", about["checked"]),
        ("SHA-256", about["sha256"]),
    ]
    if len(about["documents"]) > 1:
        lines += [("document", f"{d['sha256']}  {d['source']}") for d in about["documents"]]
    if len(history) > 1:
        before = _version(history[1])
        lines.append(("before", f"{before['date']}  {before['sha256']}"))
    return [(label, text) for label, text in lines if text]


def _version(entry: dict[str, Any]) -> dict[str, Any]:
    keys = ("date", "issued", "added", "fetched", "sha256", "source")
    known = {key: str(entry.get(key) or "") for key in keys}
    return {**known, "certificates": entry.get("certificates", 0)}
