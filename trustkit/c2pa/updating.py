"""Bring a list up to date: where from, what changes, and then, in one step, that it counts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from trustkit.c2pa.lists import ListFolder, arrive, read_file
from trustkit.c2pa.products import Product, Products, read_products
from trustkit.c2pa.shelf import Shelf
from trustkit.c2pa.sources import PRODUCTS, SOURCES, Source
from trustkit.c2pa.trust import Purpose
from trustkit.c2pa.update import (
    Change,
    Get,
    Row,
    compare,
    list_fetcher,
    may_shrink,
    propose,
)
from trustkit.errors import ConfigError, UnreachableError, UsageError


@dataclass(frozen=True)
class Target:
    """A list that is to be brought up to date, with the addresses of its documents.

    `is_named` says that a user wrote these addresses.
    """

    source: Source
    is_named: bool = False


@dataclass(frozen=True)
class Ready:
    """A change that is checked and does not count yet: `take` makes it count."""

    change: Change
    sha256: str
    issued: str
    next_update: str
    take: Callable[[], None]


def find_target(name: str, asked: Iterable[str], folder: ListFolder) -> Target:
    """Return where list `name` is to be had: `asked`, else where it is published or was from.

    Raises `UsageError` for a list that has no address.
    """
    given = tuple(asked)
    source = SOURCES.get(name)
    if source is None and name in folder.names():
        entry = folder.entry(name)
        documents: list[dict[str, Any]] = entry.get("documents", [])
        urls = tuple(str(about.get("source")) for about in documents)
        if given or (urls and all(url.startswith("https://") for url in urls)):
            purpose = Purpose(entry["purpose"])
            source = Source(name, name, purpose, given or urls, frozen=entry.get("frozen") or "")
            return Target(source, is_named=True)
    if source is None:
        raise UsageError(
            f"trust list {name} has no address",
            f"known by name: {', '.join(SOURCES)}; any other: "
            "`trustkit trust add https://...` or `trustkit trust add FILE`",
        )
    if not given:
        return Target(source)
    return Target(Source(name, source.title, source.purpose, given, source.has_only_anchors,
                         source.frozen), is_named=True)  # fmt: skip


def documents_of(target: Target, disk: Path | None) -> tuple[list[bytes], list[str]]:
    """Return the documents of a list and where each is from: fetched, or from `disk`.

    `disk` is a file, or a folder that has the documents under the names they are published by, in
    itself or in a folder of the list's name. Raises `UnreachableError` where one is not to be had.
    """
    urls = target.source.urls
    if disk is None:
        get: Get = list_fetcher(urls, is_named=target.is_named)
        return [get(url) for url in urls], list(urls)
    paths = [disk] if not disk.is_dir() else [_on_disk(disk, target.source.name, u) for u in urls]
    return [read_file(path) for path in paths], [str(path.resolve()) for path in paths]


def _on_disk(folder: Path, name: str, url: str) -> Path:
    file = Path(urlsplit(url).path).name
    for path in (folder / name / file, folder / file):
        if path.is_file():
            return path
    raise UnreachableError(
        f"there is no {file} in {folder}", f"put it there, or into {folder / name}"
    )


def ready(
    target: Target,
    folder: ListFolder,
    information: Shelf,
    *,
    disk: Path | None = None,
    accept_shrink: bool = False,
) -> Ready:
    """Fetch a list and check it; nothing changes yet.

    Raises `UnreachableError` where it is not to be had, `ConfigError` where it may not count.
    """
    documents, sources = documents_of(target, disk)
    source = target.source
    if source.purpose is None:
        return _ready_products(documents, sources, information, accept_shrink=accept_shrink)
    arrival = arrive(
        source.name,
        source.purpose,
        documents,
        sources,
        was_fetched=disk is None,
        frozen=source.frozen,
    )
    name, now = source.name, datetime.now(UTC)
    installed = (folder.entry(name), folder.read(name)) if name in folder.names() else None
    change = propose(
        name,
        arrival,
        installed,
        now,
        has_only_anchors=source.has_only_anchors,
        accept_shrink=accept_shrink,
    )

    def take() -> None:
        if change.is_same:
            folder.confirm(name)
        else:
            folder.replace(name, arrival)

    published = arrival.published
    return Ready(change, published.sha256, published.issued, published.next_update, take)


def _ready_products(
    documents: list[bytes], sources: list[str], information: Shelf, *, accept_shrink: bool
) -> Ready:
    if len(documents) != 1:
        raise ConfigError("the list of conforming products is one document", "give one address")
    new = read_products(documents[0])
    old = load_products(information)
    before = _rows(old.products) if old else ()
    if old and new.changed < old.changed:
        raise ConfigError(
            f"this list of conforming products, last changed on {new.changed}, is older than the "
            f"installed one of {old.changed}",
            "somebody may be handing out an old list",
        )
    is_same = old is not None and old.sha256 == new.sha256
    change = compare(before, _rows(new.products), is_same=is_same)
    may_shrink(PRODUCTS, change, before, accept_shrink=accept_shrink)
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def take() -> None:
        if is_same:
            information.note(PRODUCTS, checked=now)
            return
        about = {
            "purpose": "information",
            "source": sources[0],
            "sha256": new.sha256,
            "date": new.changed or now[:10],
            "certificates": 0,
            "products": len(new.products),
            "added": now,
            "checked": now,
            "documents": [{"source": sources[0]}],
        }
        information.put(PRODUCTS, about, documents)

    return Ready(change, new.sha256, new.changed, "", take)


def load_products(information: Shelf) -> Products | None:
    """Return the list of conforming products, or None where none is installed.

    Raises `ConfigError` where it is damaged.
    """
    if PRODUCTS not in information.names():
        return None
    try:
        entry = information.entry(PRODUCTS)
        (document,) = information.documents(PRODUCTS, entry)
        return read_products(document, str(entry.get("checked", ""))[:10])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(
            f"the list of conforming products is damaged: {error}",
            f"remove {information.path / PRODUCTS}, then `trustkit trust update {PRODUCTS}`",
        ) from error


def _rows(products: Iterable[Product]) -> tuple[Row, ...]:
    return tuple(
        # A record that changes its status is another row: that it was revoked has to be seen.
        Row(f"{p.record} {p.status}", f"{p.name}: {p.status}", p.organisation, "", "", "name")
        for p in products
    )
