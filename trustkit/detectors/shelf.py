"""Which detectors there are: those that come with trustkit, a user's own, and packages'.

The first of a name counts, in that order: nobody's folder takes the place of a shipped detector.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import trustkit
from trustkit import plugins
from trustkit.detectors import Detector, Kind
from trustkit.detectors.base import find_base
from trustkit.detectors.card import CARD, PictureCard, SoundCard, read_card
from trustkit.detectors.onnx import OnnxDetector
from trustkit.detectors.session import CPU
from trustkit.errors import ConfigError, MissingBackendError, TrustkitError
from trustkit.home import home

ROLE = "detectors"
_BASES = "bases"  # beside the detectors: the towers that some sit on


class Origin(StrEnum):
    """Where a detector comes from."""

    SHIPPED = "shipped"
    OWN = "own"
    PACKAGE = "package"


@dataclass(frozen=True)
class Entry:
    """One detector on the shelf; `trouble` is why it cannot be used as it is, or None.

    `folder` and `card` are None of a package's; a card that cannot be read is None, too. `kind` is
    None where nobody could tell it.
    """

    name: str
    origin: Origin
    kind: Kind | None = None
    rank: int = 0
    version: str = ""
    folder: Path | None = None
    card: PictureCard | SoundCard | None = None
    trouble: TrustkitError | None = None

    @property
    def why_not(self) -> str:
        """Why it is not usable, in a sentence; "" when it is."""
        return self.trouble.message if self.trouble else ""

    def open(self, device: str = CPU) -> Detector:
        """Return the detector, its model unread yet; raises what troubles it."""
        if self.trouble:
            raise self.trouble
        if self.card is None or self.folder is None:
            return _packaged(self.name)
        return OnnxDetector(self.card, self.folder, device)


def names() -> list[str]:
    """List the names of all detectors, usable or not, those of the highest rank first."""
    return list(dict.fromkeys(entry.name for entry in entries()))


def detectors(kind: Kind) -> list[Entry]:
    """List the detectors of a kind, usable or not: the highest rank first, then by name."""
    return [entry for entry in entries() if entry.kind is kind]


def open_detector(name: str, device: str = CPU) -> Detector:
    """Return the detector of that name.

    Raises `ConfigError` where there is none or its card is wrong, and `MissingBackendError` where a
    part of it is not here. Its model is read, and held against its hash, at the first score.
    """
    return entry(name).open(device)


def entry(name: str) -> Entry:
    """Return what is on the shelf under a name; raises `ConfigError` where nothing is."""
    for found in entries():
        if found.name == name:
            return found
    there = ", ".join(names()) or "none"
    raise ConfigError(f"no detector named {name!r}", f"there are: {there}")


def entries() -> list[Entry]:
    """List all detectors, usable or not: the highest rank first, then by name.

    One whose name is taken stands after the one that has it, with that as its trouble.
    """
    found: dict[str, Entry] = {}
    hidden: list[Entry] = []
    for one in _all():
        if one.name in found:
            trouble = ConfigError(
                f"{one.folder or one.name}: a {found[one.name].origin} detector has that name",
                "give it another name, in its folder and in its card",
            )
            hidden.append(Entry(one.name, one.origin, one.kind, 0, one.version, one.folder,
                                trouble=trouble))  # fmt: skip
        else:
            found[one.name] = one
    ranked = sorted(found.values(), key=lambda e: (-e.rank, e.name))
    return [*ranked, *hidden]


def own_folder() -> Path:
    """Return where a user's own detectors are."""
    return home() / ROLE


def shipped_folder() -> Path | None:
    """Return where those that come with trustkit are: in an installed package, or a checkout."""
    package = Path(trustkit.__file__).resolve().parent
    installed, checkout = package / "shipped_detectors", package.parent
    if installed.is_dir():
        return installed
    if (checkout / "pyproject.toml").is_file() and (checkout / ROLE).is_dir():
        return checkout / ROLE
    return None


def entry_of(folder: Path, origin: Origin) -> Entry:
    """Return what a folder with a card is; a card that cannot be read is its trouble."""
    try:
        card = read_card(folder)
    except ConfigError as error:
        return Entry(folder.name, origin, folder=folder, trouble=error)
    return Entry(
        folder.name, origin, card.medium, card.rank, card.version, folder, card,
        _trouble(folder, card),
    )  # fmt: skip


def _all() -> Iterator[Entry]:
    for origin, parent in ((Origin.SHIPPED, shipped_folder()), (Origin.OWN, own_folder())):
        for folder in _folders(parent):
            yield entry_of(folder, origin)
    for name in plugins.names(ROLE):
        yield _package_entry(name)


def _folders(parent: Path | None) -> list[Path]:
    try:
        if parent is None or not parent.is_dir():
            return []
        found = sorted(parent.iterdir())
    except OSError as error:
        raise ConfigError(
            f"{parent} cannot be read: {error.strerror}", "check whose folder it is"
        ) from error
    return [
        folder
        for folder in found
        if folder.name != _BASES and not folder.name.startswith(".") and _has_card(folder)
    ]


def _has_card(folder: Path) -> bool:
    try:
        return (folder / CARD).exists()
    except OSError:  # closed to us: its card's trouble
        return True


def _trouble(folder: Path, card: PictureCard | SoundCard) -> TrustkitError | None:
    # What can be told without reading a model.
    if folder.is_symlink():
        return ConfigError(f"{folder} is a link", "copy it: `trustkit models add FOLDER`")
    if card.name != folder.name:
        return ConfigError(
            f"the folder {folder.name} holds the card of {card.name}", "name the folder as the card"
        )
    for file in card.files:
        if not (folder / file).is_file():
            return ConfigError(f"{card.name} is without its {file}", "install it anew")
    if card.base is not None:
        try:
            find_base(card.base, card.name)
        except MissingBackendError as error:
            return error
    return None


def _package_entry(name: str) -> Entry:
    try:
        found = _packaged(name)
        # `rank` is no part of the seam: a package that gives none never leads.
        rank, version = int(getattr(found, "rank", 0)), str(found.version)
        return Entry(name, Origin.PACKAGE, Kind(found.kind), rank, version)
    except TrustkitError as error:
        return Entry(name, Origin.PACKAGE, trouble=error)
    except Exception as error:  # noqa: BLE001  # a stranger's code; told, and the others are used
        trouble = ConfigError(
            f"the package of {name} fails: {type(error).__name__}: {error}", "tell who made it"
        )
        return Entry(name, Origin.PACKAGE, trouble=trouble)


def _packaged(name: str) -> Detector:
    detector: Detector = plugins.load(ROLE, name)()
    return detector
