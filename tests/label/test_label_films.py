"""Labels in films: seen when they should be, in black and white, with all else as it was."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.command import MEDIA
from tests.conftest import Run
from tests.films import Recipe, film

FAST = ("--preset", "ultrafast")
DEEP = Recipe(
    codec="libx265",
    pixels="yuv420p10le",
    frames=8,
    still=True,
    options={"crf": "18", "preset": "ultrafast", "x265-params": "log-level=none"},
)
# Seven seconds at 5 frames a second: with --every 0.1 there are windows at 0 and at 6 seconds.
SLOW = Recipe(rate=5, frames=36, still=True, sound="aac")


def labelled(quick: Run, source: Path, out: Path, *options: object) -> dict[str, Any]:
    answer = quick("label", source, "-o", out, "--text", "ai", *options, "-f", "jsonl")
    assert answer.code == 0, answer.stderr
    row: dict[str, Any] = answer.rows()[0]
    return row


def frames(path: Path) -> list[tuple[float, NDArray[np.uint8]]]:
    with av.open(str(path)) as container:
        return [
            (float(frame.time or 0), frame.to_ndarray(format="rgb24"))
            for frame in container.decode(video=0)
        ]


def is_labelled(picture: NDArray[np.uint8], box: list[int]) -> bool:
    # The test films have no black and no white of their own.
    x, y, width, height = box
    part = picture[y : y + height, x : x + width].astype(int).mean(axis=2)
    return bool(np.percentile(part, 2) < 25 and np.percentile(part, 98) > 230)


def test_it_is_seen_at_the_beginning_and_again_after_some_minutes(
    quick: Run, tmp_path: Path
) -> None:
    source, out = film(tmp_path / "in.mp4", SLOW), tmp_path / "out.mp4"
    row = labelled(quick, source, out, "--for", "1", "--every", "0.1", *FAST)
    before = [at for at, picture in frames(source) if is_labelled(picture, row["box"])]
    shown = [at for at, picture in frames(out) if is_labelled(picture, row["box"])]

    assert before == []
    assert shown == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 6.0, 6.2, 6.4, 6.6, 6.8])
    assert row["times"] == [[0.0, 1.0], [6.0, 7.0]]
    assert row["contrast"] >= 4.5
    assert row["around"] >= 4.5


def test_outside_of_its_box_and_time_a_film_is_as_near_as_its_coding(
    quick: Run, tmp_path: Path
) -> None:
    source, out = film(tmp_path / "in.mp4", SLOW), tmp_path / "out.mp4"
    row = labelled(quick, source, out, "--for", "1", "--every", "0.1", *FAST, "--crf", "10")
    x, y, width, height = row["box"]

    for (at, before), (_, after) in zip(frames(source), frames(out), strict=True):
        off = np.square(before.astype(float) - after)
        if row["times"][0][0] <= at < 1.0 or at >= 6.0:
            off[y - 8 : y + height + 8, x - 8 : x + width + 8] = 0
        assert 10 * np.log10(255**2 / off.mean()) > 40


def test_always_means_every_frame(quick: Run, tmp_path: Path) -> None:
    source, out = (
        film(tmp_path / "in.mp4", Recipe(rate=5, frames=12, still=True)),
        tmp_path / "o.mp4",
    )
    for options in (("--always",), ("--for", "6", "--every", "0.1")):
        row = labelled(quick, source, out, *options, *FAST)

        assert all(is_labelled(picture, row["box"]) for _, picture in frames(out))


def test_sound_subtitles_and_chapters_go_over_as_they_are(quick: Run, tmp_path: Path) -> None:
    recipe = Recipe(sound="aac", subtitles="mov_text", chapters=True, metadata={"title": "a title"})
    source, out = film(tmp_path / "in.mp4", recipe), tmp_path / "out.mp4"
    labelled(quick, source, out, *FAST)

    def others(path: Path) -> tuple[list[bytes], dict[str, str], int]:
        with av.open(str(path)) as container:
            packets = [
                bytes(packet)
                for packet in container.demux()
                if packet.stream.type != "video" and packet.size > 2
            ]
            title = {"title": container.metadata["title"]}
            return packets, title, len(container.chapters())

    assert others(source) == others(out)


def test_colours_below_do_not_shine_through(quick: Run, tmp_path: Path) -> None:
    # The test films' chroma is far from grey: 96 of 255 in both planes.
    source, out = film(tmp_path / "in.mp4", Recipe(frames=5)), tmp_path / "out.mp4"
    row = labelled(quick, source, out, *FAST, "--crf", "4")
    x, y, width, height = row["box"]
    _, picture = frames(out)[2]
    inner = picture[y + 4 : y + height - 4, x + 8 : x + width - 8].astype(int)

    assert (inner.max(axis=2) - inner.min(axis=2)).max() < 24


@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(turned=90, frames=8, still=True),
        Recipe(turned=180, frames=8, still=True),
        Recipe(aspect=Fraction(4, 3), frames=8, still=True),
        replace(DEEP),
        replace(DEEP, colour=(9, 16, 9, 1)),
        Recipe(pixels="yuv444p", frames=8, still=True),
        Recipe(pixels="yuv422p", frames=8, still=True),
        Recipe(pixels="nv12", frames=8, still=True),
        Recipe(interlaced=True, frames=8, still=True),
    ],
    ids=["turned", "upside-down", "aspect", "deep", "pq", "444", "422", "nv12", "interlaced"],
)  # fmt: skip
def test_films_of_all_kinds_are_labelled_and_read_back(
    recipe: Recipe, quick: Run, tmp_path: Path
) -> None:
    source, out = film(tmp_path / "in.mp4", recipe), tmp_path / "out.mp4"
    row = labelled(quick, source, out, *FAST)
    wide = recipe.size[0] * float(recipe.aspect or 1)
    shown = (wide, recipe.size[1]) if recipe.turned != 90 else (recipe.size[1], wide)

    assert row["contrast"] >= 4.5
    assert row["box"][0] + row["box"][2] == pytest.approx(shown[0] - 0.05 * min(shown), abs=1)
    assert row["box"][1] == pytest.approx(0.05 * min(shown), abs=1)


def test_a_turned_film_has_its_label_upright(quick: Run, tmp_path: Path) -> None:
    source, out = (
        film(tmp_path / "in.mp4", Recipe(turned=90, frames=4, still=True)),
        tmp_path / "o.mp4",
    )
    plain = film(tmp_path / "plain.mp4", Recipe(size=(180, 320), frames=4, still=True))
    row = labelled(quick, source, out, *FAST, "--crf", "4")
    wanted = labelled(quick, plain, tmp_path / "p.mp4", *FAST, "--crf", "4")
    with av.open(str(out)) as container:
        frame = next(container.decode(video=0))
        upright = np.rot90(frame.to_ndarray(format="gray"), round(frame.rotation / 90))
    _, straight = frames(tmp_path / "p.mp4")[0]
    x, y, width, height = row["box"]
    x0, y0, _, _ = wanted["box"]
    one = upright[y : y + height, x : x + width] > 128
    # By as much as four pixels both are moved onto whole chroma samples.
    agree = max(
        float((one[4:-4, 4:-4] == other).mean())
        for dx in range(9)
        for dy in range(9)
        if (
            other := straight.mean(axis=2)[y0 - 4 + dy + 4 :, x0 - 4 + dx + 4 :][
                : height - 8, : width - 8
            ]
            > 128
        ).shape
        == one[4:-4, 4:-4].shape
    )

    assert agree > 0.9


@pytest.mark.parametrize(
    "name", ["clip.mov", "clip.mkv", "clip.webm", "clip.m4v", "clip-fragmented.mp4"]
)
def test_every_container_that_is_written_is_labelled(name: str, quick: Run, tmp_path: Path) -> None:
    row = labelled(quick, MEDIA / name, tmp_path / name)

    assert row["contrast"] >= 4.5
    assert row["kind"] == "video"


def test_a_film_of_a_kind_that_is_not_written_says_which_is(quick: Run, tmp_path: Path) -> None:
    call = ("label", MEDIA / "clip.avi", "--text", "ai")
    refused = quick(*call, "-o", tmp_path / "out.avi")

    assert refused.code == 40
    assert "name the copy .mkv" in refused.stderr
    assert quick(*call, "-o", tmp_path / "out.mkv").code == 0


def test_its_page_is_that_of_a_video(quick: Run, tmp_path: Path) -> None:
    import json

    page = tmp_path / "page.json"
    labelled(quick, MEDIA / "clip.mp4", tmp_path / "o.mp4", "--json", page)
    found = json.loads(page.read_text("utf-8"))

    assert found["@type"] == "VideoObject"
    assert found["duration"] == "PT1S"
