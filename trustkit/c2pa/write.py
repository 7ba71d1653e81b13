"""Seal a file: sign into a temporary file, read it back, and only then put it in place.

Whatever stops this half way (a full disk, kill -9) leaves the old file or the new one, whole.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import ssl
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

from c2pa import Builder, C2paError, Context
from cryptography import x509

from trustkit.asset import Asset, open_asset
from trustkit.c2pa.certificates import read_certificate
from trustkit.c2pa.hand import Signer, Watched, engine_signer, explained, unwritable
from trustkit.c2pa.manifest import CREATED_LABELS, Ingredient
from trustkit.c2pa.parent import first_problem
from trustkit.c2pa.read import Found, Unreadable, read, read_detached
from trustkit.c2pa.settings import open_context, plain_context
from trustkit.c2pa.trust import unfit
from trustkit.c2pa.uncovered import BMFF, boxes, mend_index
from trustkit.errors import PublishError
from trustkit.media.placing import place, temporary

# With chunks of 1 MiB and no proofs, 1 GB is signed within 35 MB instead of 550 MB (bench/memory).
_MERKLE = {"merkle_tree_chunk_size_in_kb": 1024, "merkle_tree_max_proofs": 0}
_CODESTREAM = b"\xff\x0a"  # JPEG XL without a container
_OPAQUE = "application/octet-stream"
MERKLE_FROM = 64 * 2**20  # bytes; below, hashing the whole takes less than 130 MB
_THUMBNAIL_NEVER = {"image/gif"}  # costs more than a second there
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
    tsa: str = "",
    *,
    thumbnail: bool = False,
    merkle: bool = True,
) -> Sealed:
    """Write `asset`, signed, to `output`; both may be one path. Raises `PublishError`.

    Nothing is written unless the result was read back and found intact. A large ISO-BMFF file is
    hashed in Merkle chunks, unless `merkle` is False, and whole where that does not hold.
    """
    _refuse_unfit(signer)
    output = Path(os.path.realpath(output))  # a link is written through, not replaced
    work = _Work(asset, output, definition, signer, tuple(ingredients), placement, tsa, thumbnail)
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


@cache
def _builder_context(*, thumbnail: bool, merkle: bool) -> Context:
    builder = {
        "thumbnail": {"enabled": thumbnail},
        "actions": _NO_AUTOMATIC,
        "created_assertion_labels": list(CREATED_LABELS),
    }
    return open_context(extra={"builder": builder, "core": _MERKLE if merkle else {}})


def _refuse_unfit(signer: Signer) -> None:
    # The engine says only "the certificate is invalid", or signs what others will not accept.
    try:
        leaf = read_certificate(ssl.PEM_cert_to_DER_cert(_first(signer.chain)))
    except ValueError as error:
        raise PublishError("the certificate cannot be read", "it must be PEM") from error
    why = unfit(leaf)
    if not why and leaf.extension(x509.AuthorityKeyIdentifier) is None:
        why = "it has no authority key identifier"
    if why:
        raise PublishError(
            f"the certificate of {leaf.name} may not sign claims: {why}",
            "ask your CA for one by C2PA's certificate profile (docs/sign.md)",
        )


def _first(chain: bytes) -> str:
    begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
    inside = chain.decode("utf-8", "replace").partition(begin)[2].partition(end)[0]
    return f"{begin}{inside}{end}"


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
    tsa: str
    thumbnail: bool

    def run(self, *, merkle: bool) -> Sealed:
        with temporary(self.output) as fresh, temporary(_sidecar(self.output)) as beside:
            # (1) Sign into a temporary file in the folder of the output.
            manifest = self._sign(fresh, merkle=merkle)
            if self.placement.is_beside:
                beside.write_bytes(manifest)
            # (2) Read back what we are about to publish.
            label = self._read_back(fresh, beside)
            # (3) Put it in place.
            self._place(fresh, beside)
            beside_it = _sidecar(self.output) if self.placement.is_beside else None
            return Sealed(self.output, beside_it, label, len(manifest))

    def _sign(self, fresh: Path, *, merkle: bool) -> bytes:
        wanted = self.thumbnail and self.asset.media_type not in _THUMBNAIL_NEVER
        context = _builder_context(thumbnail=wanted, merkle=merkle)
        failed: list[Exception] = []
        try:
            with ExitStack() as stack:
                builder = stack.enter_context(Builder(json.dumps(self.definition), context))
                for ingredient in self.ingredients:
                    _add(builder, ingredient, stack)
                if self.placement.is_beside:
                    builder.set_no_embed()
                if self.placement.remote_url:
                    builder.set_remote_url(self.placement.remote_url)
                source = stack.enter_context(self.asset.open())
                target: BinaryIO = stack.enter_context(fresh.open("w+b"))
                hand = stack.enter_context(engine_signer(self.signer, self.tsa, failed))
                if self.placement.sidecar and not self.placement.remote_url:
                    shutil.copyfileobj(source, target, 2**20)
                    source.seek(0)
                    scratch = stack.enter_context(temporary(fresh))
                    target = stack.enter_context(scratch.open("w+b"))
                written = Watched(target, failed)
                manifest = bytes(builder.sign(hand, self._type(), source, written))
                if self.asset.media_type in BMFF and not self.placement.is_beside:
                    mend_index(source, target)
                return manifest
        except C2paError as error:
            raise explained(error, failed, self.output, self.asset.media_type, self.tsa) from (
                failed[0] if failed else error
            )
        except OSError as error:
            raise unwritable(self.output, error) from error

    def _type(self) -> str:
        # Bound from outside as plain bytes, every byte counts; the engine's own handlers tidy up
        # PDF, MP3 and FLAC on the way, so that the hash would be of another file than ours.
        beside = self.placement.sidecar and self.asset.media_type not in BMFF
        return _OPAQUE if beside else self.asset.media_type

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
        problem = first_problem(reading)
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


def _add(builder: Builder, ingredient: Ingredient, stack: ExitStack) -> None:
    asset = open_asset(ingredient.path)
    about: dict[str, Any] = {
        "title": ingredient.path.name,
        "relationship": ingredient.relationship,
        "instance_id": ingredient.id,
        "label": ingredient.id,
    }
    media_type = asset.media_type
    reading = read(asset, plain_context())
    if isinstance(reading, Found) and reading.where == "sidecar":
        # The engine looks into files only, so the store beside one is handed over with what the
        # engine itself said of it.
        builder.add_resource(f"{ingredient.id}.c2pa", io.BytesIO(asset.sidecar.read_bytes()))
        about["manifest_data"] = {
            "format": "application/c2pa",
            "identifier": f"{ingredient.id}.c2pa",
        }
        about["active_manifest"] = reading.label
        about["validation_results"] = reading.report.get("validation_results")
    elif isinstance(reading, Unreadable):
        media_type = _OPAQUE  # the engine would stop at the broken store; publish says so instead
    stream = stack.enter_context(asset.open())
    builder.add_ingredient(json.dumps(about), media_type, stream)
