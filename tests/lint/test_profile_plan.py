"""What a profile has written, and what it finds missing before anything is."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tests.disclosed import ALL, SAID
from trustkit.disclosure import Disclosure, Edit, Permission
from trustkit.errors import UsageError
from trustkit.media.metadata.aigc import parse
from trustkit.profiles import Place, load_profiles
from trustkit.profiles.plan import closed_places, edit, fields, missing, places, refusal

FOUR = load_profiles([ALL])


@pytest.mark.parametrize(
    ("gone", "clauses"),
    [
        ("provider", {"22757.3(b)(1)(A)", "GB 45438-2025, metadata: ContentProducer"}),
        ("system", {"22757.3(b)(1)(B)", "Iptc4xmpExt:AISystemUsed"}),
        ("system_version", {"22757.3(b)(1)(B)"}),
        ("created", {"22757.3(b)(1)(C)"}),
        ("id", {"22757.3(b)(1)(D)", "GB 45438-2025, metadata: ProduceID"}),
    ],
)
def test_a_fact_that_was_not_declared_is_a_gap_with_its_clause(
    gone: str, clauses: set[str]
) -> None:
    gaps = missing(FOUR, replace(SAID, **{gone: ""}), "image")
    assert {gap.need.clause for gap in gaps} == clauses
    assert {gap.need.fact for gap in gaps} == {gone}
    error = refusal(gaps)
    assert error.exit_code == 2
    assert f"--{gone.replace('_', '-')}" in error.hint


def test_a_place_that_cannot_be_written_is_a_gap_unless_only_what_is_feasible_is_asked() -> None:
    closed = {
        Place.TIMESTAMP: "no authority is named: --tsa URL",
        Place.WATERMARK: "no engine puts marks into image/svg+xml",
        **closed_places("image/bmp"),
    }
    gaps = missing(FOUR, SAID, "image", closed)
    assert {(gap.profile, gap.need.place) for gap in gaps} == {
        ("eu-code", Place.TIMESTAMP),
        ("cn-gb45438", Place.AIGC),
        ("iptc-2025.1", Place.METADATA),
    }
    assert "no authority is named" in refusal(gaps).message


def test_a_term_of_manifests_alone_is_a_gap_where_metadata_is_asked_for() -> None:
    (gap,) = missing(load_profiles(["iptc-2025.1"]), Disclosure("empty"), "image")
    assert gap.why == "empty is a term of manifests alone"
    said = replace(SAID, source_type="trainedAlgorithmicData")
    assert "DigitalSourceType" not in fields(FOUR, said, "image")


def test_nothing_is_missing_and_every_place_is_told_when_all_is_declared() -> None:
    assert missing(FOUR, SAID, "image") == []
    assert fields(FOUR, SAID, "image") == {
        "DigitalSourceType": "trainedAlgorithmicMedia",
        "AISystemUsed": "Example Painter",
        "AISystemVersionUsed": "3.1",
        "DisclosureProvider": "Example Lab",
        "DisclosureCreated": "2026-11-23T10:00:00Z",
        "DisclosureIdentifier": "1f00c0ffee5eed07",
        "AIGC": '{"Label":"1","ContentProducer":"Example Lab","ProduceID":"1f00c0ffee5eed07",'
        '"ReservedCode1":"","ContentPropagator":"","PropagateID":"","ReservedCode2":""}',
    }
    assert set(places(FOUR, SAID, "image")) == {
        Place.MANIFEST,
        Place.TIMESTAMP,
        Place.METADATA,
        Place.AIGC,
        Place.WATERMARK,
    }
    assert places(FOUR, SAID, "image")[Place.TIMESTAMP] == ("eu-code 1.1.1",)


def test_a_photograph_needs_its_source_type_and_no_ai_field() -> None:
    photo = Disclosure("digitalCapture", created="2026-11-23T10:00:00Z", id="1")
    assert missing(FOUR, photo, "image") == []
    assert fields(FOUR, photo, "image") == {"DigitalSourceType": "digitalCapture"}
    # One edit by a trained model makes it AI, whatever it was before.
    edited = replace(photo, edits=(Edit("c2pa.edited", "compositeWithTrainedAlgorithmicMedia"),))
    assert {gap.need.fact for gap in missing(FOUR, edited, "image")} >= {"provider", "system"}


def test_a_prompt_is_written_only_where_it_was_declared() -> None:
    said = replace(SAID, prompt="a calmer sky")
    assert fields(FOUR, said, "image")["AIPromptInformation"] == "a calmer sky"
    assert "AIPromptInformation" not in fields(FOUR, SAID, "image")


def test_permissions_become_the_term_of_plus() -> None:
    barred = (
        Permission("ai_training", "notAllowed"),
        Permission("ai_generative_training", "notAllowed"),
    )
    iptc = load_profiles(["iptc-2025.1"])
    said = replace(SAID, training_mining=barred)
    assert fields(iptc, said, "image")["DataMining"] == "DMI-PROHIBITED-AIMLTRAINING"
    assert "DataMining" not in fields(iptc, replace(SAID, training_mining=barred[:1]), "image")


def test_a_block_of_another_producer_is_kept_and_ours_is_the_propagators() -> None:
    theirs = json.loads(fields(FOUR, SAID, "image")["AIGC"])
    theirs |= {"ContentProducer": "001191110102MAD55U9H0F10002", "ProduceID": "42"}
    block = parse(fields(FOUR, SAID, "image", json.dumps(theirs))["AIGC"])
    assert block.is_valid
    assert block.block == theirs | {
        "ContentPropagator": "Example Lab",
        "PropagateID": "1f00c0ffee5eed07",
    }
    broken = parse(fields(FOUR, SAID, "image", '{"Label": "AIGC"}')["AIGC"])
    assert broken.block["ContentProducer"] == "Example Lab"  # type: ignore[index]


def test_values_that_no_field_can_hold_are_refused() -> None:
    with pytest.raises(UsageError, match="control characters"):
        edit(FOUR, replace(SAID, system="bell\a"), "image", "image/jpeg")
    assert edit(FOUR, SAID, "image", "image/bmp") is None
    assert edit(FOUR, SAID, "document", "application/pdf") is None
