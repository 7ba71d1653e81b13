"""Our codes are those that others compute: ISCC's, Chromaprint's and PDQ's."""

from __future__ import annotations

import json
import shutil
import subprocess
import wave
from dataclasses import replace
from pathlib import Path

import iscc_lib
import numpy as np
import pytest
from PIL import Image, ImageChops

from tests.command import MEDIA
from tests.marks import picture, texture
from trustkit.asset import open_asset
from trustkit.fingerprints import iscc
from trustkit.fingerprints.chroma import RATE, raw_vector
from trustkit.fingerprints.files import codes_of, iscc_text
from trustkit.fingerprints.lie import Spot, agree, lie_of, read_spot
from trustkit.fingerprints.odds import chance, false_match_odds
from trustkit.fingerprints.pdq import TURNS, Pdq
from trustkit.record import Code
from trustkit.watermarks.trial.sound_bed import bed


def prepared(path: Path) -> str:
    """ISO 24138's preparation as its authors wrote it down: all steps, whether needed or not."""
    with Image.open(path) as image:
        whole = image.convert("RGBA")
    flat = Image.alpha_composite(Image.new("RGBA", whole.size, (255, 255, 255)), whole)
    ground = Image.new(flat.mode, flat.size, flat.getpixel((0, 0)))
    differing = ImageChops.difference(flat, ground)
    box = ImageChops.add(differing, differing).convert("RGB").getbbox()
    small = flat.crop(box).convert("L").resize((32, 32), Image.Resampling.BICUBIC)
    return str(iscc_lib.gen_image_code_v0(small.tobytes(), 256)["iscc"])


@pytest.mark.parametrize("name", ["scene.jpg", "scene-alpha.png", "page.png", "noise.png"])
def test_the_image_code_is_that_of_the_standards_preparation(name: str) -> None:
    assert iscc_text(open_asset(MEDIA / name)) == prepared(MEDIA / name)


def test_a_border_in_one_colour_is_cut_off(tmp_path: Path) -> None:
    plain, framed = picture(tmp_path / "plain.png"), tmp_path / "framed.png"
    with Image.open(plain) as image:
        made = Image.new("RGB", (image.width + 90, image.height + 50), (20, 200, 20))
        made.paste(image, (30, 40))
        made.save(framed)

    assert iscc_text(open_asset(framed)) == prepared(framed) == iscc_text(open_asset(plain))


def test_what_is_stored_is_the_code_that_a_manifest_names(tmp_path: Path) -> None:
    asset = open_asset(picture(tmp_path / "picture.jpg"))
    text = iscc_text(asset)
    assert text is not None

    whole = codes_of(asset)[0]

    assert iscc.codes_in(iscc.value(text)) == (Code(iscc.NAME, whole.bits),)


def test_units_of_other_kinds_are_passed_over() -> None:
    # IEP-0020, test vector 2: Content-Codes of 64 and 128 bits, then a Data-Code.
    content = bytes.fromhex(
        "21018c3585376ee22d5a22039f07f3ff9e0061ff3ef7cbffffef37ff300705b41f3472493225d27edcbdb6323684"
        "6a53ee28deca5e3561acc0c9bbdf81b5"
    )

    assert iscc.codes_in(content) == ()


@pytest.mark.parametrize(
    "hexed",
    [
        "",
        "28000100000000",  # a header padded with what is no zero
        "200800" + "00" * 36,  # a length beyond 7
        "3000000000",  # a body that is cut off
        "30000000000000",  # a byte too much
        "5005578c7c8fbfbdb58fa88248c53a852c8d05b41f3472493225a522af4a2c9cbf6a",  # an ISCC-CODE
        "60100000000000000000",  # an ISCC-ID
    ],
)
def test_what_iep_0020_rejects_is_rejected(hexed: str) -> None:
    with pytest.raises(ValueError, match="ISCC"):
        iscc.codes_in(bytes.fromhex(hexed))


