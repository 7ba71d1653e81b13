"""Profiles as files: read strictly, and what the shipped ones promise."""

from __future__ import annotations

from pathlib import Path

import pytest

from trustkit.errors import ConfigError
from trustkit.profiles import KINDS, Level, Place, load_profile, load_profiles, shipped

GOOD = """
profile = 1
name = "house"
title = "Ours"
[[need]]
fact = "credit"
places = ["metadata"]
when = "always"
clause = "1"
asks = "the credit line"
mark = "T"
source = "https://example.org/"
"""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('mark = "T"', 'mark = "T"\nmarc = "T"', "unknown key need.0.marc"),
        ("profile = 1", "profile = 2", "profile"),
        ("profile = 1", "", "profile"),
        ('name = "house"', 'name = "House rules"', "name"),
        ('"metadata"', '"xmp"', "need.0.places"),
        ('"metadata"', '"watermark"', "'credit' cannot stand in watermark"),
        ('fact = "credit"', 'fact = "credits"', "'credits' cannot stand in metadata"),
        ('mark = "T"', 'mark = "V"', "need.0.mark"),
        ('clause = "1"', 'clause = ""', "need.0.clause"),
        ('source = "https://example.org/"', "", "need.0.source"),
        ('places = ["metadata"]', "places = []", "need.0.places"),
        ('clause = "1"', 'clause = "1"\nlevel = "conditional"', "a condition goes with"),
        ('clause = "1"', 'clause = "1"\ncondition = "rain"', "a condition goes with"),
        ('clause = "1"', "clause = 1 1", "not TOML"),
        ("profile = 1", "profile = 1\nx = " + "[" * 3000, "not TOML"),
    ],
)
def test_a_profile_with_a_slip_is_refused(tmp_path: Path, old: str, new: str, said: str) -> None:
    file = tmp_path / "house.toml"
    file.write_text(GOOD.replace(old, new, 1))
    with pytest.raises(ConfigError, match=said) as refused:
        load_profile(str(file))
    assert refused.value.exit_code == 33
    assert refused.value.hint


def test_a_profile_that_is_not_there_names_those_that_are() -> None:
    with pytest.raises(ConfigError, match="no profile 'eu-cod'") as refused:
        load_profiles(["eu-code,eu-cod"])
    assert "eu-code" in refused.value.hint
    with pytest.raises(ConfigError, match="no profile is named"):
        load_profiles([" , "])


def test_a_huge_profile_and_two_of_one_name_are_refused(tmp_path: Path) -> None:
    huge, other = tmp_path / "huge.toml", tmp_path / "other.toml"
    huge.write_text(GOOD + "#" * 2**18)
    with pytest.raises(ConfigError, match="larger than"):
        load_profile(str(huge))
    other.write_text(GOOD.replace("house", "eu-code"))
    with pytest.raises(ConfigError, match="two profiles have one name"):
        load_profiles(["eu-code", str(other)])


def test_a_profile_of_ones_own_is_read(tmp_path: Path) -> None:
    file = tmp_path / "house.toml"
    file.write_text(GOOD)
    house, eu = load_profiles([f"{file},eu-code", "eu-code"])
    assert (house.name, eu.name) == ("house", "eu-code")
    (need,) = house.needs
    assert need.level is Level.REQUIRED
    assert need.place is Place.METADATA
    assert house.of("document") == ()


@pytest.mark.parametrize("name", shipped())
def test_a_shipped_profile_says_of_every_need_where_it_was_read_and_what_is_unverified(
    name: str,
) -> None:
    profile = load_profile(name)
    assert profile.unverified
    assert profile.name == name
    for need in profile.needs:
        assert need.source.startswith("https://"), need
        assert set(need.kinds) <= set(KINDS)
        assert need.mark in "TSWU"
    assert {need.level for need in profile.needs} >= {Level.REQUIRED}


def test_the_four_profiles_are_shipped() -> None:
    assert shipped() == ["ca-sb942", "cn-gb45438", "eu-code", "iptc-2025.1"]
