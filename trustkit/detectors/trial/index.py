"""An index of media with known labels: a table, tab separated, with a header line.

`file` and `label` must be there (1 or fake: generated; 0 or real: not); the other columns say what
belongs together: the generator or the source, its family, the gallery it came from.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from trustkit.errors import NoInputError, UnreadableError, UsageError

MAX_BYTES = 64 * 2**20
MAX_ROWS = 200_000
MAX_COLUMNS = 200
MAX_WORD = 1000  # characters of one cell

_LABELS = {"1": 1, "fake": 1, "generated": 1, "0": 0, "real": 0}
# What collections call the same things; the first one that says something counts.
_NAME = ("generator_or_source", "generator", "system", "source")
_FAMILY = ("family",)
_GALLERY = ("repo_or_package", "source_repo", "gallery", "package", "repository", "source")
# Further columns that make a table of their own without being asked.
_GROUPS = ("kind", "category", "language", "microphone", "device", "camera")
UNTOLD = "(not told)"
_KNOWN = {"file", "label", *_NAME, *_FAMILY, *_GALLERY, *_GROUPS}


@dataclass(frozen=True, slots=True)
class Row:
    """One file: `label` 1 for generated; `name` of its generator or, for others, of its source.

    `groups` has what the tables are by: a column's name and this file's word there.
    """

    file: str
    label: int
    name: str
    family: str
    gallery: str
    groups: Mapping[str, str] = field(default_factory=dict)

    @property
    def unit(self) -> str:
        """What is drawn as one when intervals are computed."""
        return self.name

    @property
    def kin(self) -> frozenset[str]:
        """All that its line calls its generator, its family or its gallery, in whatever column."""
        told = [self.groups.get(column, "") for column in (*_NAME, *_FAMILY, *_GALLERY)]
        return frozenset({self.name, self.family, self.gallery, *told} - {"", UNTOLD})


@dataclass(frozen=True, slots=True)
class Index:
    """The rows of an index in their order, the folder below which its files are, its SHA-256.

    Of several together `roots` has their folders by name: a file's first part is one of these.
    """

    folder: Path
    name: str
    sha256: str
    rows: tuple[Row, ...]
    columns: tuple[str, ...]  # that the tables are by
    roots: Mapping[str, Path] = field(default_factory=dict)

    def path(self, row: Row) -> Path:
        """Return where a file is; raises `UnreadableError` where a link leads out of the folder."""
        name, _, rest = row.file.partition("/")
        folder, file = (self.roots[name], rest) if self.roots else (self.folder, row.file)
        path = folder / file
        try:
            is_inside = path.resolve().is_relative_to(folder.resolve())
        except (OSError, RuntimeError) as error:  # the latter of links in a circle
            raise UnreadableError(f"{row.file} leads nowhere") from error
        if not is_inside:
            raise UnreadableError(f"{row.file} leads out of the index's folder")
        return path


def read_index(path: Path, more: Sequence[str] = ()) -> Index:
    """Return an index; `more` are further columns for tables.

    Raises `NoInputError` where there is none, `UnreadableError` for what is no such table, and
    `UsageError` for a column that is asked for and not there. No media file is opened.
    """
    data = read_bytes(path)
    try:
        lines = [line.rstrip("\r") for line in data.decode("utf-8-sig").split("\n")]
    except UnicodeDecodeError as error:
        raise UnreadableError(f"{path.name} is no UTF-8 text", _SHAPE) from error
    if not lines[0].strip():
        raise UnreadableError(f"{path.name} is empty", _SHAPE)
    header = _header(path.name, lines[0])
    columns = _columns(path.name, header, more)
    if len(lines) - 1 > MAX_ROWS:
        raise UnreadableError(f"{path.name} has more than {MAX_ROWS:,} rows", "split it")
    rows = tuple(
        _row(path.name, number, line, header, columns)
        for number, line in enumerate(lines[1:], 2)
        if line.strip()
    )
    if not rows:
        raise UnreadableError(f"{path.name} has no rows below its header", _SHAPE)
    if len({row.file for row in rows}) < len(rows):
        raise UnreadableError(f"{path.name} names a file twice", "a file counts once")
    return Index(path.parent, path.name, hashlib.sha256(data).hexdigest(), rows, columns)


def join(indexes: Sequence[Index]) -> Index:
    """Return several indexes as one, whose files are named FOLDER/file; of one that itself.

    Raises `UsageError` where two are in folders of one name.
    """
    if len(indexes) == 1:
        return indexes[0]
    roots = {index.folder.resolve().name: index.folder for index in indexes}
    if len(roots) < len(indexes):
        raise UsageError("two indexes are in folders of one name", "rename one of the folders")
    columns = tuple(dict.fromkeys(column for index in indexes for column in index.columns))
    rows = tuple(
        replace(
            row,
            file=f"{index.folder.resolve().name}/{row.file}",
            groups={column: row.groups.get(column, UNTOLD) for column in columns},
        )
        for index in indexes
        for row in index.rows
    )
    digest = hashlib.sha256("".join(index.sha256 for index in indexes).encode()).hexdigest()
    name = " + ".join(f"{root}/{i.name}" for root, i in zip(roots, indexes, strict=True))
    return Index(indexes[0].folder, name, digest, rows, columns, roots)


def spread(rows: Sequence[Row], limit: int) -> tuple[Row, ...]:
    """Return at most `limit` rows, as evenly from every generator and source as can be.

    Always the same ones of the same rows; half of them generated, as long as there are any.
    """
    if limit >= len(rows):
        return tuple(rows)
    order = sorted(rows, key=lambda row: hashlib.sha256(row.file.encode()).digest())
    place: dict[tuple[int, str], int] = {}
    turns: list[tuple[int, Row]] = []
    for row in order:
        turn = place[row.label, row.name] = place.get((row.label, row.name), -1) + 1
        turns.append((turn, row))
    turns.sort(key=lambda pair: pair[0])
    sides = [[row for _, row in turns if row.label == label] for label in (1, 0)]
    half = limit // 2
    made = max(min(half + limit % 2, len(sides[0])), limit - len(sides[1]))
    chosen = {row.file for row in sides[0][:made] + sides[1][: limit - made]}
    return tuple(row for row in rows if row.file in chosen)


_SHAPE = "its first line names columns, separated by tabs: file and label (1 or 0), at least"


def read_bytes(path: Path) -> bytes:
    """Return a table's bytes; raises like `read_index`."""
    try:
        if path.is_dir():
            raise UsageError(f"{path} is a folder", "name the INDEX.tsv in it")
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise NoInputError(f"there is no {path}", "name an INDEX.tsv") from error
    except OSError as error:
        raise UnreadableError(f"{path} cannot be read: {error.strerror}") from error
    if len(data) > MAX_BYTES:
        raise UnreadableError(f"{path.name} has more than {MAX_BYTES:,} bytes", "split it")
    return data


