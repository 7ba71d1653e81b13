"""People and rights in a manifest: who agreed, by what licence, and who answers for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.command import AI, KEY, MEDIA
from tests.conftest import Run, Verify

PHOTO = MEDIA / "scene.jpg"
VOICE = "voice,reference=contract 2026-17,who=A Speaker,date=2026-11-01"


def said(quick: Run, file: Path, label: str) -> list[Any]:
    tree = quick("inspect", file, "-f", "json").json()["tree"]
    return [one["data"] for one in tree["assertions"] if one["label"] == label]


def sign(quick: Run, target: Path, *options: str, source: Path = PHOTO) -> Any:
    fixed = ("--key", KEY, *AI, "--no-soft-binding", "-q")
    return quick("sign", source, "-o", target, *fixed, *options)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--consent", "voice"), "where is the agreement kept?"),
        (("--consent", "name,reference=1"), "'name' is none of voice, face, likeness"),
        (("--consent", "voice,reference=1,by=X"), "'by=X' is no part of it"),
        (("--consent", "voice,reference=1,reference=2"), "'reference=2' is no part of it"),
        (("--consent", "voice,reference="), "is no part of it"),
        (("--consent", "voice,reference=1,date=1 May"), "'1 May' is no date"),
        (("--consent", "face,reference=" + "x" * 2001), "2,001 characters"),
        (("--licence", " "), "names no licence"),
        (("--licence", "x" * 2001), "2,001 characters"),
        (("--editorial-exemption", "satire"), "needs a person who answers for it"),
    ],
)
def test_what_is_not_well_said_is_refused(
    quick: Run, tmp_path: Path, options: tuple[str, ...], told: str
) -> None:
    answer = sign(quick, tmp_path / "out.jpg", *options)
    assert answer.code == 2
    assert told in answer.stderr
    assert not (tmp_path / "out.jpg").exists()


def test_what_was_given_is_in_the_manifest_and_nothing_else_about_anybody(
    quick: Run, verify: Verify, tmp_path: Path
) -> None:
    out = tmp_path / "out.jpg"
    options = ("--consent", VOICE, "--consent", "face,reference=form 3")
    options += ("--licence", "https://example.org/a,b,of=music", "--licence", "4711")
    answer = sign(quick, out, *options, "--editorial-exemption", "satire", "--reviewed-by", "A B")
    assert answer.code == 0, answer.stderr
    assert verify(out)["out.jpg"]["axes"]["integrity"] == "intact"
    assert said(quick, out, "org.trustkit.consent") == [
        {
            "consents": [
                {
                    "of": "voice",
                    "reference": "contract 2026-17",
                    "who": "A Speaker",
                    "date": "2026-11-01",
                },
                {"of": "face", "reference": "form 3"},
            ]
        }
    ]
    assert said(quick, out, "org.trustkit.licence") == [
        {
            "licences": [
                {"reference": "https://example.org/a,b", "of": "music"},
                {"reference": "4711"},
            ]
        }
    ]
    assert said(quick, out, "org.trustkit.editorial") == [
        {"label_exempt": "satire", "reviewed_by": "A B"}
    ]


def test_nothing_is_said_of_people_unless_it_was_given(quick: Run, tmp_path: Path) -> None:
    out = tmp_path / "out.jpg"
    assert sign(quick, out).code == 0
    for label in ("org.trustkit.consent", "org.trustkit.licence", "org.trustkit.editorial"):
        assert said(quick, out, label) == []


def test_a_template_says_what_a_house_always_says_and_no_reviewer(
    quick: Run, tmp_path: Path
) -> None:
    house, out = tmp_path / "house.toml", tmp_path / "out.jpg"
    house.write_text(
        'template = 1\neditorial_exemption = "satire"\n[[consent]]\nof = "voice"\n'
        'reference = "contract 1, annex"\n[[licence]]\nreference = "4711"\n'
    )
    assert sign(quick, out, "--template", str(house)).code == 2  # and who answers for it?
    options = ("--template", str(house), "--reviewed-by", "A B", "--consent", "face,reference=2")
    assert sign(quick, out, *options).code == 0
    (consent,) = said(quick, out, "org.trustkit.consent")
    assert [one["reference"] for one in consent["consents"]] == ["contract 1, annex", "2"]
    for slip in ('[[consent]]\nof = "name"\nreference = "1"', '[[consent]]\nof = "voice"'):
        house.write_text(f"template = 1\n{slip}\n")
        assert sign(quick, out, "--template", str(house)).code == 33


def test_the_preset_for_what_is_personal_takes_people_out_and_leaves_licences(
    quick: Run, verify: Verify, tmp_path: Path
) -> None:
    out, clean = tmp_path / "out.jpg", tmp_path / "clean.jpg"
    options = ("--consent", VOICE, "--licence", "4711", "--reviewed-by", "A B")
    assert sign(quick, out, *options).code == 0
    answer = quick(
        *("redact", out, "-o", clean, "--preset", "personal", "--reason", "c2pa.PII.present"),
        *("--key", KEY, "-q"),
    )
    assert answer.code == 0, answer.stderr
    assert verify(clean)["clean.jpg"]["axes"]["integrity"] == "intact"
    told = quick("inspect", clean, "-f", "json").stdout
    assert "A Speaker" not in told
    assert "A B" not in told
    assert "4711" in told
    assert b"A Speaker" not in clean.read_bytes()
