"""The names of explanations, and where they go."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from trustkit.detectors.explain.drawing import paper, png
from trustkit.detectors.explain.keep import keep, open_folder
from trustkit.detectors.explain.names import stems
from trustkit.errors import PublishError, UsageError


def nothing(_path: Path) -> bool:
    return False


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("a/b/photo.jpg", "photo.jpg"),
        ("..", "_"),
        ("a/...", "_"),
        ("-rf.jpg", "_rf.jpg"),
        ("-", "stdin"),
        ("con.jpg", "_con.jpg"),
        ("a\nb\x1b[2J.png", "a_b__2J.png"),
        ("C:\\pictures\\nul", "_nul"),
        ("foto für:alle?.jpg", "foto für_alle_.jpg"),
        ("\N{REPLACEMENT CHARACTER}.jpg", "_.jpg"),
        (".hidden", "hidden"),
    ],
)
def test_no_name_of_a_file_is_dangerous_as_the_name_of_its_explanation(
    name: str, stem: str
) -> None:
    assert stems([name]) == [stem]


def test_names_that_are_the_same_in_several_folders_are_numbered() -> None:
    found = stems(["a/x.jpg", "b/x.jpg", "c/X.JPG", "x.jpg-2", "d/x.jpg"])

    assert found == ["x.jpg", "x.jpg-2", "X.JPG-3", "x.jpg-2-2", "x.jpg-4"]


def test_a_long_name_is_cut_and_stays_apart_from_one_that_ends_otherwise() -> None:
    one, other = stems([f"{'ü' * 120}1.jpg", f"{'ü' * 120}2.jpg"])

    assert one != other
    assert max(len(one.encode()), len(other.encode())) <= 120


def test_a_file_that_is_not_ours_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"mine": 1}')

    with pytest.raises(PublishError, match="no explanation of ours"):
        keep(tmp_path, {"b.png": png(paper(4, 4)), "a.json": b"trustkit detect"}, nothing)

    assert (tmp_path / "a.json").read_text() == '{"mine": 1}'
    assert not (tmp_path / "b.png").exists()  # all or none of a file's


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes there")
def test_a_pipe_and_a_link_that_leads_nowhere_are_kept_and_nobody_waits(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.json")
    (tmp_path / "b.json").symlink_to(tmp_path / "nowhere")

    for name in ("a.json", "b.json"):
        with pytest.raises(PublishError, match="no explanation of ours"):
            keep(tmp_path, {name: b"trustkit detect"}, nothing)

    assert (tmp_path / "a.json").is_fifo()
    assert (tmp_path / "b.json").is_symlink()


def test_a_drawing_of_an_earlier_run_does_not_pass_for_one_of_this(tmp_path: Path) -> None:
    keep(tmp_path, {"a.json": b"trustkit detect", "a.clip.png": png(paper(4, 4))}, nothing)
    (tmp_path / "a.small.png").write_bytes(b"somebody's")

    gone = ("a.clip.png", "a.small.png", "a.other.png")
    keep(tmp_path, {"a.json": b"trustkit detect"}, nothing, gone)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", "a.small.png"]


def test_thousands_of_files_of_one_name_are_numbered_at_once() -> None:
    found = stems(f"{number}/frame.jpg" for number in range(30_000))

    assert len(set(found)) == 30_000
    assert found[-1] == "frame.jpg-30000"


def test_an_input_is_never_replaced_though_it_was_once_made_by_us(tmp_path: Path) -> None:
    made = png(paper(4, 4))
    (tmp_path / "a.png").write_bytes(made)

    with pytest.raises(PublishError, match="itself an input"):
        keep(tmp_path, {"a.png": png(paper(9, 9))}, lambda path: path.name == "a.png")

    assert (tmp_path / "a.png").read_bytes() == made


def test_an_explanation_of_an_earlier_run_is_replaced(tmp_path: Path) -> None:
    keep(tmp_path, {"a.png": png(paper(4, 4))}, nothing)
    keep(tmp_path, {"a.png": png(paper(9, 9))}, nothing)

    assert (tmp_path / "a.png").read_bytes() == png(paper(9, 9))
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_a_folder_that_is_a_file_is_a_wrong_call(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(UsageError, match="is no folder"):
        open_folder(str(tmp_path / "file"))
    with pytest.raises(UsageError, match="names no folder"):
        open_folder("")
    with pytest.raises(UsageError, match="cannot be made"):
        open_folder(str(tmp_path / "file" / "below"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_to_is_said(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(PublishError, match="cannot be written"):
        keep(tmp_path, {"a.png": b""}, nothing)
