"""What `trustkit label` refuses: in one sentence, with the right exit code, and nothing written."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from PIL import Image

from tests.command import AI, BROKEN, KEY, MEDIA
from tests.conftest import Run
from tests.films import Recipe, film
from tests.label.label_material import plain, recording

SCENE = MEDIA / "scene.jpg"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "--text"),
        (["--text", "fake"], "fake"),
        (["--text", "ai", "--lang", "tlh"], "no words in the language tlh"),
        (["--text", "ai", "--size", "huge"], "--size huge is no size"),
        (["--text", "ai", "--size", "90"], "--size 90 is no size"),
        (["--text", "ai", "--position", "middle"], "middle"),
        (["--text", "ai", "--font", "no-such.ttf"], "--font: there is no file no-such.ttf"),
        (["--text", "ai", "--notice", "no-such.wav"], "--notice: there is no file no-such.wav"),
        (["--text", "ai", "--every", "0"], "0"),
    ],
)
def test_a_wrong_call_does_nothing(
    options: list[str], said: str, quick: Run, tmp_path: Path
) -> None:
    answer = quick("label", SCENE, "-o", tmp_path / "out.jpg", *options)

    assert answer.code == 2
    assert said in answer.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_page_may_not_take_the_place_of_an_input(quick: Run, tmp_path: Path) -> None:
    here = shutil.copy(SCENE, tmp_path / "a.jpg")
    answer = quick("label", here, "-o", tmp_path / "b.jpg", "--text", "ai", "--json", here)

    assert answer.code == 2
    assert not (tmp_path / "b.jpg").exists()


def test_an_original_is_never_overwritten_unasked(quick: Run, tmp_path: Path) -> None:
    here = Path(shutil.copy(SCENE, tmp_path / "a.jpg"))
    before = here.read_bytes()

    assert quick("label", here, "-o", here, "--text", "ai").code == 40
    assert here.read_bytes() == before


def test_a_picture_without_room_for_readable_letters_is_refused(quick: Run, tmp_path: Path) -> None:
    small = plain(tmp_path / "small.png", (90, 90, 90), (100, 80))
    answer = quick("label", small, "-o", tmp_path / "out.png", "--text", "ai-generated")

    assert answer.code == 40
    assert "too small for a label that can be read: 100 x 80 pixels" in answer.stderr
    assert "--text ai" in answer.stderr
    assert not (tmp_path / "out.png").exists()


def test_what_no_pixel_can_be_put_in_is_refused(quick: Run, tmp_path: Path) -> None:
    for name in ("drawing.svg", "page.pdf", "scene.dng"):
        answer = quick("label", MEDIA / name, "-o", tmp_path / name, "--text", "ai")

        assert answer.code == 40
        assert "cannot label" in answer.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["bomb.png", "truncated.jpg", "truncated.mp4", "empty.jpg"])
def test_broken_files_are_told_in_a_sentence(name: str, quick: Run, tmp_path: Path) -> None:
    answer = quick("label", BROKEN / name, "-o", tmp_path / name, "--text", "ai")

    assert answer.code == 40
    assert len(answer.stderr.splitlines()) <= 2
    assert list(tmp_path.iterdir()) == []


def test_a_signed_file_is_refused_and_its_manifest_dropped_only_when_asked(
    quick: Run, tmp_path: Path
) -> None:
    for name in ("scene.jpg", "clip.mp4", "sound.wav"):
        signed, out = tmp_path / f"signed-{name}", tmp_path / f"out-{name}"
        options = ("--key", KEY, *AI, "--no-soft-binding", "-q")
        assert quick("sign", MEDIA / name, "-o", signed, *options).code == 0
        more = ("--notice", recording(tmp_path / "notice.wav", 1.0))

        refused = quick("label", signed, "-o", out, "--text", "ai", *more)
        assert refused.code == 40
        assert "would no longer hold for a labelled copy" in refused.stderr
        assert not out.exists()

        dropped = quick("label", signed, "-o", out, "--text", "ai", *more, "--drop-manifest")
        assert dropped.code == 0
        assert "manifest was left out" in dropped.stderr
        assert b"jumb" not in out.read_bytes()


def test_the_page_is_never_written_over_an_input_or_an_output(quick: Run, tmp_path: Path) -> None:
    photo, out = tmp_path / "photo.jpg", tmp_path / "out.jpg"
    photo.write_bytes(SCENE.read_bytes())
    for page in (photo, out):
        answer = quick("label", photo, "-o", out, "--text", "ai", "--json", page)
        assert answer.code == 2
        assert "name another file" in answer.stderr
        assert list(tmp_path.iterdir()) == [photo]
    assert photo.read_bytes() == SCENE.read_bytes()


def test_a_script_we_have_not_drawn_needs_a_font(quick: Run, tmp_path: Path) -> None:
    answer = quick("label", SCENE, "-o", tmp_path / "out.jpg", "--text", "ai", "--lang", "zh")

    assert answer.code == 40
    assert "the font has no letters for 人工智能" in answer.stderr
    assert "--font FILE" in answer.stderr


def test_a_font_that_is_none_stops_the_call(quick: Run, tmp_path: Path) -> None:
    options = ("--text", "ai", "--font", SCENE)
    answer = quick("label", SCENE, "-o", tmp_path / "out.jpg", *options)

    assert answer.code == 33
    assert "cannot be used as a font" in answer.stderr


def test_a_sound_that_nobody_can_speak_for_is_refused_with_the_way_out(
    quick: Run, tmp_path: Path
) -> None:
    call = ("label", MEDIA / "sound.wav", "-o", tmp_path / "out.wav", "--text", "ai")
    answer = quick(*call, env={"PATH": str(tmp_path)})

    assert answer.code == 30
    assert "neither a recording of one nor espeak-ng" in answer.stderr
    assert "--notice FILE" in answer.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("seconds", "level", "said"),
    [(0.1, 0.2, "0.1 seconds long"), (61.0, 0.2, "more than 60 seconds"), (1.0, 0.0, "nothing")],
)
def test_a_notice_that_nobody_would_hear_is_refused(
    seconds: float, level: float, said: str, quick: Run, tmp_path: Path
) -> None:
    notice = recording(tmp_path / "notice.wav", seconds, rate=8000, level=level)
    out = tmp_path / "out.wav"
    answer = quick("label", MEDIA / "sound.wav", "-o", out, "--text", "ai", "--notice", notice)

    assert answer.code == 33
    assert said in answer.stderr
    assert not out.exists()


def test_a_notice_that_is_no_sound_is_refused(quick: Run, tmp_path: Path) -> None:
    call = ("label", MEDIA / "sound.wav", "-o", tmp_path / "out.wav", "--text", "ai")

    assert quick(*call, "--notice", SCENE).code == 33


def test_a_film_turned_between_quarters_has_no_top(quick: Run, tmp_path: Path) -> None:
    crooked = film(tmp_path / "film.mp4", Recipe(turned=45, frames=3))
    answer = quick("label", crooked, "-o", tmp_path / "out.mp4", "--text", "ai")

    assert answer.code == 40
    assert "turned by something else than quarters" in answer.stderr


def test_an_animation_that_takes_its_label_away_is_refused(quick: Run, tmp_path: Path) -> None:
    # The second frame is laid on nothing, and does not reach the label's place.
    whole = Image.new("RGBA", (200, 160), (200, 30, 30, 255))
    part = Image.new("RGBA", (200, 160), (0, 0, 0, 0))
    part.paste((30, 200, 30, 255), (0, 100, 40, 140))
    anim = tmp_path / "anim.png"
    whole.save(anim, save_all=True, append_images=[part], duration=100, disposal=1, blend=0)
    answer = quick("label", anim, "-o", tmp_path / "out.png", "--text", "ai")

    if answer.code == 0:  # Pillow has written the second frame whole: then it has a label, too
        with Image.open(tmp_path / "out.png") as made:
            made.seek(1)
            assert np_alpha(made) == 255
    else:
        assert "in frame 2" in answer.stderr
        assert not (tmp_path / "out.png").exists()


def np_alpha(image: Image.Image) -> int:
    return int(image.convert("RGBA").getpixel((170, 22))[3])  # type: ignore[index]