def _header(name: str, line: str) -> list[str]:
    if line.count("\t") >= MAX_COLUMNS:
        raise UnreadableError(f"{name} has more than {MAX_COLUMNS} columns", "leave some out")
    header = [_column(word) for word in line.split("\t")]
    for column in ("file", "label"):
        if column not in header:
            raise UnreadableError(f"{name} has no column {column}", _SHAPE)
    if len(set(header)) < len(header):
        raise UnreadableError(f"{name} has two columns of one name", "name them apart")
    return header


def _columns(name: str, header: Sequence[str], more: Sequence[str]) -> tuple[str, ...]:
    more = [_column(word) for word in more]
    for column in more:
        if column not in header:
            raise UsageError(f"{name} has no column {column}", f"it has {', '.join(header)[:300]}")
    known = (column for column in (*_NAME, *_FAMILY, *_GALLERY, *_GROUPS) if column in header)
    return tuple(dict.fromkeys((*known, *more)))


def _column(word: str) -> str:
    # "Family" or "Source repo" must not be lost: what was trained on would count as unseen.
    plain = re.sub(r"[\s_-]+", "_", word.strip()).lower()
    return plain if plain in _KNOWN else word.strip()


def _first(cell: Mapping[str, str], columns: Sequence[str]) -> str:
    return next((word for column in columns if (word := cell.get(column, ""))), "")


def _row(name: str, number: int, line: str, header: Sequence[str], columns: Sequence[str]) -> Row:
    words = line.split("\t", len(header))
    if len(words) != len(header):
        raise UnreadableError(
            f"line {number} of {name} has {'more' if len(words) > len(header) else 'fewer'} cells "
            "than the header",
            _SHAPE,
        )
    if max(map(len, words)) > MAX_WORD:
        raise UnreadableError(f"line {number} of {name} has a cell of over {MAX_WORD} characters")
    cell = dict(zip(header, (word.strip() for word in words), strict=True))
    label = _LABELS.get(cell["label"].lower())
    if label is None:
        raise UnreadableError(
            f"line {number} of {name} has the label {cell['label'][:40]!r}",
            "1 or fake for generated, 0 or real for others",
        )
    _check_inside(name, number, cell["file"])
    family, gallery = _first(cell, _FAMILY), _first(cell, _GALLERY)
    made_by = _first(cell, _NAME) or family or gallery or UNTOLD
    return Row(
        cell["file"], label, made_by, family, gallery,
        {column: cell[column] or UNTOLD for column in columns},
    )  # fmt: skip


def _check_inside(name: str, number: int, file: str) -> None:
    path = PurePosixPath(file)
    if not file or "\0" in file or "\\" in file or path.is_absolute() or ".." in path.parts:
        raise UnreadableError(
            f"line {number} of {name} names a file out of the index's folder: {file[:80]!r}",
            "only files below the index may be named",
        )


def finite(word: str) -> float | None:
    """Return the number that a cell holds, or None."""
    try:
        value = float(word)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
