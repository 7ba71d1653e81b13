"""Mark: asset -> label -> watermark -> metadata -> manifest -> read back -> record -> in place."""

from __future__ import annotations

import hashlib
import os
import shutil
from base64 import b64decode
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from trustkit.asset import open_asset
from trustkit.c2pa.identity_write import Identity
from trustkit.c2pa.write import can_embed
from trustkit.disclosure import Disclosure
from trustkit.errors import PublishError, TrustkitError, UnreadableError
from trustkit.isolation import Limits, run
from trustkit.mark.allowed import Terms, allowed
from trustkit.mark.audit import Audit
from trustkit.mark.prepare import Prepared, Steps, Task, open_preparer
from trustkit.mark.putting import UnconfirmedError, put, settle, work_folder
from trustkit.publish import Made, Order, Signed, sign
from trustkit.record import Binding, Record
from trustkit.recording import Told, declared, record_of
from trustkit.signers import Signer
from trustkit.stores import Blobs, Store, StoreError
from trustkit.timestamps.relay import Relay
from trustkit.watermarks.payload import new_payload

# A publisher's own files: a film may take hours, and a picture of 200 megapixels its memory.
_AT_EASE = Limits(7 * 86400.0, 2**46)


@dataclass(frozen=True, slots=True)
class Item:
    """One file to mark: where it is, its name in reports, and where its output goes."""

    source: Path
    name: str
    output: Path


@dataclass(frozen=True)
class House:
    """With what a house publishes: its order to sign, its keys, its registry.

    `digest` stands for all that was asked for, so that the same command knows its own work;
    `terms` are the profiles and rules to obey. `own_id`: the disclosure has an id of its own, else
    it gets that of the record. `audit` is where it is written down what is published.
    """

    order: Order
    steps: Steps
    signer: Signer
    store: Store
    blobs: Blobs
    digest: str
    stamper: Relay | None = None
    identity: Identity | None = None
    terms: Terms = field(default_factory=Terms)
    own_id: bool = False
    audit: Audit | None = None


@dataclass(frozen=True, slots=True)
class Marked:
    """How one file ended: published (`signed`), published earlier (`is_kept`), or an error."""

    item: Item
    record: Record | None = None
    signed: Signed | None = None
    prepared: Prepared | None = None
    is_kept: bool = False
    error: TrustkitError | None = None


def mark_all(items: Sequence[Item], root: Path, house: House, jobs: int = 1) -> Iterator[Marked]:
    """Mark files and yield how each ended, as it is done; outputs are in `root` or below.

    What was done by the same order before is kept as it is, and what was stopped half way is
    brought to an end first. Raises `StoreError` where the registry cannot be asked at the start.
    """
    with work_folder(root) as folder:
        settle(house.store, house.blobs, root)
        waiting = {record.id for record, _ in house.store.reserved()}
        todo: list[tuple[Item, Task]] = []
        for item in items:
            place = folder / str(len(todo))
            done = _attempt(item, partial(_kept, house, item, waiting))
            if done is None:
                done = _attempt(item, partial(_begin, house, item, place, todo))
            if done:
                yield done
        yield from _mark(todo, house, jobs)


def _mark(todo: Sequence[tuple[Item, Task]], house: House, jobs: int) -> Iterator[Marked]:
    if not todo:
        return
    lost: StoreError | None = None
    tasks = [task for _, task in todo]
    with closing(_prepared(tasks, house.steps, jobs)) as answers:
        for number, answer in answers:
            item, task = todo[number]
            if lost:
                # Others would wait for the registry in vain, one after the other.
                yield Marked(item, error=_not_tried(item, lost))
                continue
            done = _attempt(item, partial(_publish, house, item, task, answer))
            shutil.rmtree(task.folder, ignore_errors=True)
            lost = _lost(done.error if done else None)
            yield done or Marked(item)


def _lost(error: TrustkitError | None) -> StoreError | None:
    """Return what the registry said when it was lost, even if the output was in place by then."""
    told = error if isinstance(error, StoreError) or error is None else error.__cause__
    return told if isinstance(told, StoreError) else None


def _prepared(
    tasks: list[Task], steps: Steps, jobs: int
) -> Generator[tuple[int, Prepared | TrustkitError]]:
    opened = partial(open_preparer, steps)
    if jobs > 1 and len(tasks) > 1:
        yield from run(tasks, opened, _AT_EASE, jobs)
        return
    # One at a time needs no process of its own, which takes a second to start.
    prepare = opened()
    for number, task in enumerate(tasks):
        try:
            yield number, prepare(task)
        except TrustkitError as error:
            yield number, error


def _attempt(item: Item, work: Callable[[], Marked | None]) -> Marked | None:
    try:
        return work()
    except (StoreError, UnconfirmedError) as error:
        return Marked(item, error=error)
    except TrustkitError as error:
        # Whatever the reason, what the caller must know is that nothing was written: exit 40.
        return Marked(item, error=PublishError(error.message, error.hint))
    except OSError as error:
        reason = f"{item.name} cannot be marked: {error.strerror or error}"
        return Marked(item, error=PublishError(reason, "nothing was written"))


