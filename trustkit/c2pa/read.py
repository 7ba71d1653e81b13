"""Read the manifest store of a file: what is there, as the engine reports it, and no judgement."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

import c2pa
from c2pa import C2paError, Context, Reader

from trustkit.asset import Asset
from trustkit.c2pa.cose import CoseError, Signature, left_out, read_signature
from trustkit.c2pa.history import UNCOVERED, own_record
from trustkit.c2pa.uncovered import BMFF, boxes, digest
from trustkit.c2pa.verbatim import is_verbatim
from trustkit.errors import TrustkitError, UnreadableError

_log = logging.getLogger(__name__)

MAX_SIDECAR = 64 * 2**20  # bytes; a 25-deep edit chain takes 174 KB
_EXCLUDES_MORE = "assertion.dataHash.additionalExclusionsPresent"
_TRIES = 40  # two boxes pair rightly in six of ten readings, three in about one of six
_SMALL, _TRIES_LARGE = 64 * 2**20, 12  # a large file is not read forty times over
_NAKED = "naked codestream"  # JPEG XL without a container has no place for a manifest
_REMOTE = "Remote: must fetch remote manifests from url "

Fetch = Callable[[str], bytes]


@dataclass(frozen=True)
class Found:
    """A manifest store that the engine could read, embedded, in a sidecar, or remote."""

    where: str
    report: Mapping[str, Any]
    signature: Signature | None
    why_no_signature: str = ""
    sidecar_beside: bool = False
    uncovered_changed: bool = False
    fetched: bytes = b""
    left_out: int = 0
    store: bytes = field(default=b"", repr=False)
    is_loose: bool = False

    @property
    def label(self) -> str:
        """The active manifest's label."""
        return str(self.report.get("active_manifest") or "")

    @property
    def active(self) -> Mapping[str, Any]:
        """The active manifest; empty where the engine could not read all of it."""
        manifest: Mapping[str, Any] = self.report.get("manifests", {}).get(self.label) or {}
        return manifest

    def codes(self, kind: str) -> list[Mapping[str, str]]:
        """List the active manifest's `success`, `informational` or `failure` entries."""
        results = self.report.get("validation_results") or {}
        entries: list[Mapping[str, str]] = (results.get("activeManifest") or {}).get(kind) or []
        return entries


@dataclass(frozen=True)
class Absent:
    """Looked for, and not there."""


@dataclass(frozen=True)
class Unsupported:
    """The engine cannot look inside this kind of file, and nothing stands beside it."""


@dataclass(frozen=True)
class Unreadable:
    """A manifest, or the file around it, is there but cannot be read."""

    where: str
    reason: str


@dataclass(frozen=True)
class Remote:
    """The file only says where a manifest is; `reason` tells why it was not fetched."""

    url: str
    reason: str
    was_asked: bool = False


Reading = Found | Absent | Unsupported | Unreadable | Remote


def read(asset: Asset, context: Context, fetch: Fetch | None = None) -> Reading:
    """Look for a manifest in the file, then beside it, then (only with `fetch`) where it points.

    Never touches the network without `fetch`.
    """
    inside = _embedded(asset, context)
    match inside:
        case Found():
            return inside
        case Remote(url) if fetch and not asset.sidecar.is_file():
            return _remote(asset, context, url, fetch)
        case Unreadable():
            return inside
    if asset.sidecar.is_file():
        return _beside(asset, context)
    return inside


def accepts(asset: Asset, found: Found, context: Context) -> bool:
    """Tell whether the engine, with the trust lists of `context`, accepts who signed `found`."""
    again = _again(asset, found, context)
    return isinstance(again, Found) and any(
        entry["code"] == "signingCredential.trusted" for entry in again.codes("success")
    )


def accepts_identity(asset: Asset, found: Found, label: str, context: Context) -> bool:
    """Tell whether the engine, with the lists of `context`, trusts the identity called `label`."""
    again = _again(asset, found, context)
    return isinstance(again, Found) and any(
        entry["code"] == "cawg.x509.credential.trusted"
        and (entry.get("url") or "").endswith(f"/{label}")
        for entry in again.codes("success")
    )


def _again(asset: Asset, found: Found, context: Context) -> Reading:
    if found.where == "embedded":
        return _embedded(asset, context)
    if found.where == "sidecar":
        return _beside(asset, context)
    return read_detached(asset, context, found.fetched, found.where)


def raw(asset: Asset, context: Context) -> dict[str, Any]:
    """Return the engine's own detailed report, of the file or of its sidecar.

    Raises `UnreadableError` where there is none.
    """
    try:
        return _detailed(asset, context, None)
    except C2paError as error:
        missing = isinstance(error, C2paError.ManifestNotFound | C2paError.NotSupported)
        failure = error
    if missing and asset.sidecar.is_file() and asset.sidecar.stat().st_size <= MAX_SIDECAR:
        try:
            return _detailed(asset, context, asset.sidecar.read_bytes())
        except C2paError as error:
            failure = error
    raise UnreadableError(
        f"the engine has no report on {asset.name}: {failure}", "see `trustkit inspect`"
    ) from failure


