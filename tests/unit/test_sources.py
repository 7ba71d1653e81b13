"""Which files are meant: each once, in order, and nothing left out in silence."""

from __future__ import annotations

import io
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustkit.batch.sources import Source, expand, read_list, spool
from trustkit.errors import UnreadableError


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("b.jpg", "a.jpg", "a.jpg.c2pa", "alone.c2pa", ".hidden.jpg", "sub/c.jpg"):
        path = tmp_path / "folder" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    monkeypatch.chdir(tmp_path / "folder")
    return tmp_path / "folder"


def sources(*names: object, recursive: bool = False) -> list[Source]:
    stream = io.BytesIO()
    return list(expand([str(name) for name in names], recursive=recursive, stdin=stream))


def names(*asked: object, recursive: bool = False) -> list[str]:
    return [source.name for source in sources(*asked, recursive=recursive)]


@pytest.mark.parametrize("name", ["*.none", "none/*.jpg", "[z]*"])
def test_a_glob_that_matches_nothing_says_so(folder: Path, name: str) -> None:
    (source,) = sources(name)
    assert name in source.missing


def test_an_empty_folder_says_so(folder: Path) -> None:
    (folder / "empty").mkdir()
    (source,) = sources("empty", recursive=True)
    assert "no file" in source.missing


def test_a_missing_name_is_kept_for_its_error(folder: Path) -> None:
    assert names("a.jpg", "missing.jpg", "b.jpg") == ["a.jpg", "missing.jpg", "b.jpg"]


def test_standard_input_larger_than_the_limit_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(UnreadableError, match="more than 10 bytes"):
        spool(io.BytesIO(bytes(11)), 10)
    assert list(tmp_path.iterdir()) == []
    assert spool(io.BytesIO(b"0123456789"), 10).read_bytes() == b"0123456789"


def test_a_folder_that_leads_back_to_itself_ends(folder: Path) -> None:
    (folder / "sub/back").symlink_to(folder)
    assert names(folder, recursive=True).count(str(folder / "a.jpg")) == 1


def test_a_folder_is_sorted_and_leaves_out_hidden_files_and_sidecars(folder: Path) -> None:
    found = names(".", recursive=True)
    assert [Path(name).as_posix() for name in found] == [
        "a.jpg",
        "alone.c2pa",
        "b.jpg",
        "sub/c.jpg",
    ]


def test_each_file_comes_once_by_whatever_name(folder: Path) -> None:
    asked = ("b.jpg", "./b.jpg", folder / "b.jpg", "*.jpg", "sub/../b.jpg", "a.jpg.c2pa")
    assert names(*asked) == ["b.jpg", "a.jpg"]


def test_two_links_to_a_file_are_two_names(folder: Path) -> None:
    (folder / "link.jpg").symlink_to(folder / "a.jpg")
    assert names("a.jpg", "link.jpg") == ["a.jpg", "link.jpg"]


def test_a_name_that_is_there_is_never_a_pattern(folder: Path) -> None:
    (folder / "a[1].jpg").write_bytes(b"x")
    assert names("a[1].jpg") == ["a[1].jpg"]


def test_a_sidecar_means_its_file_and_alone_means_itself(folder: Path) -> None:
    assert names("a.jpg.c2pa", "alone.c2pa") == ["a.jpg", "alone.c2pa"]


@given(st.lists(st.text(min_size=1).filter(lambda t: "\0" not in t and t.strip()), max_size=5))
def test_names_separated_by_nul_come_back_as_they_are(wanted: list[str]) -> None:
    encodable = [name for name in wanted if os.fsencode(name.encode("utf-8", "ignore"))]
    data = b"".join(name.encode("utf-8", "ignore") + b"\0" for name in encodable)
    assert read_list(io.BytesIO(data)) == [
        name.encode("utf-8", "ignore").decode() for name in encodable
    ]


@given(st.binary(max_size=60))
def test_any_list_is_read(data: bytes) -> None:
    for name in read_list(io.BytesIO(data)):
        assert os.fsencode(name).strip()


def test_a_name_that_is_no_text_stays_that_name(folder: Path) -> None:
    odd = os.fsencode(folder) + b"/odd-\xff.jpg"
    Path(os.fsdecode(odd)).write_bytes(b"x")
    (name,) = read_list(io.BytesIO(odd))
    assert os.fsencode(sources(name)[0].path) == odd
