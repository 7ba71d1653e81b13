"""The forty attacks are what they are called, and the same every time."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from trustkit.errors import UsageError
from trustkit.watermarks.trial.attacks import (
    ATTACKS,
    EXTRA,
    FORTY,
    FORTY_COUNT,
    Attack,
    choose,
    generator,
)
from trustkit.watermarks.trial.distortions import Picture

NAMES = (
    "none jpeg90 jpeg70 jpeg50 jpeg30 webp80 webp50 avif50 rs.75 rs.5 rs.25 rsb.75 rsb.5 rsb.25 "
    "cc90 cc75 cc50 cc25 rc75 rc50 rot1 rot5 rot15 rot90 hflip bri1.3 con1.4 gam1.5 sat1.5 gray "
    "blur1 blur2 noise5 noise10 median3 median5 screenshot social text perspPS"
)
BY_NAME = {attack.name: attack for attack in ATTACKS}


@pytest.fixture(scope="module")
def picture() -> Picture:
    """Soft colours with an edge and some grain: 240 by 160."""
    y, x = np.mgrid[0:160, 0:240]
    rgb = np.stack([x, y + 40, 255 - x], axis=2).astype(np.float64)
    rgb[40:90, 60:150] = (200, 60, 40)
    rgb += np.random.default_rng(7).normal(0, 6, rgb.shape)
    return np.clip(rgb, 0, 255).astype(np.uint8)


def done(name: str, picture: Picture, seed: int = 1) -> Picture:
    return BY_NAME[name].apply(picture, generator(seed, "a.png", name))


def test_the_forty_are_those_that_were_published() -> None:
    assert " ".join(attack.name for attack in ATTACKS if attack.group == FORTY) == NAMES
    assert len(NAMES.split()) == FORTY_COUNT == 40
    assert {attack.group for attack in ATTACKS} == {FORTY, EXTRA}
    assert len({attack.name for attack in ATTACKS}) == len(ATTACKS)
    assert all(attack.sentence for attack in ATTACKS)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_an_attack_repeats_itself_and_leaves_its_picture_alone(
    attack: Attack, picture: Picture
) -> None:
    if why := attack.missing():
        pytest.skip(why)
    before = picture.copy()
    sent = pickle.loads(pickle.dumps(attack))  # noqa: S301  # as worker processes get it

    one = attack.apply(picture, generator(1, "a.png", attack.name))
    other = sent.apply(picture, generator(1, "a.png", attack.name))

    assert np.array_equal(one, other)
    assert np.array_equal(picture, before)
    assert not np.shares_memory(one, picture)
    assert one.dtype == np.uint8
    assert one.shape[2:] == (3,)
    if attack.name not in {"none", "remark"}:
        assert one.shape != picture.shape or not np.array_equal(one, picture)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_an_attack_takes_the_smallest_picture_of_a_trial(attack: Attack) -> None:
    if why := attack.missing():
        pytest.skip(why)
    tiny = np.full((32, 33, 3), 90, np.uint8)

    assert attack.apply(tiny, generator(1, "a.png", attack.name)).size > 0


@pytest.mark.parametrize("name", ["rc75", "rc50", "noise5", "text", "perspPS", "warp", "border"])
def test_chance_depends_on_the_seed(name: str, picture: Picture) -> None:
    assert not np.array_equal(done(name, picture, 1), done(name, picture, 2))


def test_chance_depends_on_picture_and_attack_and_on_no_machine() -> None:
    draws = {
        generator(seed, picture, attack).integers(2**60)
        for seed, picture, attack in [(1, "a", "b"), (1, "b", "a"), (1, "a", "c"), (2, "a", "b")]
    }

    assert len(draws) == 4
    assert generator(1, "a.png", "rc50").bytes(8).hex() == "f8d71fa2c35382b1"


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("rs.75", (120, 180)),
        ("rs.5", (80, 120)),
        ("rs.25", (40, 60)),
        ("rsb.25", (160, 240)),
        ("cc90", (152, 228)),
        ("cc75", (139, 208)),
        ("cc50", (113, 170)),
        ("cc25", (80, 120)),
        ("cc10", (51, 76)),
        ("rc50", (113, 170)),
        ("rot15", (160, 240)),
        ("rot90", (240, 160)),
        ("screenshot", (86, 129)),
        ("social", (160, 240)),
        ("squeeze.85", (160, 204)),
        ("up2", (320, 480)),
        ("border", (146, 218)),
    ],
)
def test_sizes_are_those_of_the_definitions(
    name: str, size: tuple[int, int], picture: Picture
) -> None:
    assert done(name, picture).shape[:2] == size


def test_social_brings_the_longest_side_to_1080() -> None:
    assert done("social", np.full((1500, 2160, 3), 7, np.uint8)).shape == (750, 1080, 3)


def test_crops_are_the_middle_or_any_part(picture: Picture) -> None:
    assert np.array_equal(done("cc25", picture), picture[40:120, 60:180])

    part = done("rc50", picture)
    places = [
        (y, x)
        for y in range(160 - 113 + 1)
        for x in range(240 - 170 + 1)
        if np.array_equal(picture[y : y + 113, x : x + 170], part)
    ]
    assert len(places) == 1


def test_tones_follow_their_formulas(picture: Picture) -> None:
    value = picture.astype(np.float64)
    wanted = {
        "bri1.3": value * 1.3,
        "con1.4": (value - 128) * 1.4 + 128,
        "gam1.5": 255 * (value / 255) ** 1.5,
    }

    for name, exact in wanted.items():
        assert np.abs(done(name, picture) - np.clip(exact, 0, 255)).max() <= 0.5


def test_gray_saturation_mirror_and_turn(picture: Picture) -> None:
    grey, more = done("gray", picture), done("sat1.5", picture)

    assert (grey[..., 0] == grey[..., 1]).all()
    assert (grey[..., 0] == grey[..., 2]).all()
    spread = np.ptp(picture.astype(int), axis=2).mean()
    assert np.ptp(more.astype(int), axis=2).mean() > 1.1 * spread
    assert np.array_equal(done("hflip", picture)[:, 0], picture[:, -1])
    assert np.array_equal(done("rot90", picture)[0], picture[:, -1])


def test_rotation_is_counter_clockwise_about_the_middle_with_black_corners() -> None:
    white = np.full((101, 201, 3), 255, np.uint8)
    white[50, 150:] = 0  # a line to the right

    turned = done("rot15", white)

    assert (turned[0, 0] == 0).all()
    assert (turned[-1, -1] == 0).all()
    right = 50 - round(70 * np.sin(np.radians(15)))  # where 70 px to the right has gone: up
    column = 100 + round(70 * np.cos(np.radians(15)))
    assert turned[right, column].max() < 200
    assert turned[50, 170].min() == 255


def test_noise_has_the_strength_in_its_name() -> None:
    grey = np.full((400, 400, 3), 128, np.uint8)

    for name, sigma in (("noise5", 5), ("noise10", 10)):
        noise = done(name, grey).astype(float) - 128
        assert noise.std() == pytest.approx(sigma, rel=0.02)
        assert abs(noise.mean()) < 0.1


def test_text_covers_the_lower_18_per_cent_and_little_else(picture: Picture) -> None:
    out = done("text", picture)
    changed = (out != picture).any(axis=2)

    assert changed[131:].mean() > 0.9
    assert (out[131:] == 0).all(axis=2).mean() > 0.6
    assert out[131:].max() == 255
    radius = round(0.045 * 240)
    assert 2.5 * radius**2 < changed[:131].sum() < 3.6 * (radius + 1) ** 2


def test_lower_quality_keeps_less(picture: Picture) -> None:
    def lost(name: str) -> float:
        return float(np.square(done(name, picture).astype(float) - picture).mean())

    errors = [lost(name) for name in ("jpeg90", "jpeg70", "jpeg50", "jpeg30", "jpeg15")]
    assert errors == sorted(errors)
    assert lost("webp50") > lost("webp80")
    assert lost("avif20") > lost("avif50")


def test_jpeg_halves_the_colour() -> None:
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = (200, 0, 0)
    stripes[:, 1::2] = (0, 102, 0)  # of the same luma: what is left is colour alone

    out = done("jpeg90", stripes).astype(int)

    assert np.abs(np.diff(out[..., 0], axis=1)).mean() < 40  # it was 200


def test_posterise_and_halftone_leave_few_values(picture: Picture) -> None:
    assert len(np.unique(done("posterise", picture))) == 8
    flat = done("halftone", np.full((160, 160, 3), 100, np.uint8))
    assert flat[8:-8, 8:-8].mean() == pytest.approx(100, abs=4)
    assert flat.std() > 40


def test_a_missing_encoder_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("PIL.features.check", lambda _: False)
    monkeypatch.setattr("trustkit.watermarks.trial.attacks.find_spec", lambda _: None)

    why = {attack.name: attack.missing() for attack in ATTACKS if attack.missing()}

    assert set(why) == {"webp80", "webp50", "avif50", "avif20", "jxl30"}
    assert why["jxl30"] == "pillow-jxl-plugin is not installed"


def test_attacks_are_chosen_by_name_or_group_and_strangers_refused() -> None:
    with pytest.raises(UsageError, match="no attack named 'jpg30'") as caught:
        choose(["jpeg30", "jpg30"])

    assert "jpeg30" in caught.value.hint
    assert choose([]) == ATTACKS
    assert [attack.name for attack in choose(["hflip", "none"])] == ["none", "hflip"]
    assert len(choose([FORTY])) == 40
    assert len(choose([EXTRA, "none"])) == len(ATTACKS) - 39
