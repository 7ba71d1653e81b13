"""Seal a file: sign into a temporary file, read it back, and only then put it in place.

Whatever stops this half way (a full disk, kill -9) leaves the old file or the new one, whole.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, Literal

from c2pa import Builder, C2paBuilderIntent, C2paError, Context

from trustkit.asset import Asset, open_asset
from trustkit.c2pa.hand import Signer, Stamper, Watched, engine_signer, explained, unwritable
from trustkit.c2pa.identity_write import Identity, chain_of, referenced, unheld, with_identity
from trustkit.c2pa.ingredients import OPAQUE, add_ingredient, engine_json
from trustkit.c2pa.items import left_whole, readied
from trustkit.c2pa.manifest import CREATED_LABELS, Ingredient
from trustkit.c2pa.parent import first_problem
from trustkit.c2pa.profiles import Profile
from trustkit.c2pa.profiles.lint import accepted
from trustkit.c2pa.read import Found, read, read_detached
from trustkit.c2pa.revocation.staple import staple, stapled_store
from trustkit.c2pa.settings import open_context, plain_context
from trustkit.c2pa.uncovered import BMFF, boxes, mend_index
from trustkit.errors import PublishError
from trustkit.media.placing import place, temporary

# With chunks of 1 MiB and no proofs, 1 GB is signed within 35 MB instead of 550 MB (bench/memory).
_MERKLE = {"merkle_tree_chunk_size_in_kb": 1024, "merkle_tree_max_proofs": 0}
_CODESTREAM = b"\xff\x0a"  # JPEG XL without a container
MERKLE_FROM = 64 * 2**20  # bytes; below, hashing the whole takes less than 130 MB
_THUMBNAIL_NEVER = {"image/gif"}  # costs more than a second there
_STAMP_PARENT = {"enabled": True, "fetch_scope": "parent", "skip_existing": False}
_STAMPED = "timeStamp.validated"
_NO_AUTOMATIC = {
    f"auto_{name}_action": {"enabled": False} for name in ("created", "opened", "placed")
}


@dataclass(frozen=True, slots=True)
class Placement:
    """Where the manifest goes: in the file, beside it, or at `remote_url` (and beside it)."""

    sidecar: bool = False
    remote_url: str = ""

    @property
    def is_beside(self) -> bool:
        """Whether the manifest is kept out of the file."""
        return self.sidecar or bool(self.remote_url)


@dataclass(frozen=True, slots=True)
class Sealed:
    """What was written: the output, its sidecar if any, the manifest's label, its size in bytes."""

    output: Path
    sidecar: Path | None
    manifest_id: str
    manifest_bytes: int


def can_embed(asset: Asset) -> bool:
    """Tell whether the engine can write a manifest into this kind of file."""
    with asset.open() as stream:
        is_naked = asset.media_type == "image/jxl" and stream.read(2) == _CODESTREAM
    return asset.media_type in Builder.get_supported_mime_types() and not is_naked


def seal(
    asset: Asset,
    output: Path,
    definition: Mapping[str, Any],
    signer: Signer,
    ingredients: Sequence[Ingredient],
    placement: Placement,
    stamper: Stamper | None = None,
    *,
    thumbnail: bool = False,
    merkle: bool = True,
    stamp_parent: Literal["", "update", "whole"] = "",
    check: Callable[[Asset, Found], str] | None = None,
    identity: Identity | None = None,
    status: bytes = b"",
) -> Sealed:
    """Write `asset`, signed, to `output`; both may be one path. Raises `PublishError`.

    Nothing is written unless the result was read back and found intact, `check` had nothing to say
    against it, and with a `stamper` it bears a time stamp. `stamp_parent` stamps the signature of
    the manifest the file came with, too: in an update manifest, or in one that binds the whole.
    `status` is an OCSP response to be stapled to the signature.
    A large ISO-BMFF file is hashed in Merkle chunks, unless `merkle` is False, and whole where
    that does not hold.
    """
    accepted(signer.chain, "the certificate chain", Profile.C2PA, "sign claims")
    if identity:
        chain_of(identity)
    output = Path(os.path.realpath(output))  # a link is written through, not replaced
    work = _Work(
        asset,
        output,
        definition,
        signer,
        tuple(ingredients),
        placement,
        stamper,
        thumbnail,
        stamp_parent,
        check,
        identity,
        status,
    )
    if merkle and not placement.is_beside and _has_merkle_form(asset):
        try:
            return work.run(merkle=True)
        except NotIntactError:
            pass  # some layouts (fragments) have no valid Merkle form in this engine: hash whole
    return work.run(merkle=False)