def _kept(house: House, item: Item, waiting: set[str]) -> Marked | None:
    """Return how the file ended when the same command did it before, or None.

    `waiting` are the records that are only reserved: that of a file found in place is confirmed.
    """
    if not item.output.is_file():
        return None
    # By its bytes alone: what else may stand there need not be readable as media.
    with item.output.open("rb") as stream:
        published = hashlib.file_digest(stream, "sha256").hexdigest()
    source = open_asset(item.source, item.name).sha256
    for record in house.store.ordered(source, house.digest):
        if record.sha256 == published and _has_its_manifest(house, item.output, record):
            if record.id in waiting:
                house.store.confirm([record.id])
            return Marked(item, record, is_kept=True)
    return None


def _has_its_manifest(house: House, output: Path, record: Record) -> bool:
    """Tell whether the sidecar of an output that needs one is as it was published."""
    published = open_asset(output)
    if not house.order.placement.is_beside and can_embed(published):
        return True
    try:
        return hashlib.sha256(published.sidecar.read_bytes()).hexdigest() == record.manifest
    except FileNotFoundError:
        return False


def _begin(house: House, item: Item, folder: Path, todo: list[tuple[Item, Task]]) -> None:
    """Add the file to what is to be done, where it may be published."""
    record = new_payload().hex()
    disclosure = house.order.disclosure
    if not house.own_id:
        disclosure = replace(disclosure, id=record)
    if house.steps.label:
        disclosure = replace(disclosure, label=house.steps.label.text.value)
    asset = open_asset(item.source, item.name)
    disclosure = allowed(asset, disclosure, house.order, house.steps, house.terms)
    todo.append((item, Task(item.source, item.name, folder, record, disclosure)))


def _publish(house: House, item: Item, task: Task, answer: Prepared | TrustkitError) -> Marked:
    if isinstance(answer, UnreadableError) and item.name not in answer.message:
        # A worker process that died could not say over which file.
        raise UnreadableError(f"{item.name} was not marked: {answer.message}", answer.hint)
    if isinstance(answer, TrustkitError):
        raise answer
    prepared = answer
    original = open_asset(item.source, item.name)
    if original.stamp != prepared.stamp:
        raise PublishError(f"{item.name} changed while it was being marked", "mark it again")

    # (4) Sign, and read back.
    order = replace(house.order, disclosure=prepared.disclosure)
    made = Made(original, prepared.marks, prepared.fingerprints)
    fresh = open_asset(prepared.path, item.name)
    signed = sign(
        fresh, _place(task, item), order, house.signer, house.stamper, house.identity, made
    )

    # (5) Record, in place, into the log.
    output = signed.sealed.output
    record = record_of(
        open_asset(output, item.name), _told(house, item, task, prepared), house.blobs
    )
    _note(house, "publishing", _facts(item, record, signed, prepared.disclosure))
    put(house.store, record, output, item.output, original.path)
    _note(house, "published", {"record": record.id, "output": _text(item.output)})
    return Marked(item, record, signed, prepared)


def _note(house: House, event: str, facts: Mapping[str, Any]) -> None:
    if house.audit:
        house.audit.add(event, facts)


def _text(path: Path) -> str:
    return os.fsencode(path).decode("utf-8", "replace")  # not every name is UTF-8, and JSON is


def _facts(item: Item, record: Record, signed: Signed, disclosure: Disclosure) -> dict[str, Any]:
    return {
        "path": item.name,
        "output": _text(item.output),
        "record": record.id,
        "sha256": record.sha256,
        "source_sha256": record.source_sha256,
        "manifest_id": record.manifest_id,
        "bindings": {one.algorithm: one.value for one in record.bindings},
        "timestamp": signed.stamp.at.isoformat() if signed.stamp else None,
        "disclosure": dict(record.disclosure),
        **_people(disclosure),
    }


def _people(disclosure: Disclosure) -> dict[str, Any]:
    told = {
        "consents": [asdict(one) for one in disclosure.consents],
        "licences": [asdict(one) for one in disclosure.licences],
        "label": disclosure.label,
        "label_exempt": disclosure.label_exempt,
        "reviewed_by": disclosure.reviewed_by,
        "review": disclosure.review,
    }
    return {key: value for key, value in told.items() if value}


def _place(task: Task, item: Item) -> Path:
    folder = task.folder / "signed"
    folder.mkdir()
    return folder / item.output.name


def _told(house: House, item: Item, task: Task, prepared: Prepared) -> Told:
    return Told(
        id=task.id,
        bindings=(
            *(Binding(one.algorithm, one.value) for one in prepared.marks),
            *(Binding(one.algorithm, b64decode(one.value).hex()) for one in prepared.fingerprints),
        ),
        source_sha256=prepared.source_sha256,
        order=house.digest,
        name=item.source.name,
        disclosure=declared(prepared.disclosure),
        codes=prepared.codes,
    )


def _not_tried(item: Item, lost: StoreError) -> PublishError:
    return PublishError(
        f"{item.name} was not marked: {lost.message}",
        "nothing was written; run the same command again",
    )
