"""What is done to a file before it is signed: label, then watermark, then metadata.

In this order: a label changes pixels, a mark must be in the pixels as they will be published, and
neither may happen after the signature. It runs in a worker process and holds no key to sign with.
"""

from __future__ import annotations

import base64
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trustkit.asset import Asset, open_asset
from trustkit.c2pa.softbinding import SoftBinding
from trustkit.disclosure import Disclosure
from trustkit.errors import PublishError, TrustkitError, UnreadableError
from trustkit.label import Label, Labelled, kind_of, label_file
from trustkit.media.film import Settings
from trustkit.media.metadata import MODULES
from trustkit.media.metadata import read as read_metadata
from trustkit.media.metadata.write import write
from trustkit.media.pictures.provenance import LEFT_OUT
from trustkit.profiles import Profile
from trustkit.profiles.plan import edit
from trustkit.record import Code
from trustkit.watermarks import Part, Strength

if TYPE_CHECKING:
    from trustkit.watermarks.files import FileMarked

ISCC = "io.iscc.v0"  # C2PA's list of soft-binding algorithms, entry 3


@dataclass(frozen=True, slots=True)
class Steps:
    """What is to be done before signing, in plain values: they cross to a worker process.

    `label` is drawn or spoken where there is one. `watermark` False leaves the mark out, `key` is
    `public` or a key file; `allow_weak` marks also what will not hold the mark. Metadata are those
    of the `profiles`; what cannot be written is a refusal where `insist` says so, else a warning.
    """

    label: Label | None = None
    profiles: tuple[Profile, ...] = ()
    insist: bool = False
    watermark: bool = True
    key: str = "public"
    strength: Strength = Strength.DEFAULT
    allow_weak: bool = False
    parts: frozenset[Part] = frozenset(Part)
    codec: str = ""
    crf: float | None = None
    preset: str = ""


@dataclass(frozen=True, slots=True)
class Task:
    """One file: where it is, what it is called, a folder of its own to work in, its record's id."""

    source: Path
    name: str
    folder: Path
    id: str
    disclosure: Disclosure


@dataclass(frozen=True, slots=True)
class Prepared:
    """The file as it is to be signed, and what is known of it by now.

    `disclosure` is the task's, with the words of the label that was put in. `codes` are its
    fingerprints, `fingerprints` those that the manifest names. `stamp` is that of the source, which
    must not change until it is signed.
    """

    path: Path
    media_type: str
    source_sha256: str
    stamp: tuple[int, int, int, int]
    disclosure: Disclosure
    marks: tuple[SoftBinding, ...] = ()
    fingerprints: tuple[SoftBinding, ...] = ()
    codes: tuple[Code, ...] = field(default=(), repr=False)
    quality: dict[str, float | None] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


@dataclass
class _Work:
    task: Task
    steps: Steps
    source: Asset
    here: Path
    warnings: list[str] = field(default_factory=list)

    def next(self, step: str) -> Path:
        """Return where the next step writes: under the source's name, which manifests show."""
        folder = self.task.folder / step
        folder.mkdir()
        return folder / self.source.path.name

    def note(self, warnings: Iterable[str]) -> None:
        """Take in what a step says; but the manifest it leaves out becomes the parent of ours."""
        self.warnings += [one for one in warnings if one != LEFT_OUT]

    def done(self, path: Path) -> None:
        """Go on from `path`; what was there before is of no more use."""
        if self.here != self.source.path:
            shutil.rmtree(self.here.parent)
        self.here = path


