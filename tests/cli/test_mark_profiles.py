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
from tests.identities import IDENTITY_KEY
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


def test_a_credit_that_a_profile_requires_is_that_of_the_file(
    quick: Run, home: Path, tmp_path: Path
) -> None:
    profile, told, out = tmp_path / "desk.toml", tmp_path / "told.jpg", tmp_path / "out.jpg"
    profile.write_text(
        'profile = 1\nname = "desk"\ntitle = "Desk"\n[[need]]\nfact = "credit"\n'
        'places = ["metadata"]\nclause = "3"\nasks = "the credit line"\nmark = "T"\nsource = "desk"'
    )
    options = (*OPTIONS, "--no-watermark", "-q", "--profile", profile)
    answer = mark(quick, home, PHOTO, out, *options)
    assert answer.code == 40
    assert "desk, 3: the credit line: nothing was declared" in answer.stderr
    quick("metadata", "write", PHOTO, "-o", told, "--set", "Credit=Example Press")
    assert mark(quick, home, told, out, *options).code == 0
    assert quick("lint", out, "--profile", profile, "-q").code == 0


def test_a_format_without_the_place_is_no_matter_of_options(
    quick: Run, home: Path, tmp_path: Path
) -> None:
    always = (*OPTIONS, "--no-watermark", "-q", "--profile", "iptc-2025.1")
    answer = mark(quick, home, MEDIA / "scene.bmp", tmp_path / "out.bmp", *always)
    assert answer.code == 40
    assert "the metadata of image/bmp is not written" in answer.stderr
    assert "name --" not in answer.stderr


def test_what_cannot_be_labelled_is_refused_and_a_parent_is_not_called_left_out(
    quick: Run, home: Path, tmp_path: Path
) -> None:
    always = (*OPTIONS, "--no-watermark", "--label", "ai")
    answer = mark(quick, home, MEDIA / "drawing.svg", tmp_path / "out.svg", *always)
    assert answer.code == 40
    assert "cannot label" in answer.stderr
    signed, out = tmp_path / "signed.jpg", tmp_path / "out.jpg"
    quick("sign", PHOTO, "-o", signed, "--key", KEY, "--no-soft-binding", *OPTIONS)
    answer = mark(quick, home, signed, out, *always)
    assert answer.code == 0, answer.stderr
    assert "left out" not in answer.stderr
    assert quick("inspect", out, "-f", "json").json()["tree"]["ingredients"]


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


def test_a_label_and_an_exemption_from_it_do_not_go_together(
    quick: Run, home: Path, tmp_path: Path
) -> None:
    exempt = ("--editorial-exemption", "satire", "--reviewed-by", "A B", "-q")
    answer = mark(quick, home, PHOTO, tmp_path / "a.jpg", *OPTIONS, *exempt, "--label", "ai")
    assert answer.code == 2
    assert "--editorial-exemption" in answer.stderr
    assert list(tmp_path.iterdir()) == []


def test_house_rules_know_who_stands_by_it_from_the_template_too(
    quick: Run, home: Path, tmp_path: Path
) -> None:
    template, rules = tmp_path / "house.toml", tmp_path / "rules.toml"
    template.write_text(f'template = 1\nidentity_key = "{IDENTITY_KEY}"\n')
    rules.write_text(
        'rules = 1\nname = "desk"\notherwise = "refuse"\n[[rule]]\ndecision = "allow"\n'
        'when.has_identity = true\nwhy = "somebody stands by it"\n'
    )
    options = (*OPTIONS, "--no-watermark", "-q", "--rules", rules)
    answer = mark(quick, home, PHOTO, tmp_path / "a.jpg", *options)
    assert answer.code == 40
    answer = mark(quick, home, PHOTO, tmp_path / "a.jpg", *options, "--template", template)
    assert answer.code == 0, answer.stderr


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
