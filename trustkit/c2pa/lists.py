"""Named trust lists on this machine: one folder a list, kept apart by purpose."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from trustkit.c2pa.published import Published, read_published
from trustkit.c2pa.shelf import Entry, Shelf
from trustkit.c2pa.sources import PRODUCTS
from trustkit.c2pa.trust import Purpose, TrustList, by_purpose
from trustkit.errors import ConfigError
from trustkit.policy import LIST_FILES

MAX_LIST = 32 * 2**20  # bytes; the interim list has 0.2 MB


@dataclass(frozen=True)
class Arrival:
    """A list as it came, before it is installed: its documents, each with where it is from."""

    purpose: Purpose
    documents: tuple[bytes, ...]
    sources: tuple[str, ...]
    published: Published
    was_fetched: bool = False
    frozen: str = ""

    @property
    def source(self) -> str:
        """Where it is from, in one text."""
        return ", ".join(self.sources)


def arrive(
    name: str,
    purpose: Purpose,
    documents: Sequence[bytes],
    sources: Sequence[str],
    *,
    was_fetched: bool = False,
    frozen: str = "",
) -> Arrival:
    """Read `documents` as list `name`; raises `ConfigError` where they are no trust list."""
    published = read_published(documents, name)
    return Arrival(purpose, tuple(documents), tuple(sources), published, was_fetched, frozen)


@dataclass(frozen=True)
class ListFolder:
    """The folder that holds the named lists."""

    path: Path

    @property
    def shelf(self) -> Shelf:
        """The folder's versions."""
        return Shelf(self.path)

    def names(self) -> list[str]:
        """List the names installed, sorted."""
        return self.shelf.names()

    def load(self, name: str) -> tuple[TrustList, ...]:
        """Return the list of that name; raises `ConfigError` when it is missing or changed."""
        return _lists(name, self.entry(name), self.read(name))

    def entry(self, name: str) -> Entry:
        """Return what is known of list `name`; raises `ConfigError` as `load` does."""
        if name not in self.names():
            there = ", ".join(self.names()) or "none installed"
            raise ConfigError(
                f"no trust list named {name!r} ({there})", "add it with `trustkit trust add FILE`"
            )
        try:
            return self.shelf.entry(name)
        except (OSError, ValueError) as error:
            raise _damaged(name, error) from error

    def read(self, name: str) -> Published:
        """Return what list `name` says; raises `ConfigError` as `load` does."""
        entry = self.entry(name)
        try:
            published = read_published(self.shelf.documents(name, entry), name)
            noted = entry["sha256"]
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise _damaged(name, error) from error
        if published.sha256 != noted:
            raise _damaged(name, "its SHA-256 is not the one noted")
        return published

    def history(self, name: str) -> list[Entry]:
        """Return what is known of each version of `name`, the one in use first."""
        return [self.entry(name), *self.shelf.previous(name)]

    def add(self, name: str, arrival: Arrival) -> tuple[TrustList, ...]:
        """Install `arrival` as list `name`, whole or not at all.

        Raises `ConfigError` when the name is taken or malformed, or it cannot be stored.
        """
        if name == PRODUCTS:
            raise ConfigError(
                f"{name} is the list of conforming products, which vouches for nobody",
                "take another name; that list comes with `trustkit trust update products`",
            )
        if name in self.names():
            raise ConfigError(
                f"there is a list named {name} already", f"`trustkit trust remove {name}` first"
            )
        return self.replace(name, arrival)

    def replace(self, name: str, arrival: Arrival) -> tuple[TrustList, ...]:
        """Make `arrival` list `name`, in one step, and keep the version before.

        Raises `ConfigError` when the name is malformed or it cannot be stored; then nothing is
        changed.
        """
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        published = arrival.published
        about = {
            "purpose": arrival.purpose.value,
            "source": arrival.source,
            "sha256": published.sha256,
            "date": published.issued[:10] or arrival.frozen or now[:10],
            "certificates": len(published.entries),
            "issued": published.issued,
            "next_update": published.next_update,
            "number": published.number,
            "added": now,
            "fetched": now if arrival.was_fetched else "",
            "checked": now,
            "frozen": arrival.frozen,
            "documents": [{"source": source} for source in arrival.sources],
        }
        self.shelf.put(name, about, arrival.documents)
        return self.load(name)

    def confirm(self, name: str) -> None:
        """Note that list `name` was found unchanged where it is published."""
        self.shelf.note(name, checked=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))

    def back(self, name: str) -> tuple[TrustList, ...]:
        """Make the version before count again; raises `ConfigError` where none is kept."""
        self.entry(name)
        self.shelf.back(name)
        return self.load(name)

    def remove(self, name: str) -> None:
        """Remove list `name`; raises `ConfigError` when there is none."""
        if name not in self.names():
            raise ConfigError(f"no trust list named {name!r}", "see `trustkit trust list`")
        self.shelf.remove(name)


