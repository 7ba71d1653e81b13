"""Recover: a stripped copy -> the records it leads to -> what was signed, read again today."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from trustkit.asset import Asset, open_asset
from trustkit.c2pa.stored import Rereader
from trustkit.errors import UnreachableError, UnreadableError, UsageError
from trustkit.evidence.kept import NOT_THIS_COPY, THIS_FILE, Condition, Kept, judged, kept, without
from trustkit.evidence.leads import leads, unregistered
from trustkit.evidence.look import Ways
from trustkit.evidence.match import Answer, Leads, Match, Tried, Way
from trustkit.record import Binding
from trustkit.stores import Blobs, Store

if TYPE_CHECKING:
    from trustkit.sbr import Resolver

_MOST_ELSEWHERE = 10  # manifests that are fetched of one service


@dataclass(frozen=True, slots=True)
class Led:
    """A record that the file leads to, and how the manifest that it keeps is today."""

    match: Match
    manifest: Kept


_SPOILT = {Condition.BROKEN, Condition.UNREADABLE}


@dataclass(frozen=True, slots=True)
class Served:
    """A manifest that a service keeps: `by` is the mark it was asked by, or `content`."""

    service: str
    manifest_id: str
    by: str
    manifest: Kept


@dataclass(frozen=True, slots=True)
class Recovered:
    """What a file leads to, and what was tried; each is a lead, never a validation."""

    path: str
    led: tuple[Led, ...]
    leads: Leads
    elsewhere: tuple[Served, ...] = ()

    @property
    def is_clear(self) -> bool:
        """Whether something was found, and nothing that a person has to weigh."""
        held = any(one.manifest.condition is Condition.HOLDS for one in self.elsewhere)
        broken = any(one.manifest.condition in _SPOILT for one in self.led)
        return (bool(self.led) or held) and not self.leads.doubt and not broken

    @property
    def is_unchecked(self) -> bool:
        """Whether nothing was found, and a way that should have been tried could not be."""
        failed = (one.failed and one.answer is Answer.NOT_CHECKED for one in self.leads.tried)
        return not self.led and not self.elsewhere and any(failed)


@dataclass(frozen=True)
class Recoverer:
    """Leads files to the records of one registry, what is personal only if it was asked for."""

    store: Store
    blobs: Blobs
    ways: Ways
    rereader: Rereader
    personal: bool = False

    def recover(self, asset: Asset) -> Recovered:
        """Return what `asset` leads to.

        Raises `StoreError` when the registry cannot be asked, and `UnreadableError` when the file
        changes meanwhile.
        """
        found = leads(asset, self.store, self.ways)
        matches = [m if self.personal else _without_personal(m) for m in found.matches]
        found = replace(found, matches=tuple(matches))
        led = [Led(match, _kept(match, self.blobs, self.rereader)) for match in matches]
        return Recovered(asset.name, tuple(led), found)


@dataclass(frozen=True)
class Unregistered:
    """Reads marks where there is no registry, so that a service can be asked by them."""

    ways: Ways

    def recover(self, asset: Asset) -> Recovered:
        """Return the marks of `asset`."""
        return Recovered(asset.name, (), unregistered(asset, self.ways, "no registry is asked"))


@dataclass(frozen=True)
class Elsewhere:
    """Asks `inner`, and a service of the Soft Binding Resolution API by the marks that were read.

    With `uploads` it is asked by the file itself, too, which is sent there.
    """

    inner: Recoverer | Unregistered
    resolver: Resolver
    rereader: Rereader
    uploads: bool = False

    def recover(self, asset: Asset) -> Recovered:
        """Return what `asset` leads to, here and there; raises what `inner` raises."""
        here = self.inner.recover(asset)
        asked = _Asked(self.resolver, self.rereader)
        found = tuple(asked.by(asset if self.uploads else None, here.leads.marks))
        tried = (*here.leads.tried, asked.tried(len(found)))
        return replace(here, leads=replace(here.leads, tried=tried), elsewhere=found)


@dataclass(frozen=True)
class Work:
    """The work of one process: one file after the other."""

    inner: Recoverer | Elsewhere

    def __call__(self, task: tuple[Path, str]) -> Recovered:
        """Look up the file at a path, called by its second; raises `TrustkitError`."""
        path, name = task
        try:
            return self.inner.recover(open_asset(path, name))
        except OSError as error:
            raise UnreadableError(
                f"{name} cannot be read: {error.strerror or error}", "check its permissions"
            ) from error


def _kept(match: Match, blobs: Blobs, rereader: Rereader) -> Kept:
    note = THIS_FILE if match.is_published else NOT_THIS_COPY
    return kept(match.record, blobs, rereader, note)


def _without_personal(match: Match) -> Match:
    return replace(match, record=match.record.without_personal())


@dataclass
class _Asked:
    """What a service was asked about one file; what it could not be asked is kept in `failure`."""

    resolver: Resolver
    rereader: Rereader
    failure: str = ""
    nothing_to_ask: bool = False

    def by(self, asset: Asset | None, marks: tuple[Binding, ...]) -> Iterator[Served]:
        """Yield the manifests of the marks that were read, and of `asset` if it is given."""
        self.nothing_to_ask = not marks and asset is None
        found: dict[str, str] = {}
        try:
            for mark in marks:
                for one in self.resolver.bound(mark.algorithm, mark.value):
                    found.setdefault(one.manifest_id, mark.value)
            for one in self.resolver.alike(asset) if asset else ():
                found.setdefault(one.manifest_id, "content")
        except UnreachableError as error:
            self.failure = error.message
        for name, by in list(found.items())[:_MOST_ELSEWHERE]:
            yield Served(self.resolver.host, name, by, self._manifest(name, marks))

    def _manifest(self, name: str, marks: tuple[Binding, ...]) -> Kept:
        try:
            manifest = self.resolver.manifest(name)
        except (UnreachableError, UsageError) as error:
            return without(Condition.LOST, f"the manifest was not to be had: {error.message}")
        # What a service calls a manifest is its own affair: the marks tell whether it is meant.
        return judged(self.rereader.read(manifest), marks)

    def tried(self, found: int) -> Tried:
        """Return what came of it."""
        host = self.resolver.host
        if self.failure:
            return Tried(Way.SBR, Answer.NOT_CHECKED, self.failure, failed=True)
        if self.nothing_to_ask:
            why = f"{host} was not asked: there is no mark to ask by, and the file is not sent"
            return Tried(Way.SBR, Answer.NOT_CHECKED, why)
        if not found:
            return Tried(Way.SBR, Answer.NOT_FOUND, f"{host} knows no manifest")
        manifests = "one manifest" if found == 1 else f"{found} manifests"
        return Tried(Way.SBR, Answer.FOUND, f"{host}: {manifests}")