def _detailed(asset: Asset, context: Context, manifest: bytes | None) -> dict[str, Any]:
    with asset.open() as stream, _open(asset, stream, manifest, context) as reader:
        detailed: dict[str, Any] = json.loads(reader.detailed_json())
        return detailed


def _embedded(asset: Asset, context: Context) -> Reading:
    try:
        found = _read_once(asset, context)
        if _is_chance(asset, found):
            for _ in range(_TRIES if asset.size <= _SMALL else _TRIES_LARGE):
                again = _read_once(asset, context)
                if not _is_chance(asset, again):
                    found = again
                    break
        return _own_checks(asset, found, None)
    except C2paError.ManifestNotFound:
        return Absent()
    except C2paError.NotSupported:
        return Unsupported()
    except C2paError as error:
        return failed("embedded", error)


def _read_once(asset: Asset, context: Context) -> Found:
    with asset.open() as stream, _open(asset, stream, None, context) as reader:
        return found_in(reader, "embedded", sidecar_beside=asset.sidecar.is_file())


def _is_chance(asset: Asset, found: Found) -> bool:
    # With several mdat boxes the engine (c2pa-rs 0.91) pairs them with their Merkle trees by
    # chance, and a good file fails now and then; one whose bytes were changed fails every time.
    if asset.media_type not in BMFF or not any(
        entry["code"] == "assertion.bmffHash.mismatch" and "chunk" in entry.get("explanation", "")
        for entry in found.codes("failure")
    ):
        return False
    with asset.open() as stream:
        return sum(kind == b"mdat" for kind, _, _ in boxes(stream)) > 1


def _beside(asset: Asset, context: Context) -> Reading:
    if asset.sidecar.stat().st_size > MAX_SIDECAR:
        return Unreadable("sidecar", f"it is larger than {MAX_SIDECAR:,} bytes")
    return read_detached(asset, context, asset.sidecar.read_bytes(), "sidecar")


def _remote(asset: Asset, context: Context, url: str, fetch: Fetch) -> Reading:
    try:
        manifest = fetch(url)
    except TrustkitError as error:
        return Remote(url, error.message, was_asked=True)
    reading = read_detached(asset, context, manifest, "remote")
    return replace(reading, fetched=manifest) if isinstance(reading, Found) else reading


def read_detached(asset: Asset, context: Context, manifest: bytes, where: str) -> Reading:
    """Read a manifest that is kept `where`, out of the file it speaks of."""
    if not manifest:
        return Unreadable(where, "it is empty")
    try:
        with asset.open() as stream, _open(asset, stream, manifest, context) as reader:
            found = found_in(reader, where)
        return _own_checks(asset, found, manifest)
    except C2paError as error:
        return failed(where, error)


def _open(asset: Asset, stream: Any, manifest: bytes | None, context: Context) -> Reader:
    if manifest is None:
        return Reader(asset.media_type, stream, context=context)
    return Reader(asset.media_type, stream, manifest, context)


def found_in(reader: Reader, where: str, *, sidecar_beside: bool = False) -> Found:
    """Return what an open reader holds, called `where`, with the store that it has verified."""
    text = reader.json()
    report = json.loads(text)
    signature, why, missed, store = None, "", 0, b""
    label = report.get("active_manifest") or ""
    try:
        store = _store(reader, label)
        signature = read_signature(store, label)
        missed = left_out(store, label) if _EXCLUDES_MORE in text else 0
    except (CoseError, C2paError) as error:
        why = str(error)
    return Found(where, report, signature, why, sidecar_beside, left_out=missed, store=store)


def _own_checks(asset: Asset, found: Found, manifest: bytes | None) -> Found:
    # Of what we have signed ourselves we know more than the standard asks: see both modules.
    record = own_record(found.active)
    if not record:
        return found
    with asset.open() as stream:
        if manifest is None:
            verbatim = is_verbatim(stream, asset.media_type, found.store)
        else:
            verbatim = manifest == found.store
        signed = record.get(UNCOVERED)
        changed = isinstance(signed, str) and digest(stream) != signed
    plain = found.signature is not None and found.signature.is_plain
    return replace(found, uncovered_changed=changed, is_loose=not (verbatim and plain))


def _store(reader: Reader, label: str) -> bytes:
    # The engine answers any JUMBF address inside the store with the store itself: the very bytes it
    # has verified, so what we read of the certificates cannot come from a decoy elsewhere.
    out = io.BytesIO()
    reader.resource_to_stream(f"self#jumbf=/c2pa/{label}/c2pa.claim", out)
    return out.getvalue()


def failed(where: str, error: C2paError) -> Reading:
    """Return what an error of the engine means for a manifest that is kept `where`."""
    text = str(error)
    if _NAKED in text:
        return Unsupported()
    if text.startswith(_REMOTE):
        url = text.removeprefix(_REMOTE).strip()
        return Remote(url, "not fetched: fetching was not asked for")
    _log.debug("c2pa %s: %s", c2pa.sdk_version(), text)
    return Unreadable(where, text.partition(": ")[2] or text)


def host(url: str) -> str:
    """Return the host that a URL names, or the whole text where it names none."""
    try:
        return urlsplit(url).hostname or url
    except ValueError:
        return url
