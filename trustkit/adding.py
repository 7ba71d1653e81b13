"""From published files that were made elsewhere to their records: what `registry add` does."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trustkit.asset import open_asset
from trustkit.record import Binding, Record
from trustkit.recording import Told, record_of
from trustkit.stores import Blobs
from trustkit.watermarks.payload import new_payload

_ID_DIGITS = 16


@dataclass(frozen=True, slots=True)
class Recorder:
    """The work of one process: makes the record of one file after the other.

    A file that has a mark of ours is recorded under the id in it; any other under a fresh one,
    and is found again by its hash and its fingerprint alone.
    """

    sight: Any
    blobs: Blobs

    def __call__(self, task: tuple[Path, str]) -> Record:
        """Return the record of a file; its manifest and thumbnail are kept in the blobs.

        Raises `UnreadableError` and `StoreError`.
        """
        path, name = task
        asset = open_asset(path, name)
        marks = [one.mark for one in self.sight.marks(asset) if getattr(one, "mark", None)]
        bindings = tuple(Binding(mark.engine, mark.payload.hex()) for mark in marks)
        return record_of(asset, Told(_id(bindings), bindings, name=Path(name).name), self.blobs)


def open_recorder(blobs_url: str, mark_keys: tuple[str, ...] = ()) -> Recorder:
    """Make the work function of one process; raises `ConfigError` for a bad key or place."""
    from trustkit.stores.blobs import open_blobs
    from trustkit.watermarks import Search
    from trustkit.watermarks.files import PUBLIC_NAME, one_thread, open_keys
    from trustkit.watermarks.sight import AT_EASE, Sight

    one_thread()
    sight = Sight(open_keys((PUBLIC_NAME, *mark_keys)), AT_EASE, Search.FAST)
    return Recorder(sight, open_blobs(blobs_url))


def _id(bindings: tuple[Binding, ...]) -> str:
    values = [one.value for one in bindings]
    whole = next((value for value in values if len(value) == _ID_DIGITS), "")
    # The mark of a short sound is the end of an id.
    end = next((value for value in values if len(value) < _ID_DIGITS), "")
    return whole or new_payload().hex()[: _ID_DIGITS - len(end)] + end
