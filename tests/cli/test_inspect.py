"""`trustkit inspect`: what is in a manifest, and no word of what it is worth."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.command import AI, BROKEN, KEY, MEDIA
from tests.conftest import Run
from tests.manifests import flip
from tests.tsa import LocalTsa
from trustkit.policy import Decision, Word

SAID = ("--system", "Example Painter", "--system-version", "3", "--provider", "Example Lab")


@pytest.fixture(scope="module")
def picture(quick: Run, tmp_path_factory: pytest.TempPathFactory, signed_folder: Path) -> Path:
    """A picture with a broken parent, an input, a component, an edit and a time stamp."""
    folder = tmp_path_factory.mktemp("inspect")
    parent = flip(Path(shutil.copy(signed_folder / "scene.jpg", folder / "before.jpg")))
    output = folder / "after.jpg"
    parts = ("--reference", signed_folder / "scene.png", "--ingredient", MEDIA / "page.png")
    with LocalTsa() as tsa:
        answer = quick(
            "sign", parent, "-o", output, "--key", KEY, *AI, *SAID, *parts,
            "--edit", "c2pa.cropped,description=tighter", "--tsa", tsa.url,
            "--allow-broken-parent",
        )  # fmt: skip
    assert answer.code == 0, answer.stderr
    return output


def described(quick: Run, path: Path) -> dict[str, Any]:
    answer = quick("inspect", path, "--format", "json")
    assert answer.code == 0, answer.stderr
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.parametrize("name", ["not-a-picture.jpg", "empty.jpg", "missing.jpg"])
@pytest.mark.parametrize("more", [(), ("--raw",), ("--format", "json")])
def test_a_file_that_cannot_be_read_exits_30(quick: Run, name: str, more: tuple[str, ...]) -> None:
    answer = quick("inspect", BROKEN / name, *more)
    assert answer.code == 30
    if "json" in more:
        assert answer.json()["error"]["code"] == "unreadable"


def test_a_name_that_is_no_text_is_shown(run: Run, tmp_path: Path) -> None:
    odd = bytes(tmp_path) + b"/odd-\xff.jpg"
    with open(odd, "wb") as out:  # noqa: PTH123  # Path takes no bytes
        out.write((MEDIA / "scene.jpg").read_bytes())
    for more in ((), ("--format", "json")):
        answer = run("inspect", odd, *more)
        assert answer.code == 0, answer.stderr
        assert "odd-" in answer.raw.decode("utf-8")


@pytest.mark.parametrize(
    ("name", "word"), [("scene.jpg", "none"), ("clip.mkv", "not checked"), ("page.pdf", "none")]
)
def test_a_file_without_a_manifest_is_said_to_have_none(quick: Run, name: str, word: str) -> None:
    assert described(quick, MEDIA / name)["manifest"] == word
    assert f"manifest: {word}" in quick("inspect", MEDIA / name).stdout


def test_raw_of_a_file_without_a_manifest_exits_30(quick: Run) -> None:
    assert quick("inspect", MEDIA / "scene.jpg", "--raw").code == 30


def test_a_manifest_that_cannot_be_read_is_said(
    quick: Run, signed_folder: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "scene.jpg"
    broken.write_bytes((signed_folder / "scene.jpg").read_bytes().replace(b"jumb", b"jumq", 1))
    assert described(quick, broken)["manifest"] == "unreadable"


def test_nothing_is_judged(quick: Run, picture: Path) -> None:
    text = quick("inspect", picture).stdout
    judging = {*Word, *Decision} - {Word.ERROR, Word.TRUSTED}
    assert not any(f"{word}" in text.split() for word in judging)
    assert "no verdict" in text


def test_json_holds_who_made_what_of_which(quick: Run, picture: Path) -> None:
    found = described(quick, picture)
    tree = found["tree"]
    roles = [certificate["role"] for certificate in tree["certificates"]]

    assert (found["manifest"], found["media"]["type"]) == ("embedded", "image/jpeg")
    assert (found["media"]["width"], found["media"]["height"]) > (0, 0)
    assert tree["claim_version"] == 2
    assert tree["claim_generator"].startswith("trustkit ")
    assert roles == ["signer", "signer", "time stamp"]
    assert [action["action"] for action in tree["actions"]] == [
        "c2pa.opened", "c2pa.placed", "c2pa.cropped", "c2pa.edited",
    ]  # fmt: skip
    assert {code["code"] for code in tree["validation"]} >= {
        "claimSignature.validated", "assertion.dataHash.match", "timeStamp.validated",
    }  # fmt: skip


def test_a_failure_recorded_at_signing_is_shown_with_its_ingredient(
    quick: Run, picture: Path
) -> None:
    parts = {
        part["relationship"]: part for part in described(quick, picture)["tree"]["ingredients"]
    }
    assert set(parts) == {"parentOf", "componentOf", "inputTo"}
    recorded = [code["code"] for code in parts["parentOf"]["recorded_failures"]]
    assert "assertion.dataHash.mismatch" in recorded
    assert parts["inputTo"]["manifest"]["label"].startswith("urn:c2pa:")
    assert parts["componentOf"]["manifest"] is None
    assert (
        "recorded at signing: FAIL  assertion.dataHash.mismatch" in quick("inspect", picture).stdout
    )


def test_text_tells_the_same_story(quick: Run, picture: Path) -> None:
    text = quick("inspect", picture).stdout
    for told in (
        "trustkit TEST ONLY signer es256", "c2pa.cropped", "tighter", "Example Painter 3",
        "trainedAlgorithmicMedia", "provider: Example Lab", "parentOf: before.jpg",
        "inputTo: scene.png", "componentOf: page.png", "claimSignature.validated",
    ):  # fmt: skip
        assert told in text, told


def test_a_sidecar_is_inspected_with_its_file(quick: Run, signed_folder: Path) -> None:
    found = described(quick, signed_folder / "scene.bmp")
    assert (found["manifest"], found["tree"]["claim_version"]) == ("sidecar", 2)
    raw = quick("inspect", signed_folder / "scene.bmp", "--raw").json()
    assert raw["active_manifest"] == found["tree"]["label"]


def test_raw_is_the_engines_own_report(quick: Run, picture: Path) -> None:
    raw = quick("inspect", picture, "--raw").json()
    assert raw["active_manifest"] in raw["manifests"]
    assert raw["validation_results"]["activeManifest"]["success"]


def test_an_altered_file_shows_the_failure(quick: Run, signed_folder: Path, tmp_path: Path) -> None:
    altered = flip(Path(shutil.copy(signed_folder / "clip.mp4", tmp_path)))
    answer = quick("inspect", altered)
    assert answer.code == 0
    assert "FAIL  assertion.bmffHash.mismatch" in answer.stdout


def test_what_a_file_says_of_itself_cannot_steer_the_terminal(quick: Run, tmp_path: Path) -> None:
    output = tmp_path / "out.jpg"
    steering = ("--title", "a\x1b[2Jb", "--system", "c\nd\x07")
    steering += ("--edit", "c2pa.cropped,description=\x1b]0;x")
    answer = quick("sign", MEDIA / "scene.jpg", "-o", output, "--key", KEY, *AI, *steering)
    assert answer.code == 0, answer.stderr
    shown = quick("inspect", output).stdout + quick("verify", output).stdout
    assert not {"\x1b", "\x07"} & set(shown)
    assert "c\nd" not in shown
    assert json.loads(quick("inspect", output, "--format", "json").stdout)["tree"]["title"]


def test_raw_on_a_broken_sidecar_is_one_clear_refusal(run: Run, tmp_path: Path) -> None:
    clip = tmp_path / "clip.mkv"
    shutil.copy(MEDIA / "clip.mkv", clip)
    clip.with_name("clip.mkv.c2pa").write_bytes(b"no manifest at all")

    answer = run("inspect", "--raw", clip)

    assert answer.code == 30
    assert "the engine has no report" in answer.stderr
    assert "hint" in answer.stderr
