"""What may be done with a file, and what it shows: stated by who signs, read back as stated."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.command import AI, KEY, MEDIA, TRUST, Answer
from tests.conftest import Run
from tests.manifests import codes, detailed, finding
from trustkit.c2pa.findings import findings, utc_now
from trustkit.c2pa.read import Found
from trustkit.c2pa.statements import MAX_METADATA
from trustkit.disclosure import MINING_USES

IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
DC = "http://purl.org/dc/elements/1.1/"
DUBLIN = f'{{"@context": {{"dc": "{DC}"}}, "dc:a": '
GOOD = {
    "@context": {"dc": DC, "Iptc4xmpExt": IPTC},
    "dc:title": "Häuser",
    "Iptc4xmpExt:LocationShown": [{"Iptc4xmpExt:City": "Nowhere"}],
}


def sign(quick: Run, out: Path, *options: object, media: str = "scene.jpg") -> Answer:
    common = ("--key", KEY, *AI, "--no-soft-binding", "-q")
    return quick("sign", MEDIA / media, "-o", out, *common, *options)


def row(quick: Run, path: Path) -> dict[str, Any]:
    options = ("--trust", TRUST, "--skip", "watermark", "--format", "jsonl")
    return quick("verify", path, *options).rows()[0]


# Uses


@pytest.mark.parametrize(
    "asked",
    [
        "ai_training",
        "ai_training=no",
        "ai_training=notallowed",
        "reading=allowed",
        "org.example.reading=allowed",
        "ai_training=allowed:for a fee",
        "=allowed",
    ],
)
def test_what_is_no_use_or_no_permission_is_refused(quick: Run, tmp_path: Path, asked: str) -> None:
    answer = sign(quick, tmp_path / "out.jpg", "--training-mining", asked)

    assert answer.code == 2
    assert "ai_generative_training" in answer.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("media", ["scene.jpg", "clip.mp4", "clip.webm", "sound.mp3"])
def test_do_not_train_states_all_four_uses(quick: Run, tmp_path: Path, media: str) -> None:
    out = tmp_path / media
    assert sign(quick, out, "--do-not-train", media=media).code == 0

    said = finding(row(quick, out), "manifest.training_mining")
    assert said["status"] == "present"
    assert said["facts"]["assertion"] == "cawg.training-mining"
    assert {u["use"]: u["permission"] for u in said["facts"]["uses"]} == dict.fromkeys(
        MINING_USES, "notAllowed"
    )


def test_a_use_that_is_named_comes_before_do_not_train(quick: Run, tmp_path: Path) -> None:
    out = tmp_path / "out.jpg"
    asked = ("--training-mining", "data-mining=allowed")
    asked += ("--training-mining", "cawg.ai_inference=constrained:see https://example.org/x:y")
    assert sign(quick, out, "--do-not-train", *asked).code == 0

    stored = detailed(out)["assertion_store"]["cawg.training-mining"]["entries"]
    assert stored == {
        "cawg.data_mining": {"use": "allowed"},
        "cawg.ai_inference": {
            "use": "constrained",
            "constraint_info": "see https://example.org/x:y",
        },
        "cawg.ai_generative_training": {"use": "notAllowed"},
        "cawg.ai_training": {"use": "notAllowed"},
    }
    summary = finding(row(quick, out), "manifest.training_mining")["summary"]
    assert "ai_inference constrained (see https://example.org/x:y)" in summary


def test_a_house_states_its_uses_once(quick: Run, tmp_path: Path) -> None:
    house = tmp_path / "house.toml"
    house.write_text('template = 1\n[training_mining]\nai_training = "notAllowed"\n')
    out = tmp_path / "out.jpg"
    assert sign(quick, out, "--template", house).code == 0
    assert sign(quick, tmp_path / "two.jpg", "--template", house, "--training-mining",
                "ai_training=allowed").code == 0  # fmt: skip

    uses = finding(row(quick, out), "manifest.training_mining")["facts"]["uses"]
    assert uses == [{"use": "ai_training", "permission": "notAllowed"}]
    uses = finding(row(quick, tmp_path / "two.jpg"), "manifest.training_mining")["facts"]["uses"]
    assert uses == [{"use": "ai_training", "permission": "allowed"}]


def test_a_wrong_use_in_a_template_is_refused(quick: Run, tmp_path: Path) -> None:
    house = tmp_path / "house.toml"
    house.write_text('template = 1\n[training_mining]\nreading = "allowed"\n')

    assert sign(quick, tmp_path / "out.jpg", "--template", house).code == 2
    assert not (tmp_path / "out.jpg").exists()


def test_silence_is_not_permission(quick: Run, tmp_path: Path) -> None:
    out = tmp_path / "out.jpg"
    assert sign(quick, out).code == 0

    assert "manifest.training_mining" not in codes(row(quick, out))


def test_of_a_changed_file_the_statement_no_longer_holds(quick: Run, tmp_path: Path) -> None:
    out = tmp_path / "out.jpg"
    assert sign(quick, out, "--do-not-train").code == 0
    data = bytearray(out.read_bytes())
    data[-100] ^= 1
    out.write_bytes(data)

    assert codes(row(quick, out))["manifest.training_mining"] == "invalid"


def test_signing_once_more_takes_no_prohibition_back(quick: Run, tmp_path: Path) -> None:
    once, twice, changed = (tmp_path / name for name in ("once.jpg", "twice.jpg", "changed.jpg"))
    assert sign(quick, once, "--do-not-train").code == 0
    again = (*AI, "--key", KEY, "--no-soft-binding", "-q")
    assert quick("sign", once, "-o", twice, *again).code == 0
    said = finding(row(quick, twice), "manifest.training_mining")
    assert said["status"] == "present"
    assert said["facts"]["depth"] == 1
    assert all(use["permission"] == "notAllowed" for use in said["facts"]["uses"])

    # Whoever speaks of it anew is heard before.
    asked = (*again, "--training-mining", "ai_training=allowed")
    assert quick("sign", once, "-o", changed, *asked).code == 0
    uses = finding(row(quick, changed), "manifest.training_mining")["facts"]["uses"]
    assert uses == [{"use": "ai_training", "permission": "allowed"}]


def reported(label: str, data: Any) -> Any:
    manifest = {"assertions": [{"label": label, "data": data}]}
    report = {"active_manifest": "m", "manifests": {"m": manifest}}
    seen = findings(Found("embedded", report, None), (), utc_now(), lambda _: False)
    return [f for f in seen if f.code == "manifest.training_mining"]


def test_the_older_label_is_read_too() -> None:
    (said,) = reported(
        "c2pa.training-mining", {"entries": {"c2pa.ai_training": {"use": "notAllowed"}}}
    )

    assert said.facts["uses"] == [{"use": "ai_training", "permission": "notAllowed"}]


@pytest.mark.parametrize(
    "data",
    [None, [], {}, {"entries": 1}, {"entries": {}}, {"entries": {"a": 1}},
     {"entries": {"a": {"use": "maybe"}}}, {"entries": {"a": {"use": ["allowed"]}}}],
    ids=repr,
)  # fmt: skip
def test_a_statement_that_cannot_be_read_is_said(data: Any) -> None:
    (said,) = reported("cawg.training-mining", data)

    assert said.status == "invalid"


def test_a_statement_of_thousands_is_cut() -> None:
    entries = {f"use{n}": {"use": "allowed", "constraint_info": "x" * 9999} for n in range(5000)}
    (said,) = reported("cawg.training-mining", {"entries": entries})

    uses: Any = said.facts["uses"]
    assert len(uses) == 64
    assert len(uses[0]["constraint_info"]) == 512


# Metadata


@pytest.mark.parametrize(
    ("metadata", "why"),
    [
        ("", "not JSON"),
        ("[]", '"@context"'),
        ("{}", '"@context"'),
        ('{"@context": "https://schema.org", "name": "x"}', '"@context"'),
        (json.dumps({"@context": {"dc": DC}}), "says nothing"),
        (json.dumps({"@context": {"dc": DC}, "title": "x"}), "'title'"),
        (json.dumps({"@context": {"dc": DC}, "exif:Make": "x"}), "'exif:Make'"),
        (json.dumps({"@context": {"dc": DC}, "dc:title": {"x": 1}}), "'x'"),
        (json.dumps({"@context": {"dc": DC}, "@graph": []}), "'@graph'"),
        (json.dumps({"@context": {"my": "http://example.org/"}, "my:x": 1}), "'my'"),
        (json.dumps({"@context": {"dc": {"@id": DC}}, "dc:x": 1}), "'dc'"),
        (DUBLIN + "1, \"dc:a\": 2}", "twice"),
        (DUBLIN + "NaN}", "NaN"),
        (DUBLIN + "[" * 9000 + "]" * 9000 + "}", "nested"),
        (DUBLIN + "[" * 20 + "1" + "]" * 20 + "}", "nested"),
        (json.dumps({"@context": {"dc": DC}, "dc:a": "x" * MAX_METADATA}), "more than"),
        (json.dumps({"@context": {"dc": DC}} | {f"dc:{n}": 1 for n in range(2001)}), "keys"),
    ],
)  # fmt: skip
def test_what_is_no_metadata_is_refused(
    quick: Run, tmp_path: Path, metadata: str, why: str
) -> None:
    file = tmp_path / "m.json"
    file.write_text(metadata)
    answer = sign(quick, tmp_path / "out.jpg", "--metadata", file)

    assert answer.code == 40, answer.stderr
    assert why in answer.stderr
    assert not (tmp_path / "out.jpg").exists()


HALF = b'{"@context": {"dc": "http://purl.org/dc/elements/1.1/"}, "dc:creator": "a\\ud800"}'


@pytest.mark.parametrize("content", [None, b"\xff\xfe{}", HALF])
def test_a_metadata_file_that_cannot_be_read_is_refused(
    quick: Run, tmp_path: Path, content: bytes | None
) -> None:
    file = tmp_path / "m.json"
    if content is not None:
        file.write_bytes(content)

    answer = sign(quick, tmp_path / "out.jpg", "--metadata", file)
    assert answer.code == 40
    assert file.name in answer.stderr


@pytest.mark.parametrize("media", ["scene.jpg", "clip.mp4", "clip.webm"])
def test_metadata_is_read_back_as_written(quick: Run, tmp_path: Path, media: str) -> None:
    file, out = tmp_path / "m.json", tmp_path / media
    file.write_text(json.dumps(GOOD))
    assert sign(quick, out, "--metadata", file, media=media).code == 0

    assert row(quick, out)["axes"]["integrity"] == "intact"
    node = quick("inspect", out, "--format", "json").json()["tree"]
    stored = {a["label"]: a["data"] for a in node["assertions"]}
    assert stored["cawg.metadata"] == GOOD
    text = quick("inspect", out).stdout
    assert "dc:title: Häuser" in text
    assert 'Iptc4xmpExt:LocationShown: [{"Iptc4xmpExt:City": "Nowhere"}]' in text


def test_inspect_shows_the_uses(quick: Run, tmp_path: Path) -> None:
    out = tmp_path / "out.jpg"
    assert sign(quick, out, "--training-mining", "ai_training=constrained:ask").code == 0

    assert (
        "training and mining: cawg.ai_training  constrained (ask)" in quick("inspect", out).stdout
    )