@pytest.mark.skipif(not shutil.which("fpcalc"), reason="fpcalc is not installed")
@pytest.mark.parametrize("seed", [1, 2])
def test_the_sound_is_fingerprinted_as_fpcalc_does(seed: int, tmp_path: Path) -> None:
    samples = bed(14.0, RATE, np.random.default_rng(seed))[0]
    whole = np.rint(samples / np.abs(samples).max() * 20_000).astype("<i2")
    path = tmp_path / "sound.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(whole.tobytes())
    done = subprocess.run(
        ["fpcalc", "-raw", "-json", "-length", "0", path], capture_output=True, check=False
    )
    # Debian's 5.1 says 3 after a whole file: its bug 1062530.
    assert done.returncode in {0, 3}
    theirs = np.array(json.loads(done.stdout)["fingerprint"], np.uint32)

    ours = raw_vector([whole[:5000] / np.float32(32767), whole[5000:] / np.float32(32767)])

    assert len(ours) == len(theirs)
    assert np.bitwise_count(ours ^ theirs).sum() <= len(ours) // 50


def test_pdq_of_a_turned_picture_is_near_that_which_the_library_turns() -> None:
    grey = texture(300, 220)[..., 1].copy()
    turned = Pdq().dihedral(grey)

    assert set(turned) == set(TURNS)
    assert turned[""] == Pdq().compute(grey)
    quarter = Pdq().compute(np.ascontiguousarray(np.rot90(grey)))
    assert (int.from_bytes(turned["turn 90"]) ^ int.from_bytes(quarter)).bit_count() < 40


def test_a_spot_is_read_as_it_was_written() -> None:
    spot = Spot(0.25, 0.5, 0.125, 33.0, 1.0, 0.75, flip=True)

    assert read_spot(str(spot)) == spot


@pytest.mark.parametrize(
    "view",
    [
        "",
        "flip",
        "spot",
        "spot 1 2 3",
        "spot 1 2 3 4 5 six",
        "spot 1 2 0 4 5 6",
        "spot 1 2 nan 4 5 6",
    ],
)
def test_what_is_no_spot_is_none(view: str) -> None:
    assert read_spot(view) is None


def test_one_spot_tells_how_the_copy_lies() -> None:
    there = Spot(0.5, 0.4, 0.2, 10.0, 1.0, 0.8)
    # The right half of it, at its full height, so that the height is the longer side.
    here = Spot(0.0, 0.5, 0.25, 10.0, 0.625, 1.0)

    lie = lie_of((here, there))

    assert (round(lie.turn) % 360, lie.flip) == (0, False)
    assert lie.kept == pytest.approx(0.5, abs=0.01)
    assert lie.filled == pytest.approx(1.0, abs=0.01)
    assert lie.words() == ("crop to 50 %",)


@pytest.mark.parametrize("algorithm", ["iscc-image.0", "spots.1", "pdq.1", "chromaprint.1", "?"])
def test_chance_grows_with_the_distance_and_is_never_nothing(algorithm: str) -> None:
    odds = [chance(algorithm, distance) for distance in range(257)]

    assert odds == sorted(odds)
    assert 0 < odds[0] < 1e-10
    assert odds[256] == pytest.approx(1.0)


def test_the_odds_of_many_pairs_are_those_of_any_of_them() -> None:
    one = chance("spots.1", 64)

    assert false_match_odds("spots.1", 64, 1) == pytest.approx(one)
    assert false_match_odds("spots.1", 64, 1000) == pytest.approx(1000 * one, rel=0.01)
    assert false_match_odds("spots.1", 256, 10) == pytest.approx(1.0)


def moved(x: float, y: float, reach: float = 0.1, angle: float = 0.0) -> tuple[Spot, Spot]:
    """A spot of a copy at half the scale, and where it is in the picture."""
    return (
        Spot(x / 2, y / 2, reach / 2, angle, 1.0, 0.7),
        Spot(x, y, reach, angle, 1.0, 0.7),
    )


def test_two_spots_agree_only_where_both_have_the_copy_lie_alike() -> None:
    first = moved(0.4, 0.4)

    assert agree(first, moved(0.6, 0.3, 0.07, 120.0))
    assert not agree(first, first)  # the same place is no second piece of evidence
    assert not agree(first, moved(0.42, 0.4, 0.12))
    here, there = moved(0.6, 0.3)
    assert not agree(first, (replace(here, x=here.x + 0.05), there))
    assert not agree(first, (replace(here, reach=1.3 * here.reach), there))
    assert not agree(first, (replace(here, angle=25.0), there))
    assert not agree(first, (replace(here, flip=True), there))
