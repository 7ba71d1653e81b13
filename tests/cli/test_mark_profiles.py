"""`trustkit mark --profile --rules`: what a profile asks for is written, or nothing is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.command import KEY, MEDIA
from tests.conftest import Run
from tests.disclosed import ALL, OPTIONS
from tests.tsa import LocalTsa

PHOTO = MEDIA / "scene.jpg"
BESIDE = {".bmp", ".aac", ".aiff", ".ogg", ".opus", ".mkv", ".webm"}  # whose manifest is a sidecar
EMBEDS = [path for path in sorted(MEDIA.iterdir()) if path.suffix not in BESIDE]
RULES = """
rules = 1
name = "newsroom"
otherwise = "allow"
[[rule]]
decision = "refuse"
when.origin = ["declared_ai"]
when.lacks = ["iptc-2025.1"]
why = "what a model made says so to photo desks"
[[rule]]
decision = "review"
when.origin = ["declared_ai"]
why = "a person looks at what a model made"
"""


@pytest.fixture(scope="module")
def authority() -> Iterator[str]:
    with LocalTsa() as tsa:
        yield tsa.url


def mark(quick: Run, home: Path, source: Path, out: Path, *options: object) -> Any:
    env = {"TRUSTKIT_HOME": str(home / "mark-profiles")}
    return quick("mark", source, "-o", out, "--key", KEY, *options, env=env)


def test_what_a_profile_requires_and_nobody_declared_stops_it_before_anything_is_written(
    quick: Run, home: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.jpg"
    declared = ("--source-type", "trainedAlgorithmicMedia", "--no-watermark", "-q")
    answer = mark(quick, home, PHOTO, out, *declared, "--profile", "iptc-2025.1")
    assert answer.code == 40
    assert "iptc-2025.1, Iptc4xmpExt:AISystemUsed" in answer.stderr
    assert "--system" in answer.stderr
    answer = mark(quick, home, PHOTO, out, *OPTIONS, "-q", "--profile", "eu-code")
    assert answer.code == 40
    assert "time stamp" in answer.stderr
    assert list(tmp_path.iterdir()) == []


def test_house_rules_refuse_ask_for_a_person_and_write_down_who_it_was(
    quick: Run, home: Path, tmp_path: Path
) -> None:
    rules, out = tmp_path / "rules.toml", tmp_path / "out.jpg"
    rules.write_text(RULES)
    always = (*OPTIONS, "--no-watermark", "-q", "--rules", rules)
    answer = mark(quick, home, PHOTO, out, *always, "--reviewed-by", "A B")
    assert answer.code == 40
    assert "refuse it (rule 1 of newsroom)" in answer.stderr
    held = (*always, "--profile", "iptc-2025.1")
    answer = mark(quick, home, PHOTO, out, *held)
    assert answer.code == 40
    assert "--reviewed-by" in answer.stderr
    assert not out.exists()
    answer = mark(quick, home, PHOTO, out, *held, "--reviewed-by", "A B")
    assert answer.code == 0, answer.stderr
    tree = quick("inspect", out, "-f", "json").json()["tree"]
    (told,) = (a["data"] for a in tree["assertions"] if a["label"] == "org.trustkit.editorial")
    review = "rule 2 of newsroom: a person looks at what a model made"
    assert told == {"review": review, "reviewed_by": "A B"}


def test_after_mark_with_all_four_profiles_lint_finds_nothing_in_any_format(
    quick: Run, home: Path, verify: Any, tmp_path: Path, authority: str
) -> None:
    sources, out = tmp_path / "in", tmp_path / "out"
    sources.mkdir()
    out.mkdir()
    for path in EMBEDS:
        (sources / path.name).symlink_to(path)
    # A lossy copy of 240 pixels holds a mark only sometimes; one of 720 does.
    (sources / "scene.webp").unlink()
    with Image.open(MEDIA / "scene.png") as image:
        image.resize((720, 480)).save(sources / "scene.webp", quality=90)
    options = (*OPTIONS, "--tsa", authority, "--profile", ALL, "--allow-weak", "-r", "-q")
    answer = mark(quick, home, sources, out, *options)
    assert answer.code == 0, answer.stderr
    made = sorted(out.iterdir())
    assert [path.name for path in made] == [path.name for path in EMBEDS]
    for row in quick("lint", *made, "--profile", ALL, "-f", "jsonl", "-q").rows():
        bad = [c for c in row["checks"] if c["fails"] or c["open"]]
        assert bad == [], row["path"]
    for name, row in verify(*made).items():
        assert row["axes"]["integrity"] == "intact", name
