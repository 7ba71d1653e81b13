"""The pages on profiles and house rules list what the code has, no more, no less."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.test_docs import keys, section, text
from trustkit.houserules.files import RulesFile
from trustkit.profiles import FACTS, KINDS, load_profile, shipped

ROW = re.compile(r"^\| ([^|]+) \| ([^|]+) \| ([^|]+) \| [^|]+ \| \[([TSWU])\] \|$", re.MULTILINE)


@pytest.mark.parametrize("name", shipped())
def test_the_page_has_every_need_with_its_level_and_how_well_it_is_known(name: str) -> None:
    shown = {
        (fact.strip().replace(" ", "_"), place.strip(), re.split(r"[ ,:]", level.strip())[0], mark)
        for facts, places, level, mark in ROW.findall(section("profiles.md", f"`{name}`"))
        for fact in facts.split(",")
        for place in places.split(";")
    }
    profile = load_profile(name)
    assert shown == {(n.fact, n.place.value, n.level.value, n.mark) for n in profile.needs}
    assert name in section("cli.md", "trustkit lint")
    for part in profile.unverified:
        # In the page's words, so only that there is such a paragraph is checked.
        assert part
    if name != "iptc-2025.1":
        assert "Not verified [U]" in section("profiles.md", f"`{name}`")


def test_the_page_lists_every_fact_of_every_place() -> None:
    table = section("profiles.md", "A profile of your own")
    for place, facts in FACTS.items():
        assert f"| `{place}` | {', '.join(facts)} |" in table
    assert all(kind in table for kind in KINDS)


def test_every_key_of_house_rules_is_documented() -> None:
    assert set(keys(RulesFile)) == set(
        re.findall(r"^\| `([\w.]+)` \|", section("houserules.md", "Every key"), re.MULTILINE)
    )


def test_the_shipped_files_stand_in_the_package() -> None:
    folder = Path(__file__).resolve().parents[2] / "trustkit" / "profiles"
    assert {path.stem for path in folder.glob("*.toml")} == set(shipped())
    assert "no statement of compliance" in text("profiles.md")
