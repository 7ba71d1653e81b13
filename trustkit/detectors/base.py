"""The frozen tower that a card's model sits on: found, verified, made ready in memory.

It is large and another's work, so it comes apart from the detector: `trustkit models fetch`, or an
installed package, of which only the file is read. Whatever it came from, its SHA-256 is the card's.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from trustkit.detectors import Array
from trustkit.detectors.card import MAX_MODEL, Base
from trustkit.detectors.inner import reduce_weights, with_outputs
from trustkit.detectors.reading import read_verified
from trustkit.detectors.sealed import refuse_reaching
from trustkit.detectors.session import open_session, run
from trustkit.errors import ConfigError, MissingBackendError
from trustkit.home import home


class Tower:
    """A session that gives the inner tensors which the card names, in their order."""

    def __init__(self, session: Any, outputs: tuple[str, ...], shown: str) -> None:
        self._session = session
        self._outputs = list(outputs)
        self._shown = shown

    def run(self, fed: Array) -> list[Any]:
        """Return the tensors for one crop or window."""
        name = self._session.get_inputs()[0].name
        return run(self._session, {name: fed}, self._outputs, self._shown)


def open_tower(base: Base, name: str, device: str, path: Path | None = None) -> Tower:
    """Return the tower of detector `name`, from `path` or wherever it is found.

    Raises `MissingBackendError` where it is not here, `ConfigError` where it is another file.
    """
    shown = f"the base of {name}"
    where = path or find_base(base, name)
    model = bytearray(read_verified(where, base.sha256, MAX_MODEL, f"trustkit models fetch {name}"))
    refuse_reaching(model, shown)
    try:
        if base.reduce_weights:
            reduce_weights(model, shown)
        ready = with_outputs(model, base.outputs, shown)
    except (IndexError, ValueError) as error:  # in parts that `refuse_reaching` need not read
        raise ConfigError(
            f"{shown} is not an ONNX model", "name a tower of another make"
        ) from error
    del model  # a copy that the session does not need to stand beside
    session = open_session(ready, shown, device)
    if len(session.get_inputs()) != 1:
        raise ConfigError(f"{shown} takes more than a picture", "name a tower of one input")
    return Tower(session, base.outputs, shown)


def find_base(base: Base, name: str) -> Path:
    """Return where the tower's file is, unread; raises `MissingBackendError`."""
    kept = kept_base(base)
    if _is_there(kept):
        return kept
    if (packaged := _packaged(base)) is not None:
        return packaged
    raise MissingBackendError(
        f"{name} sits on a large model that is not here", f"trustkit models fetch {name}"
    )


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a folder that is closed to us
        return False


def kept_base(base: Base) -> Path:
    """Return where `models fetch` puts the tower's file."""
    return home() / "detectors" / "bases" / f"{base.sha256}.onnx"


def _packaged(base: Base) -> Path | None:
    # The package is not imported: only the file is wanted.
    if base.package is None or base.member is None:
        return None
    try:
        path = Path(str(distribution(base.package).locate_file(base.member)))
    except PackageNotFoundError:
        return None
    return path if path.is_file() else None
