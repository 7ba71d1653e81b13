"""Films made anew: what is refused leaves nothing behind, what is written has all it came with."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from tests.films import MASTERING, Recipe, film
from trustkit.errors import PublishError, UnreadableError, UsageError
from trustkit.media import measure
from trustkit.media.film import Limits, Luma, Settings
from trustkit.media.film.frames import sample
from trustkit.media.film.look import look
from trustkit.media.film.remake import remake

FAST = Settings(preset="ultrafast")
QUICK = {"preset": "ultrafast", "x265-params": "log-level=none"}


def leave(_luma: Luma) -> None:
    """Change nothing."""


def packets(path: Path, kind: str) -> list[tuple[int | None, bytes]]:
    with av.open(str(path)) as container:
        streams = [s for s in container.streams if s.type == kind]
        return [(p.pts, bytes(p)) for s in streams[:1] for p in container.demux(s) if p.size]


def frames(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray() for frame in container.decode(video=0)]


def stamps(path: Path) -> list[Fraction]:
    with av.open(str(path)) as container:
        return [frame.pts * frame.time_base for frame in container.decode(video=0)]


# Refusals.


@pytest.mark.parametrize("door", ["look", "measure"])
def test_no_log_level_is_left_on_at_which_a_decoder_could_hang_us(tmp_path, door):
    source = film(tmp_path / "in.mp4", Recipe(frames=2))
    av.logging.set_level(av.logging.ERROR)
    try:
        if door == "look":
            look(source)
        else:
            with source.open("rb") as stream:
                assert measure("video/mp4", "video", stream)["width"] == 320
        assert av.logging.get_level() is None
    finally:
        av.logging.set_level(None)


def test_what_is_no_film_is_refused_in_words(tmp_path):
    cases = {"text.mp4": b"not a film" * 500, "empty.mkv": b"", "list.m3u8": b"#EXTM3U\nother.ts\n"}
    for name, data in cases.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(UnreadableError, match=name):
            remake(tmp_path / name, tmp_path / "out.mp4", leave)
    assert not (tmp_path / "out.mp4").exists()


def test_sound_alone_is_no_film(tmp_path):
    with av.open(str(tmp_path / "sound.mka"), "w", format="matroska") as out:
        stream = out.add_stream("pcm_s16le", rate=8000)
        stream.layout = "mono"
        made = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), "s16", "mono")
        made.sample_rate = 8000
        out.mux(stream.encode(made))
        out.mux(stream.encode(None))
    with pytest.raises(UnreadableError, match="no video"):
        look(tmp_path / "sound.mka")


@pytest.mark.parametrize(
    "settings",
    [
        Settings(codec="theora"),
        Settings(crf=52),
        Settings(crf=-1),
        Settings(preset="swift"),
        Settings(codec="av1", preset="medium"),
        Settings(codec="vp9", crf=64),
    ],
)
def test_settings_that_make_no_sense_are_refused(tmp_path, settings):
    source = film(tmp_path / "in.mp4", Recipe(frames=2))
    with pytest.raises(UsageError) as error:
        remake(source, tmp_path / "out.mp4", leave, settings)
    assert error.value.hint


def test_a_codec_that_cannot_hold_the_pixels_is_refused_and_another_named(tmp_path):
    source = film(tmp_path / "in.mkv", Recipe(pixels="yuv420p10le", frames=2, options=QUICK))
    with pytest.raises(PublishError, match="yuv420p10le") as error:
        remake(source, tmp_path / "out.mkv", leave, Settings(codec="vp9"))
    assert "av1" in error.value.hint


@pytest.mark.parametrize("limits", [Limits(pixels=100), Limits(seconds=0.5), Limits(frames=3)])
def test_a_film_beyond_the_limits_is_refused(tmp_path, limits):
    source = film(tmp_path / "in.mp4")
    with pytest.raises(UnreadableError):
        remake(source, tmp_path / "out.mp4", leave, FAST, limits=limits)
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]


@pytest.mark.parametrize("damage", ["cut off", "zeroes"])
@pytest.mark.parametrize("name", ["in.mp4", "in.mkv"])
def test_a_damaged_film_is_refused_and_nothing_is_lost(tmp_path, name, damage):
    ahead = {"movflags": "faststart"} if name == "in.mp4" else {}
    source = film(tmp_path / name, Recipe(sound="aac", frames=80, muxer=ahead))
    data = source.read_bytes()
    middle = len(data) // 2
    rest = b"" if damage == "cut off" else bytes(20_000) + data[middle + 20_000 :]
    source.write_bytes(data[:middle] + rest)
    with pytest.raises(UnreadableError, match=name):
        remake(source, source, leave, FAST)
    assert source.read_bytes() == data[:middle] + rest
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("door", ["change", "inspect"])
def test_a_caller_that_refuses_leaves_the_target_as_it_was(tmp_path, door):
    def refuse(_what: object) -> None:
        raise PublishError("no")

    source = film(tmp_path / "in.mp4", Recipe(frames=5))
    target = tmp_path / "out.mp4"
    target.write_bytes(b"older")
    doors = {"change": leave, "inspect": None, door: refuse}
    with pytest.raises(PublishError, match="no"):
        remake(source, target, doors["change"], FAST, inspect=doors["inspect"])
    assert target.read_bytes() == b"older"
    assert len(list(tmp_path.iterdir())) == 2


def test_a_container_that_is_not_written_is_refused_unless_the_name_tells_another(tmp_path):
    source = film(tmp_path / "in.ts", Recipe(sound="aac"))
    with pytest.raises(PublishError, match="mpegts") as error:
        remake(source, tmp_path / "out.ts", leave, FAST)
    assert ".mkv" in error.value.hint
    remake(source, tmp_path / "out.mkv", leave, FAST)
    assert look(tmp_path / "out.mkv").container == "matroska"


# What is written.


def test_only_the_luma_that_was_changed_differs(tmp_path):
    def change(luma: Luma) -> None:
        luma.plane[20:40, 30:60] += 9

    lossless = {"crf": "0", "preset": "ultrafast"}
    # Frames that later ones are predicted from: a change in the decoder's own would spread.
    source = film(tmp_path / "in.mp4", Recipe(options=lossless | {"preset": "veryfast"}))
    remake(source, tmp_path / "out.mp4", change, Settings(crf=0, preset="ultrafast"))
    for was, now in zip(frames(source), frames(tmp_path / "out.mp4"), strict=True):
        expected = was.copy()
        expected[20:40, 30:60] += 9
        assert np.array_equal(now, expected)


def test_time_stamps_of_varying_rate_are_kept_to_the_tick(tmp_path):
    odd = [0, 1, 2, 5, 6, 9, 14, 15, 40, 41, 42, 90]
    for name in ("in.mp4", "in.mov", "in.mkv"):
        source = film(tmp_path / name, Recipe(stamps=odd))
        made = remake(source, tmp_path / f"out-{name}", leave, Settings(preset="medium"))
        assert stamps(tmp_path / f"out-{name}") == stamps(source)
        assert look(tmp_path / f"out-{name}").time_base == look(source).time_base
        assert (made.frames, made.warnings) == (12, ())


@pytest.mark.parametrize("name", ["in.mp4", "in.mkv"])
def test_sound_subtitles_chapters_cover_and_names_go_over(tmp_path, name):
    text = "mov_text" if name == "in.mp4" else "subrip"
    recipe = Recipe(sound="aac", sound_starts=0.337, subtitles=text, chapters=True, cover=True)
    recipe.metadata = {"title": "A film", "comment": "of ours"}
    recipe.attachment = name == "in.mkv"
    source, target = film(tmp_path / name, recipe), tmp_path / f"out-{name}"
    made = remake(source, target, leave, FAST)
    assert made.warnings == ()
    for kind in ("audio", "subtitle"):
        assert packets(source, kind) == packets(target, kind) != []
    with av.open(str(source)) as was, av.open(str(target)) as now:
        told = [
            [
                (c["metadata"], c["start"] * c["time_base"], c["end"] * c["time_base"])
                for c in chapters
            ]
            for chapters in (was.chapters(), now.chapters())
        ]
        assert told[0] == told[1] != []
        kinds = [
            sorted((s.type, int(s.disposition), s.metadata.get("language", "")) for s in c.streams)
            for c in (was, now)
        ]
        assert kinds[0] == kinds[1]
        assert any(disposition == 0x400 for _, disposition, _ in kinds[1])
        for key in ("title", "comment"):
            found = {k.lower(): v for k, v in now.metadata.items()}
            assert found[key] == recipe.metadata[key]


def test_sound_is_interleaved_with_the_picture(tmp_path):
    recipe = Recipe(sound="aac", frames=150, size=(64, 48))
    source = film(tmp_path / "in.mp4", recipe)
    remake(source, tmp_path / "out.mp4", leave, Settings(preset="medium"))
    with av.open(str(tmp_path / "out.mp4")) as container:
        places = [(p.pos, p.stream.type) for p in container.demux() if p.size]
    kinds = [kind for _, kind in sorted(places)]
    assert "audio" in kinds[: len(kinds) // 4]
    assert "video" in kinds[-len(kinds) // 4 :]


@pytest.mark.parametrize("codec", ["h264", "hevc", "av1"])
@pytest.mark.parametrize("name", ["out.mp4", "out.mkv"])
def test_hdr_rotation_and_colour_tags_are_kept(tmp_path, codec, name):
    hdr = f"log-level=none:hdr10=1:master-display={MASTERING}:max-cll=1000,400"
    options = {"preset": "ultrafast", "x265-params": hdr}
    recipe = Recipe("libx265", pixels="yuv420p10le", frames=4, options=options, turned=90)
    recipe.colour = (9, 16, 9, 1)
    source = film(tmp_path / f"in{Path(name).suffix}", recipe)
    preset = "12" if codec == "av1" else "ultrafast"
    made = remake(source, tmp_path / name, leave, Settings(codec=codec, preset=preset))
    was, now = look(source), look(tmp_path / name)
    assert made.warnings == ()
    assert (now.codec, now.pixels, now.turned, now.colour) == (
        codec,
        "yuv420p10le",
        was.turned,
        was.colour,
    )
    assert was.turned
    assert was.mastering
    assert now.mastering
    assert now.light == was.light == (1000, 400)
    assert float(now.mastering.green[1]) == pytest.approx(0.69, abs=0.001)
    assert float(now.mastering.luminance[1]) == 1000


def test_range_aspect_and_interlacing_are_kept(tmp_path):
    recipes = (
        Recipe(pixels="yuvj420p", colour=(1, 1, 1, 2), aspect=Fraction(16, 11)),
        Recipe(interlaced=True, colour=(1, 1, 1, 1)),
        Recipe(pixels="yuv422p10le"),
        Recipe(pixels="gray"),
    )
    for number, recipe in enumerate(recipes):
        source, target = tmp_path / f"{number}.mkv", tmp_path / f"out{number}.mkv"
        film(source, recipe)
        made = remake(source, target, leave, FAST)
        assert made.warnings == ()
        was, now = look(source), look(target)
        assert (was.colour, was.aspect or 1) == (now.colour, now.aspect or 1)
        assert was.interlaced == now.interlaced == recipe.interlaced


@pytest.mark.parametrize(
    ("name", "codec", "settings"),
    [
        ("in.mp4", "hevc", Settings("h265", preset="ultrafast")),
        ("in.mp4", "av1", Settings("av1", preset="12")),
        ("in.webm", "vp9", Settings(preset="8")),
        ("in.mkv", "h264", FAST),
    ],
)
def test_the_codec_is_the_sources_or_the_one_asked_for(tmp_path, name, codec, settings):
    recipe = Recipe(frames=6, sound="libopus" if name == "in.webm" else "")
    if name == "in.webm":
        recipe.codec, recipe.options = "libvpx-vp9", {"cpu-used": "8", "deadline": "realtime"}
    made = remake(film(tmp_path / name, recipe), tmp_path / f"out-{name}", leave, settings)
    assert made.codec == look(tmp_path / f"out-{name}").codec == codec


def test_what_cannot_stay_is_told(tmp_path):
    # A codec that is not written, transparency, RGB, a second picture.
    cases = {
        "in.avi": (Recipe("mjpeg", pixels="yuvj422p", options={}, sound="pcm_s16le"), "mjpeg"),
        "alpha.webm": (
            Recipe("libvpx-vp9", pixels="yuva420p", options={"auto-alt-ref": "0"}, frames=4),
            "transparency",
        ),
        "rgb.mkv": (Recipe("libx264rgb", pixels="bgr24", options=QUICK, frames=4), "gbrp"),
        "two.mp4": (Recipe(two_pictures=True, frames=4), "2 video streams"),
    }
    for name, (recipe, word) in cases.items():
        source = film(tmp_path / name, recipe)
        target = (tmp_path / f"out-{name}").with_suffix(
            ".mkv" if name == "in.avi" else source.suffix
        )
        made = remake(source, target, leave)
        assert any(word in warning for warning in made.warnings), made
    assert look(tmp_path / "out-rgb.mkv").pixels == "yuv444p"


def test_frames_come_in_order_with_their_range_and_progress_goes_up(tmp_path):
    seen: list[Luma] = []
    done: list[float] = []
    recipe = Recipe(pixels="yuv420p10le", frames=12, options=QUICK, colour=(1, 1, 1, 2))
    source = film(tmp_path / "in.mp4", recipe)
    remake(
        source,
        tmp_path / "out.mp4",
        seen.append,
        FAST,
        progress=lambda seconds, of: done.append(seconds / (of or 1)),
    )
    assert [round(luma.seconds * 25) for luma in seen] == list(range(12))
    assert {(luma.depth, luma.full, luma.plane.shape) for luma in seen} == {(10, True, (180, 320))}
    assert done == sorted(done)
    assert 0.8 < done[-1] <= 1


# Frames to look at.


def test_a_sample_is_spread_over_the_film_and_its_cost_is_bounded(tmp_path):
    options = {"preset": "ultrafast", "g": "30"}
    source = film(tmp_path / "in.mp4", Recipe(frames=600, size=(64, 48), options=options))
    for count, span in ((8, None), (100, None), (6, (10.0, 16.0))):
        times = [luma.seconds for luma in sample(source, count, span)]
        first, last = span or (0.0, 24.0)
        assert count // 2 <= len(times) <= 2 * count
        assert times == sorted(times)
        assert times[0] - first < (last - first) / 4
        assert last - times[-1] < (last - first) / 4
        assert all(first <= time <= last for time in times)


def test_damage_is_passed_over_when_frames_are_only_looked_at(tmp_path):
    source = film(tmp_path / "in.mkv", Recipe(frames=200, size=(64, 48)))
    data = source.read_bytes()
    source.write_bytes(data[: len(data) * 2 // 3])
    assert len(list(sample(source, 50))) > 10
