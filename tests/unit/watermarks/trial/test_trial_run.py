"""A whole trial, with a tiny engine: what it lists, counts and repeats."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.unit.watermarks.trial.fakes import Blocks, Telling
from trustkit.errors import UnreadableError
from trustkit.watermarks.trial import trial
from trustkit.watermarks.trial.attacks import ATTACKS, EXTRA, Attack
from trustkit.watermarks.trial.count import tally
from trustkit.watermarks.trial.distortions import Picture, Rng
from trustkit.watermarks.trial.result import Marked, Outcome, Result
from trustkit.watermarks.trial.trial import Setup, read_picture, run

SOME = tuple(a for a in ATTACKS if a.name in {"none", "noise5", "hflip", "rc50", "remark"})


def draw(path: Path, seed: int, size: tuple[int, int] = (240, 160)) -> Path:
    chance = np.random.default_rng(seed)
    rgb = chance.integers(40, 200, (*size[::-1], 3), np.uint8)
    Image.fromarray(rgb).save(path)
    return path


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("pictures")
    return [draw(folder / f"{name}.png", seed) for seed, name in enumerate("abc")]


def without_times(result: Result) -> Result:
    return replace(
        result,
        marked=tuple(
            replace(m, embed_cpu=0, cells=tuple(replace(c, cpu=0) for c in m.cells))
            for m in result.marked
        ),
        unmarked=tuple(replace(u, cpu=0) for u in result.unmarked),
    )


def outcomes(picture: Marked) -> dict[str, Outcome]:
    return {cell.attack: cell.outcome for cell in picture.cells}


def test_what_cannot_be_read_or_marked_is_listed(pictures: list[Path], tmp_path: Path) -> None:
    (tmp_path / "words.jpg").write_text("no picture")
    (tmp_path / "cut.png").write_bytes(pictures[0].read_bytes()[:3000])
    (tmp_path / "empty.png").touch()
    (tmp_path / "page.eps").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99 99\n")
    draw(tmp_path / "thin.png", 1, (300, 20))
    draw(tmp_path / "small.png", 1, (60, 60))  # the engine itself refuses this one
    bad = [*sorted(tmp_path.iterdir()), tmp_path / "gone.png", tmp_path]

    result = run([pictures[0], *bad], Setup(Blocks(), SOME), unmarked=[bad[0], pictures[1]])

    assert [m.name for m in result.marked] == ["a.png"]
    said = {failed.name: failed.error.message for failed in result.failed}
    assert set(said) == {path.name for path in bad}
    assert said["thin.png"] == "thin.png has a side of less than 32 pixels"
    assert said["small.png"] == "the picture is too small for a mark"
    assert said["words.jpg"] == "words.jpg is no picture that can be read"
    assert "No such file" in said["gone.png"]
    assert [f.name for f in result.unmarked_failed] == ["cut.png"]
    assert [u.name for u in result.unmarked] == ["b.png"]


def test_too_many_pixels_or_bytes_are_refused(
    pictures: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial, "MAX_PIXELS", 240 * 160 - 1)
    with pytest.raises(UnreadableError, match=r"more than 38,399 pixels"):
        read_picture(pictures[0])
    monkeypatch.setattr(trial, "MAX_BYTES", 100)
    with pytest.raises(UnreadableError, match=r"more than 100 bytes"):
        read_picture(pictures[0])


def test_a_wrong_payload_and_a_false_positive_are_seen(pictures: list[Path]) -> None:
    result = run(pictures[:1], Setup(Blocks(lies=True), SOME), unmarked=pictures[1:])

    assert set(outcomes(result.marked[0]).values()) == {Outcome.WRONG}
    assert [u.payload for u in result.unmarked] == [b"12345678"] * 2
    counted = tally(result)
    assert counted.wrong == len(SOME)
    assert counted.chance.found == 2


def test_every_picture_has_its_own_payload_and_every_cell_its_outcome(
    pictures: list[Path],
) -> None:
    told: list[tuple[int, int, str]] = []
    result = run(
        pictures,
        Setup(Blocks(), SOME, told={"strength": "default"}),
        unmarked=pictures[:1],
        progress=lambda *args: told.append(args),
    )

    assert len({m.payload for m in result.marked}) == 3
    assert outcomes(result.marked[0]) == {
        "none": Outcome.RECOVERED,
        "noise5": Outcome.RECOVERED,
        "hflip": Outcome.UNREADABLE,
        "rc50": Outcome.UNREADABLE,
        "remark": Outcome.SECOND,
    }
    first = result.marked[0].cells[0]
    assert (first.confidence, first.path, first.pixels) == (9.5, "grid", 240 * 160)
    assert result.engine == {
        "name": "fake.blocks.1",
        "strength": "default",
        "search": "normal",
    }
    assert told == [(1, 4, "a.png"), (2, 4, "b.png"), (3, 4, "c.png"), (4, 4, "a.png")]
    assert result.unmarked[0].payload is None
    assert 30 < (result.marked[0].quality["psnr"] or 0) < 45
    assert 0.8 < (result.marked[0].quality["ssim"] or 0) < 1


def test_workers_and_repetition_change_nothing_but_the_seed_does(pictures: list[Path]) -> None:
    alone = run(pictures, Setup(Telling(), SOME), unmarked=pictures[:2])
    together = run(pictures, Setup(Telling(), SOME), unmarked=pictures[:2], jobs=2)
    other = run(pictures, Setup(Telling(), SOME, seed=2), unmarked=pictures[:2])

    assert without_times(alone) == without_times(together)
    assert alone.marked[0].payload != other.marked[0].payload
    assert tally(alone).chance.highest == 4.25


def test_a_picture_fares_the_same_in_any_company(pictures: list[Path]) -> None:
    every = without_times(run(pictures, Setup(Blocks(), SOME)))
    one = without_times(run(pictures[1:2], Setup(Blocks(), SOME)))

    assert one.marked[0] == every.marked[1]


def test_files_of_one_name_are_told_apart(pictures: list[Path], tmp_path: Path) -> None:
    twin = tmp_path / "a.png"
    twin.write_bytes(pictures[0].read_bytes())

    result = run([pictures[0], twin], Setup(Blocks(), SOME[:1]))

    assert [m.name for m in result.marked] == [str(pictures[0]), str(twin)]
    assert result.marked[0].payload != result.marked[1].payload


def test_an_attack_that_cannot_be_made_is_not_run(pictures: list[Path]) -> None:
    def fail(_rgb: Picture, _rng: Rng) -> Picture:
        raise ValueError("the encoder takes 16,383 pixels a side")

    result = run(pictures[:1], Setup(Blocks(), (Attack("big", EXTRA, "x", fail),)))

    cell = result.marked[0].cells[0]
    assert (cell.outcome, cell.reason) == (
        Outcome.NOT_RUN,
        "the encoder takes 16,383 pixels a side",
    )


def test_pictures_are_upright_8_bit_rgb(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = np.zeros((40, 60, 3), np.uint8)
    turned[:, :30] = 200
    Image.fromarray(turned).save(tmp_path / "turned.png", exif=exif)
    deep = np.full((40, 50), 0x8000, np.uint16)
    Image.fromarray(deep).save(tmp_path / "deep.png")
    Image.new("CMYK", (40, 40), (0, 255, 255, 0)).save(tmp_path / "ink.jpg", quality=95)
    Image.new("LA", (40, 40), (77, 9)).save(tmp_path / "clear.png")

    upright, digest = read_picture(tmp_path / "turned.png")

    assert upright.shape == (60, 40, 3)
    assert (upright[:25] == 200).all()
    assert len(digest) == 64
    assert (read_picture(tmp_path / "deep.png")[0] == 128).all()
    red = read_picture(tmp_path / "ink.jpg")[0]
    assert red[..., 0].min() > 230
    assert red[..., 1].max() < 40
    assert (read_picture(tmp_path / "clear.png")[0] == 77).all()
