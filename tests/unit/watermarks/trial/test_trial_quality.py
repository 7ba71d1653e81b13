"""PSNR and SSIM against their formulas, written out."""

from __future__ import annotations

import math

import numpy as np
import pytest

from trustkit.watermarks.trial import quality
from trustkit.watermarks.trial.distortions import Picture


@pytest.fixture(scope="module")
def pair() -> tuple[Picture, Picture]:
    chance = np.random.default_rng(3)
    one = chance.integers(0, 256, (40, 30, 3), np.uint8)
    one[5:25, 5:20] //= 4
    other = np.clip(one.astype(int) + chance.integers(-9, 10, one.shape), 0, 255)
    return one, other.astype(np.uint8)


def test_pictures_of_other_shapes_are_refused(pair: tuple[Picture, Picture]) -> None:
    one, other = pair

    with pytest.raises(ValueError, match="one shape"):
        quality.psnr(one, other[1:])
    with pytest.raises(ValueError, match="one shape"):
        quality.ssim(one, other.astype(np.float32))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="11 pixels"):
        quality.ssim(one[:10], other[:10])


def test_psnr_is_its_formula(pair: tuple[Picture, Picture]) -> None:
    one, other = pair
    squares = ((one.astype(float) - other) ** 2).mean()

    assert quality.psnr(one, other) == pytest.approx(10 * math.log10(255**2 / squares), abs=1e-9)
    assert quality.psnr(one, one) == math.inf
    assert quality.psnr(np.zeros((9, 9), np.uint8), np.full((9, 9), 255, np.uint8)) == 0


def test_ssim_is_the_formula_of_wang_and_others(pair: tuple[Picture, Picture]) -> None:
    a, b = (p.astype(float) @ (0.299, 0.587, 0.114) for p in pair)
    ramp = np.exp(-(np.arange(-5.0, 6) ** 2) / (2 * 1.5**2))
    window = np.outer(ramp, ramp) / ramp.sum() ** 2
    values = []
    for y in range(40 - 10):
        for x in range(30 - 10):
            u, v = a[y : y + 11, x : x + 11], b[y : y + 11, x : x + 11]
            mu, mv = (window * u).sum(), (window * v).sum()
            vu, vv = (window * (u - mu) ** 2).sum(), (window * (v - mv) ** 2).sum()
            both = (window * (u - mu) * (v - mv)).sum()
            c1, c2 = 6.5025, 58.5225
            light = (2 * mu * mv + c1) / (mu**2 + mv**2 + c1)
            values.append(light * (2 * both + c2) / (vu + vv + c2))

    assert quality.ssim(*pair) == pytest.approx(float(np.mean(values)), abs=1e-6)
    assert quality.ssim(pair[0], pair[0]) == pytest.approx(1, abs=1e-12)


def test_strips_change_nothing(
    pair: tuple[Picture, Picture], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = quality.psnr(*pair), quality.ssim(*pair)
    for rows in (1, 7, 30):
        monkeypatch.setattr(quality, "_ROWS", rows)
        assert quality.psnr(*pair) == pytest.approx(whole[0], abs=1e-9)
        assert quality.ssim(*pair) == pytest.approx(whole[1], abs=1e-9)