def _has_merkle_form(asset: Asset) -> bool:
    # A small file is hashed whole: not every engine accepts this one's Merkle leaves. One with
    # several mdat boxes as well: this engine pairs them with their trees by chance.
    if asset.media_type not in BMFF or asset.size < MERKLE_FROM:
        return False
    with asset.open() as stream:
        return sum(kind == b"mdat" for kind, _, _ in boxes(stream)) == 1


@lru_cache(maxsize=8)  # each relay has an address of its own
def _builder_context(*, thumbnail: bool, merkle: bool, stamping_host: str = "") -> Context:
    builder: dict[str, object] = {
        "thumbnail": {"enabled": thumbnail},
        "actions": _NO_AUTOMATIC,
        "created_assertion_labels": list(CREATED_LABELS),
    }
    core: dict[str, object] = dict(_MERKLE) if merkle else {}
    if stamping_host:
        builder["auto_timestamp_assertion"] = _STAMP_PARENT
        core["allowed_network_hosts"] = [stamping_host]
    return open_context(extra={"builder": builder, "core": core})


class NotIntactError(PublishError):
    """What was signed did not verify when it was read back."""


@dataclass(frozen=True)
class _Work:
    asset: Asset
    output: Path
    definition: Mapping[str, Any]
    signer: Signer
    ingredients: tuple[Ingredient, ...]
    placement: Placement
    stamper: Stamper | None
    thumbnail: bool
    stamp_parent: Literal["", "update", "whole"]
    check: Callable[[Asset, Found], str] | None
    identity: Identity | None
    status: bytes

    def run(self, *, merkle: bool) -> Sealed:
        with temporary(self.output) as fresh, temporary(_sidecar(self.output)) as beside:
            # (1) Sign into a temporary file in the folder of the output.
            manifest = self._sign(fresh, merkle=merkle)
            if self.status and not self.placement.is_beside:
                staple(fresh, self.asset.media_type, manifest, self.status)
            elif self.status:
                manifest = stapled_store(manifest, self.status)
            if self.placement.is_beside:
                beside.write_bytes(manifest)
            # (2) Read back what we are about to publish.
            if not self._is_copied:
                left_whole(self.asset, fresh)
            label = self._read_back(fresh, beside)
            # (3) Put it in place.
            self._place(fresh, beside)
            beside_it = _sidecar(self.output) if self.placement.is_beside else None
            return Sealed(self.output, beside_it, label, len(manifest))

    def _sign(self, fresh: Path, *, merkle: bool) -> bytes:
        wanted = self.thumbnail and self.asset.media_type not in _THUMBNAIL_NEVER
        url, host = "", ""
        if self.stamper:
            self.stamper.start()
            url, host = self.stamper.url, self.stamper.host if self.stamp_parent else ""
        context = _builder_context(thumbnail=wanted, merkle=merkle, stamping_host=host)
        failed: list[Exception] = []
        try:
            with ExitStack() as stack:
                builder = stack.enter_context(Builder(engine_json(self.definition), context))
                if self.stamp_parent == "update":
                    builder.set_intent(C2paBuilderIntent.UPDATE)
                for ingredient in self.ingredients:
                    add_ingredient(builder, ingredient, stack)
                if self.placement.is_beside:
                    builder.set_no_embed()
                if self.placement.remote_url:
                    builder.set_remote_url(self.placement.remote_url)
                source: BinaryIO = stack.enter_context(self.asset.open())
                target: BinaryIO = stack.enter_context(fresh.open("w+b"))
                hand = stack.enter_context(engine_signer(self.signer, url, failed))
                if self.identity:
                    stated = referenced(self.definition, len(self.ingredients))
                    both = with_identity(hand, self.identity, stated, self.stamper, failed)
                    hand = stack.enter_context(both)
                if self._is_copied:
                    shutil.copyfileobj(source, target, 2**20)
                    source.seek(0)
                    scratch = stack.enter_context(temporary(fresh))
                    target = stack.enter_context(scratch.open("w+b"))
                else:
                    source = stack.enter_context(readied(source, self.asset.media_type, fresh))
                written = Watched(target, failed)
                manifest = bytes(builder.sign(hand, self._type(), source, written))
                if self.asset.media_type in BMFF and not self.placement.is_beside:
                    mend_index(source, target)
                return manifest
        except C2paError as error:
            if self.stamper and self.stamper.failure:
                failed.append(self.stamper.failure)
            raise explained(error, failed, self.output, self.asset.media_type) from (
                failed[0] if failed else error
            )
        except OSError as error:
            raise unwritable(self.output, error) from error

    @property
    def _is_copied(self) -> bool:
        return self.placement.sidecar and not self.placement.remote_url

    def _type(self) -> str:
        # Bound from outside as plain bytes, every byte counts; the engine's own handlers tidy up
        # PDF, MP3 and FLAC on the way, so that the hash would be of another file than ours.
        beside = self.placement.sidecar and self.asset.media_type not in BMFF
        return OPAQUE if beside else self.asset.media_type

    def _read_back(self, fresh: Path, beside: Path) -> str:
        # The temporary file has the output's ending, so that it is recognised as the output is.
        signed = open_asset_as(fresh, self.asset.media_type)
        if self.placement.is_beside:
            reading = read_detached(signed, plain_context(), beside.read_bytes(), "sidecar")
        else:
            reading = read(signed, plain_context())
        if not isinstance(reading, Found):
            raise NotIntactError(
                f"{self.output} was not written: the signed copy cannot be read back", _BUG
            )
        problem = first_problem(reading) or (self.check(signed, reading) if self.check else "")
        if self.identity:
            problem = problem or unheld(reading, self.identity)
        if self.stamper and _STAMPED not in {entry["code"] for entry in reading.codes("success")}:
            problem = problem or "it bears no time stamp"
        if problem:
            raise NotIntactError(
                f"{self.output} was not written: read back, the signed copy fails ({problem})", _BUG
            )
        return reading.label

    def _place(self, fresh: Path, beside: Path) -> None:
        try:
            if not self.placement.is_beside:
                place(fresh, self.output, self.asset.path)
                return
            # A stale sidecar beside a new file would call it altered: gone first, new last.
            if not self._is_untouched():
                _sidecar(self.output).unlink(missing_ok=True)
                place(fresh, self.output, self.asset.path)
            place(beside, _sidecar(self.output), self.asset.path)
        except OSError as error:
            raise PublishError(
                f"{self.output} cannot be put in place: {error.strerror}", "check the folder"
            ) from error

    def _is_untouched(self) -> bool:
        # With the manifest beside it and no address put into it, the file itself stays as it is.
        same = self.output.exists() and self.output.samefile(self.asset.path)
        return same and not self.placement.remote_url


def _sidecar(path: Path) -> Path:
    # The output need not exist yet, and so may be no asset, which would tell by itself.
    return path.with_name(f"{path.name}.c2pa")


_BUG = "the original is untouched; please report this with the kind of file"


def open_asset_as(path: Path, media_type: str) -> Asset:
    """Open a file whose kind is known already, whatever its first bytes say."""
    return replace(open_asset(path), media_type=media_type)