def _lists(name: str, entry: Entry, published: Published) -> tuple[TrustList, ...]:
    try:
        date, purpose = str(entry["date"]), Purpose(entry["purpose"])
        dates = {key: str(entry.get(key) or "") for key in ("fetched", "frozen")}
        checked = str(entry.get("checked") or date)[:10]
        datetime.fromisoformat(date), datetime.fromisoformat(checked)
    except (ValueError, KeyError, TypeError) as error:
        raise _damaged(name, error) from error
    return by_purpose(
        published, name, purpose, date, str(entry.get("source")), checked=checked, **dates
    )


def _damaged(name: str, error: Exception | str) -> ConfigError:
    return ConfigError(
        f"trust list {name} is damaged: {error}", f"`trustkit trust remove {name}`, add anew"
    )


def from_file(path: Path, purpose: Purpose) -> tuple[TrustList, ...]:
    """Return the list in a file, named as the file is and dated by its last change."""
    content = read_file(path)
    date = datetime.fromtimestamp(path.stat().st_mtime, UTC).strftime("%Y-%m-%d")
    return by_purpose(read_published([content], path.name), path.name, purpose, date, str(path))


def read_file(path: Path) -> bytes:
    """Return the content of a list's file; raises `ConfigError` when it cannot be read."""
    try:
        with path.open("rb") as stream:  # a device states no size
            content = stream.read(MAX_LIST + 1)
    except OSError as error:
        raise ConfigError(
            f"trust list {path} cannot be read: {error.strerror}", "check the name"
        ) from error
    if len(content) > MAX_LIST:
        raise ConfigError(
            f"trust list {path} is larger than {MAX_LIST:,} bytes", "is it a trust list?"
        )
    return content


_OPTIONS = {
    Purpose.SIGNERS: "--trust",
    Purpose.TIMESTAMPS: "--tsa-trust",
    Purpose.IDENTITY: "--identity-trust",
}


def in_use(
    folder: ListFolder, named: Mapping[Purpose, Sequence[str] | None]
) -> tuple[TrustList, ...]:
    """Return the lists that are `named` for each purpose, by name or file; None is all installed.

    Raises `ConfigError` for a list that is missing, damaged, or of another purpose.
    """
    load = cache(folder.load)  # each list is read once, whatever it is asked for
    found: list[TrustList] = []
    for purpose, names in named.items():
        if names is None:
            found += [t for name in folder.names() for t in load(name) if t.purpose is purpose]
        else:
            found += [t for name in names for t in _named(load, name, purpose)]
    return tuple(dict.fromkeys(found))


def _named(
    load: Callable[[str], tuple[TrustList, ...]], name: str, purpose: Purpose
) -> tuple[TrustList, ...]:
    if name.endswith(LIST_FILES) or os.sep in name:
        return _for(purpose, from_file(Path(name).expanduser(), purpose))
    lists = load(name)
    if all(trust_list.purpose is not purpose for trust_list in lists):
        # Asked for by name in the wrong place: never let a list of authorities vouch for signers.
        raise ConfigError(
            f"trust list {name} is of {lists[0].purpose}, not of {purpose}",
            f"name it under {_OPTIONS[lists[0].purpose]}",
        )
    return _for(purpose, lists)


def _for(purpose: Purpose, lists: tuple[TrustList, ...]) -> tuple[TrustList, ...]:
    # A list of signers brings its stamping CAs along; one asked for stamps never brings signers.
    if purpose is Purpose.SIGNERS:
        return lists
    return tuple(trust_list for trust_list in lists if trust_list.purpose is purpose)