@dataclass(frozen=True, slots=True)
class Preparer:
    """The work of one process: prepares one file after the other."""

    steps: Steps
    engine: Any

    def __call__(self, task: Task) -> Prepared:
        """Prepare a file; raises `PublishError` and `UnreadableError`, and then nothing is left."""
        try:
            return self._prepared(task)
        except OSError as error:
            raise PublishError(
                f"{task.name} cannot be marked: {error.strerror or error}", "nothing was written"
            ) from error

    def _prepared(self, task: Task) -> Prepared:
        task.folder.mkdir()
        source = open_asset(task.source, task.name)
        work = _Work(task, self.steps, source, source.path)
        marks: tuple[SoftBinding, ...] = ()
        quality: dict[str, float | None] = {}
        disclosure = task.disclosure

        # (1) Label.
        if self.steps.label:
            labelled = self._labelled(work, self.steps.label)
            disclosure = replace(disclosure, label=", ".join(labelled.said))

        # (2) Watermark.
        if self.steps.watermark and not self._left_out(work):
            made = self._marked(work)
            marks, quality = self._bindings(source, made), _quality(made)
            work.note(made.warnings)

        # (3) Metadata.
        self._told(work, disclosure)

        # What leads back to it where nothing else is left.
        fresh = open_asset(work.here, task.name)
        codes, fingerprints = _fingerprints(fresh)
        return Prepared(
            work.here,
            fresh.media_type,
            source.sha256,
            source.stamp,
            disclosure,
            marks,
            fingerprints,
            codes,
            quality,
            tuple(work.warnings),
        )

    def _labelled(self, work: _Work, wish: Label) -> Labelled:
        target = work.next("labelled")
        source = open_asset(work.here, work.task.name)
        try:
            made = label_file(source, target, wish, settings=_settings(self.steps))
        except UnreadableError as error:
            raise PublishError(error.message, error.hint or "nothing was written") from error
        work.note(made.warnings)
        work.done(target)
        return made

    def _told(self, work: _Work, disclosure: Disclosure) -> None:
        asset = open_asset(work.here, work.task.name)
        there = ""
        if asset.media_type in MODULES:
            with asset.open() as stream:
                there = read_metadata(stream, asset.media_type, asset.name).value("AIGC") or ""
        try:
            wanted = edit(self.steps.profiles, disclosure, kind_of(asset), asset.media_type, there)
            if wanted is None:
                return
            target = work.next("told")
            written = write(asset.path, target, asset.media_type, wanted, asset.name)
        except TrustkitError as error:
            if self.steps.insist:
                raise PublishError(error.message, error.hint) from error
            work.warnings.append(f"no metadata were written: {error.message}")
            return
        work.warnings += written.warnings
        work.done(target)

    def _left_out(self, work: _Work) -> bool:
        """Tell whether a profile's "as far as feasible" leaves this kind of file without a mark."""
        from trustkit.watermarks.fit import no_engine

        why = no_engine(work.source) if self.steps.insist else ""
        if why:
            work.warnings.append(f"no mark was put in: {why}")
        return bool(why)

    def _marked(self, work: _Work) -> FileMarked:
        from trustkit.watermarks.files import mark_file

        target = work.next("marked")
        try:
            made = mark_file(
                open_asset(work.here, work.task.name),
                target,
                self.engine,
                bytes.fromhex(work.task.id),
                settings=_settings(self.steps),
                allow_weak=self.steps.allow_weak,
                parts=self.steps.parts,
            )
        except UnreadableError as error:
            raise PublishError(
                error.message, error.hint or "--no-watermark records and signs it without a mark"
            ) from error
        work.done(target)
        return made

    def _bindings(self, source: Asset, made: FileMarked) -> tuple[SoftBinding, ...]:
        from trustkit.watermarks.files import listener

        found = []
        if made.psnr is not None or source.kind == "image":
            found.append(SoftBinding(self.engine.name, made.payload.hex()))
        if made.sound:
            found.append(SoftBinding(listener(self.engine).name, made.sound.hex()))
        return tuple(found)


def open_preparer(steps: Steps) -> Callable[[Task], Prepared]:
    """Make the work function of one process; raises `ConfigError` for a bad key file."""
    from trustkit.watermarks.files import one_thread, open_engine, open_keys

    one_thread()
    key = open_keys([steps.key])[0].key
    return Preparer(steps, open_engine(key=key, strength=steps.strength))


def _settings(steps: Steps) -> Settings:
    return Settings(steps.codec, steps.crf, steps.preset)


def _quality(made: FileMarked) -> dict[str, float | None]:
    return {"psnr": made.psnr, "ssim": made.ssim, "snr": made.snr}


def _fingerprints(asset: Asset) -> tuple[tuple[Code, ...], tuple[SoftBinding, ...]]:
    from trustkit.fingerprints import iscc
    from trustkit.fingerprints.files import codes_of, iscc_text

    # The units themselves, in base64, as IEP-0020 of the ISCC Foundation has it for C2PA.
    text = iscc_text(asset)
    value = base64.b64encode(iscc.value(text)).decode() if text else ""
    return codes_of(asset), (SoftBinding(ISCC, value),) if value else ()
