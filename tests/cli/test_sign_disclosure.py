"""What `trustkit sign` declares: never guessed, whole, and a prompt only when asked for."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tests.command import AI, KEY, MEDIA
from tests.conftest import Run, Verify
from tests.manifests import actions, codes, detailed, finding, flip, ingredients
from trustkit.cli.main import cli
from trustkit.disclosure import TERMS, uri

PICTURE = MEDIA / "scene.jpg"
PROMPT = "an oil painting of a lighthouse, in the manner of nobody"
TEMPLATE = """\
template = 1
key = "{key}"

[disclosure]
source_type = "compositeWithTrainedAlgorithmicMedia"
provider = "Example Lab"
system = "Example Painter"
system_version = "3"

[[edit]]
action = "c2pa.cropped"
source_type = "humanEdits"
"""


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "out.jpg"


def test_the_source_type_is_never_guessed(quick: Run, output: Path) -> None:
    answer = quick("sign", PICTURE, "-o", output, "--key", KEY)
    assert answer.code == 2
    assert "trainedAlgorithmicMedia" in answer.stderr  # the words to choose from
    assert not output.exists()


@pytest.mark.parametrize("wrong", ["ai", "TrainedAlgorithmicMedia", "http://example.org/made-up"])
def test_an_unknown_source_type_is_refused(quick: Run, output: Path, wrong: str) -> None:
    answer = quick("sign", PICTURE, "-o", output, "--key", KEY, "--source-type", wrong)
    assert answer.code == 2
    assert not output.exists()


@pytest.mark.parametrize("edit", ["c2pa.made_up", "cropped", "c2pa.cropped,colour=red", ",", ""])
def test_an_unknown_edit_is_refused(quick: Run, output: Path, edit: str) -> None:
    answer = quick("sign", PICTURE, "-o", output, "--key", KEY, *AI, "--edit", edit)
    assert answer.code in {2, 40}
    assert not output.exists()


@pytest.mark.parametrize("created", ["yesterday", "2026-11-23T10:00:00"])
def test_a_time_that_is_no_moment_is_refused(quick: Run, output: Path, created: str) -> None:
    answer = quick("sign", PICTURE, "-o", output, "--key", KEY, *AI, "--created", created)
    assert answer.code == 2
    assert not output.exists()


@pytest.mark.parametrize(
    "text",
    [
        "not TOML at all [",
        'key = "file:x"',  # no `template = 1`
        "template = 2",
        "template = 1\nkeyy = 'file:x'",
        "template = 1\n[disclosure]\nsourcetype = 'digitalCapture'",
        "template = 1\n[disclosure]\nsystem = 5",
        "template = 1\n[disclosure]\nedits = ['x']",
        "template = 1\nkey = 5",
        "template = 1\ntsa = true",
        "template = 1\nedit = 3",
        "template = 1\ndisclosure = 'digitalCapture'",
        "template = 1\n[[edit]]\naction = 5",
        "template = 1\n[[edit]]\naction = 'c2pa.cropped'\ncolour = 'red'",
    ],
)
def test_a_wrong_template_is_a_configuration_error(
    quick: Run, output: Path, tmp_path: Path, text: str
) -> None:
    template = tmp_path / "house.toml"
    template.write_text(text)
    key = () if "\nkey" in text else ("--key", KEY)
    answer = quick("sign", PICTURE, "-o", output, *key, *AI, "--template", template)
    assert answer.code == 33, answer.stderr
    assert not output.exists()


def test_a_missing_template_is_a_configuration_error(quick: Run, output: Path) -> None:
    answer = quick("sign", PICTURE, "-o", output, "--key", KEY, *AI, "--template", "/nowhere.toml")
    assert answer.code == 33
    assert not output.exists()


@pytest.mark.parametrize("option", ["--reference", "--ingredient"])
@pytest.mark.parametrize("other", ["missing.jpg", "text.txt"])
def test_an_ingredient_that_cannot_be_read_is_refused(
    quick: Run, output: Path, tmp_path: Path, option: str, other: str
) -> None:
    (tmp_path / "text.txt").write_text("not a picture")
    answer = quick("sign", PICTURE, "-o", output, "--key", KEY, *AI, option, tmp_path / other)
    assert answer.code == 40
    assert not output.exists()


@pytest.mark.parametrize("term", TERMS)
def test_every_term_is_accepted_and_written_as_its_address(output: Path, term: str) -> None:
    options = ["-o", str(output), "--key", KEY, "--source-type", term, "-q"]
    assert cli.main(["sign", str(PICTURE), *options], standalone_mode=False) == 0
    assert actions(output)[0]["digitalSourceType"] == uri(term)


def test_a_term_may_be_given_as_its_address(quick: Run, output: Path) -> None:
    answer = quick("sign", PICTURE, "-o", output, "--key", KEY, "--source-type", uri("print"))
    assert answer.code == 0, answer.stderr
    assert actions(output)[0]["digitalSourceType"] == uri("print")


def test_there_is_no_prompt_in_the_file_unless_asked_for(
    quick: Run, verify: Verify, output: Path, tmp_path: Path
) -> None:
    hashed, written = tmp_path / "hashed.jpg", tmp_path / "written.jpg"
    quick("sign", PICTURE, "-o", output, "--key", KEY, *AI)
    quick("sign", PICTURE, "-o", hashed, "--key", KEY, *AI, "--prompt-hash", PROMPT)
    quick("sign", PICTURE, "-o", written, "--key", KEY, *AI, "--prompt", PROMPT)
    digest = hashlib.sha256(PROMPT.encode()).hexdigest()

    assert b"prompt" not in output.read_bytes()
    assert PROMPT.encode() not in hashed.read_bytes()
    assert digest.encode() in hashed.read_bytes()
    assert PROMPT.encode() in written.read_bytes()
    assert digest.encode() not in written.read_bytes()
    assert {row["verdict"] for row in verify(output, hashed, written).values()} == {"declared_ai"}


def test_the_claim_is_of_version_2_with_every_action_created_and_included(
    quick: Run, output: Path
) -> None:
    quick("sign", PICTURE, "-o", output, "--key", KEY, *AI, "--edit", "c2pa.cropped")
    manifest = detailed(output)
    created = [entry["url"].rpartition("/")[2] for entry in manifest["claim"]["created_assertions"]]

    assert manifest["claim"]["claim_version"] == 2
    assert manifest["claim"]["claim_generator_info"]["name"] == "trustkit"
    assert manifest["claim"]["claim_generator_info"]["specVersion"] == "2.4"
    assert {"c2pa.actions.v2", "c2pa.hash.data", "org.trustkit.disclosure"} <= set(created)
    assert not manifest["claim"].get("gathered_assertions")
    assert manifest["assertion_store"]["c2pa.actions.v2"]["allActionsIncluded"] is True


def test_the_disclosure_is_written_and_read_back(quick: Run, verify: Verify, output: Path) -> None:
    said = ("--system", "Example Painter", "--system-version", "3", "--provider", "Example Lab")
    said += ("--id", "piece-1", "--created", "2026-11-23T10:00:00+01:00", "--title", "A hill")
    answer = quick("sign", PICTURE, "-o", output, "--key", KEY, *AI, *said)
    assert answer.code == 0, answer.stderr

    disclosure = verify(output)["out.jpg"]["disclosure"]

    assert disclosure == {
        "source_type": "trainedAlgorithmicMedia",
        "system": "Example Painter",
        "system_version": "3",
        "provider": "Example Lab",
        "created": "2026-11-23T10:00:00+01:00",
        "id": "piece-1",
        "found_in": ["manifest"],
        "conflicts": [],
    }
    assert detailed(output)["claim"]["dc:title"] == "A hill"


def test_edits_are_actions_in_the_order_given(quick: Run, output: Path) -> None:
    first = "c2pa.cropped,source-type=humanEdits,description=tighter"
    second = "org.example.retouched,system=Retoucher,system-version=2,when=2026-11-23T10:00:00Z"
    quick("sign", PICTURE, "-o", output, "--key", KEY, *AI, "--edit", first, "--edit", second)
    created, cropped, retouched = actions(output)
    assert created["action"] == "c2pa.created"
    assert cropped["action"] == "c2pa.cropped"
    assert cropped["digitalSourceType"] == uri("humanEdits")
    assert cropped["description"] == "tighter"
    assert retouched["action"] == "org.example.retouched"
    assert retouched["softwareAgent"] == {"name": "Retoucher", "version": "2"}
    assert retouched["when"] == "2026-11-23T10:00:00Z"


def test_a_template_says_what_a_house_always_says_and_an_option_overrides(
    quick: Run, verify: Verify, output: Path, tmp_path: Path
) -> None:
    template = tmp_path / "house.toml"
    template.write_text(TEMPLATE.format(key=KEY))
    answer = quick("sign", PICTURE, "-o", output, "--template", template, "--system-version", "4")
    assert answer.code == 0, answer.stderr
    disclosure = verify(output)["out.jpg"]["disclosure"]
    assert disclosure["source_type"] == "compositeWithTrainedAlgorithmicMedia"
    assert (disclosure["system"], disclosure["system_version"]) == ("Example Painter", "4")
    assert disclosure["provider"] == "Example Lab"
    assert [action["action"] for action in actions(output)] == ["c2pa.created", "c2pa.cropped"]


def test_references_and_ingredients_are_kept_with_what_was_done_with_them(
    quick: Run, verify: Verify, output: Path, signed_folder: Path
) -> None:
    inputs = ("--reference", signed_folder / "scene.png", "--ingredient", MEDIA / "page.png")
    answer = quick("sign", PICTURE, "-o", output, "--key", KEY, *AI, *inputs)
    assert answer.code == 0, answer.stderr

    found = {entry["title"]: entry for entry in ingredients(output)}
    created, placed = actions(output)

    assert found["scene.png"]["relationship"] == "inputTo"
    assert found["scene.png"]["active_manifest"].startswith("urn:c2pa:")
    assert found["page.png"]["relationship"] == "componentOf"
    assert (created["action"], placed["action"]) == ("c2pa.created", "c2pa.placed")
    assert len(created["parameters"]["ingredients"]) == 1
    assert len(placed["parameters"]["ingredients"]) == 1
    assert verify(output)["out.jpg"]["axes"]["integrity"] == "intact"


def test_the_manifest_a_file_comes_with_becomes_its_parent(
    quick: Run, verify: Verify, output: Path, signed_folder: Path
) -> None:
    parent = signed_folder / "scene.jpg"
    edited = ("--source-type", "humanEdits")
    answer = quick("sign", parent, "-o", output, "--key", KEY, *edited)
    assert answer.code == 0, answer.stderr
    row = verify(output)["out.jpg"]
    assert [entry["relationship"] for entry in ingredients(output)] == ["parentOf"]
    assert [action["action"] for action in actions(output)] == ["c2pa.opened", "c2pa.edited"]
    assert row["axes"]["integrity"] == "intact"
    assert row["verdict"] == "declared_ai"  # what the parent declared is not edited away


@pytest.mark.parametrize("name", ["scene.jpg", "clip.mp4", "sound.wav", "scene.bmp"])
def test_a_broken_parent_is_refused_and_when_allowed_verify_says_so(
    quick: Run, verify: Verify, signed_folder: Path, tmp_path: Path, name: str
) -> None:
    parent, output = tmp_path / name, tmp_path / f"out-{name}"
    parent.write_bytes((signed_folder / name).read_bytes())
    if name == "scene.bmp":
        parent.with_name(f"{name}.c2pa").write_bytes((signed_folder / f"{name}.c2pa").read_bytes())
    flip(parent)
    order = ("sign", parent, "-o", output, "--key", KEY, "--source-type", "humanEdits")

    refused = quick(*order)
    assert refused.code == 40
    assert not output.exists()
    assert "--allow-broken-parent" in refused.stderr

    allowed = quick(*order, "--allow-broken-parent")
    assert allowed.code == 0, allowed.stderr
    assert "parent" in allowed.stderr
    row = verify(output)[output.name]
    assert row["axes"]["integrity"] == "intact"
    assert row["decision"] == "review"
    assert codes(row)["manifest.ingredient_broken"] == "invalid"
    assert finding(row, "manifest.ingredient_broken")["facts"]["relationship"] == "parentOf"
