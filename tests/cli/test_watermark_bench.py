"""`trustkit watermark bench`: on pictures and clips of a folder, counted apart."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import Run
from tests.marks import clip, picture


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("bench")
    picture(made / "a.png")
    clip(made / "c.mp4", seconds=1.0)
    (made / "notes.txt").write_text("neither")
    return made


def test_what_is_no_folder_or_has_nothing_to_try_is_refused(quick: Run, tmp_path: Path) -> None:
    assert quick("watermark", "bench", tmp_path / "none").code == 2
    assert quick("watermark", "bench", tmp_path).code == 3
    (tmp_path / "notes.txt").write_text("neither")
    assert quick("watermark", "bench", tmp_path).code == 3


def test_an_attack_that_does_not_exist_is_refused_with_those_that_do(
    quick: Run, folder: Path
) -> None:
    answer = quick("watermark", "bench", folder, "--attacks", "none,prayer")
    assert answer.code == 2
    assert "prayer" in answer.stderr
    assert "jpeg50" in answer.stderr
    assert "crf28" in answer.stderr


def test_a_report_that_could_not_be_kept_is_refused_before_the_work(
    quick: Run, folder: Path, tmp_path: Path
) -> None:
    answer = quick("watermark", "bench", folder, "--html", tmp_path / "no" / "b.html")
    assert answer.code == 2


def test_pictures_and_clips_are_counted_and_written(
    quick: Run, folder: Path, tmp_path: Path
) -> None:
    unmarked = tmp_path / "unmarked"
    unmarked.mkdir()
    picture(unmarked / "u.png", seed=9)
    before = sorted(folder.iterdir())
    kept = tmp_path / "kept"
    kept.mkdir()

    answer = quick(
        *(
            "watermark",
            "bench",
            folder,
            "--unmarked",
            unmarked,
            "--attacks",
            "none,jpeg50,halfrate",
        ),
        *("--json", kept / "b.json", "--html", kept / "b.html"),
    )

    assert answer.code == 0, answer.stderr
    assert "left out, as neither picture, clip nor sound: 1" in answer.stderr
    lines = [line.split()[:2] for line in answer.stdout.splitlines()]
    assert ["jpeg50", "1/1"] in lines
    assert ["halfrate", "1/1"] in lines
    assert "Marks found in unmarked pictures: 0 of 1" in answer.stdout
    document = json.loads((kept / "b.json").read_text("utf-8"))
    assert [row["name"] for row in document["attacks"]] == ["none", "jpeg50"]
    assert [row["name"] for row in document["clips"]["attacks"]] == ["none", "halfrate"]
    assert (
        document["summary"]["unmarked"] | {"pictures": 1, "found": 0}
        == document["summary"]["unmarked"]
    )
    assert {path.name for path in kept.iterdir()} == {"b.json", "b.html", "b-clips.html"}
    assert sorted(folder.iterdir()) == before


def test_one_json_document_is_all_of_standard_output(quick: Run, folder: Path) -> None:
    answer = quick("watermark", "bench", folder, "--attacks", "jpeg50", "-f", "json", "-q")
    document = answer.json()
    assert answer.code == 0
    assert document["clips"] is None
    assert document["engine"]["strength"] == "default"
    assert document["files"][0]["cells"][0]["outcome"] == "recovered"


def test_every_attack_on_clips_does_what_it_says(quick: Run, tmp_path: Path) -> None:
    clip(tmp_path / "c.mp4", seconds=0.6)
    asked = ("--attacks", "clips", "--search", "fast", "-f", "json")
    (row,) = quick("watermark", "bench", tmp_path, *asked).json()["files"]
    whole = 320 * 240 * 15
    pixels = {cell["attack"]: cell["pixels"] / whole for cell in row["cells"]}
    assert pixels.pop("halfrate") == pytest.approx(0.5, abs=0.1)
    assert pixels == {
        "none": pytest.approx(1),
        "crf28": pytest.approx(1),
        "crf35": pytest.approx(1),
        "halfsize": pytest.approx(0.25),
        "crop50": pytest.approx(0.5, abs=0.01),
    }
    assert row["cells"][0]["outcome"] == "recovered"


def test_the_cells_do_not_hang_on_the_number_of_jobs(quick: Run, tmp_path: Path) -> None:
    for name, seed in (("a.png", 1), ("b.png", 2)):
        picture(tmp_path / name, seed, (320, 240))

    def cells(jobs: int) -> list[tuple[str, float]]:
        asked = ("--attacks", "none,noise5", "-f", "json", "--jobs", jobs)
        files = quick("watermark", "bench", tmp_path, *asked).json()["files"]
        return [(cell["outcome"], cell["confidence"]) for row in files for cell in row["cells"]]

    assert cells(1) == cells(2)
