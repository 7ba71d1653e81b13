"""Unsigned declarations: what counts, what does not, and what contradicts what."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from trustkit.disclosure import SOURCE_TYPES, Origin
from trustkit.evidence import metadata
from trustkit.evidence.conflicts import conflicts
from trustkit.evidence.generators import rules_for, table
from trustkit.finding import Finding, Status, Weight
from trustkit.media.metadata import MAX_VALUE, Found

UUID = "0d5a2d2b-9a4e-4a55-8f3a-0123456789ab"
A1111 = "a castle\nNegative prompt: fog\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 42"
COMFY = '{"3": {"inputs": {"seed": 42}, "class_type": "KSampler"}}'


def names(place: str, key: str, value: str, field: str = "") -> list[tuple[str, str]]:
    return [(rule.name, rule.says) for rule in rules_for(Found(place, key, value, field))]


# What is no generator's.


@pytest.mark.parametrize(("place", "key", "value"), [
    *[(place, key, software)
      for place, key in (("exif", "Software"), ("png-text", "Software"), ("xmp", "xmp:CreatorTool"))
      for software in ("Adobe Photoshop 25.0 (Windows)", "GIMP 2.10", "Canva", "Lavf60.16.100",
                       "Pixelmator Pro 3.5", "Ver.1.0 NovelAIr", "Adobe Firefly fan club")],
    ("exif", "ImageDescription", "A poster for Midjourney at a fair in Berlin"),
    ("xmp", "dc:description", "Our Stable Diffusion course: Steps: 20, then a break"),
    ("xmp", "dc:description", f"The print queue of the shop. Job ID: {UUID} was lost, again"),
    ("png-text", "parameters", "exposure=1/60 iso=100"),
    ("png-text", "parameters", '{"steps": 3}'),
    ("png-text", "parameters", "Steps: 20, Sampler: the drum machine"),
    ("png-text", "prompt", "Press any key"),
    ("png-text", "prompt", '{"question": "which class_type?"}'),
    ("png-text", "workflow", '{"nodes": []}'),
    ("png-text", "workflow", "scan, crop, export"),
    ("png-text", "Dream", "I had one last night - so strange"),
    ("png-text", "sd-metadata", "card 3 of 4"),
    ("png-text", "Comment", '{"steps": 12, "seed": 4}'),
    ("exif", "Make", "Canon"),
    ("exif", "Model", "NIKON D6"),
    ("iptc-iim", "2:110", "Google"),
    ("iptc-iim", "2:110", "Not made with Google AI"),
    ("id3", "COMM", "made with love and a sunomono"),
    ("exif", "Artist", "NovelAI"),
    ("exif", "Software", ""),
])  # fmt: skip
def test_other_words_are_no_declaration(place: str, key: str, value: str) -> None:
    assert names(place, key, value) == []


@pytest.mark.parametrize("rule", table(), ids=lambda rule: f"{rule.name} {rule.says}")
def test_no_pattern_takes_more_than_its_time_on_a_hostile_value(rule: object) -> None:
    units = ("Steps: 1, ", '{"class_type":', '"inputs":', "1" * 64, " -S", "Job ID: 0-", "\n", "{")
    for unit in units:
        value = (unit * MAX_VALUE)[:MAX_VALUE]
        start = time.process_time()
        for pattern in rule.form:  # type: ignore[attr-defined]
            re.search(pattern, value)
        assert time.process_time() - start < 0.25, unit


# What is.


@pytest.mark.parametrize(("place", "key", "value", "name", "says"), [
    ("png-text", "parameters", A1111, "Stable Diffusion web UI", "parameters"),
    ("exif", "UserComment", A1111, "Stable Diffusion web UI", "parameters"),
    ("xmp", "exif:UserComment", A1111, "Stable Diffusion web UI", "parameters"),
    ("comment", "comment", A1111.replace("\n", " "), "Stable Diffusion web UI", "parameters"),
    ("png-text", "prompt", COMFY, "ComfyUI", "parameters"),
    ("exif", "Model", f"prompt:{COMFY}", "ComfyUI", "parameters"),
    ("mp4-key", "prompt", COMFY, "ComfyUI", "parameters"),
    ("matroska-tag", "COMMENT", '{"prompt": "{\\"1\\": {\\"inputs\\": 1, \\"class_type\\": 2}}"}',
     "ComfyUI", "parameters"),
    ("png-text", "workflow", '{"last_node_id": 9, "nodes": [], "links": []}', "ComfyUI",
     "parameters"),
    ("png-text", "invokeai_metadata", '{"positive_prompt": "x"}', "InvokeAI", "parameters"),
    ("png-text", "sd-metadata", '{"model": "sd", "image": {}}', "InvokeAI", "parameters"),
    ("png-text", "Dream", '"a castle" -s 50 -S 42 -W 512 -H 512 -C 7.5 -A k_lms', "InvokeAI",
     "parameters"),
    ("exif", "UserComment", '{"mflux_version": "0.9", "seed": 4}', "mflux", "parameters"),
    ("png-text", "Comment", '{"prompt": "x", "steps": 28, "seed": 1, "uc": "y"}', "NovelAI",
     "parameters"),
    ("png-text", "Software", "NovelAI", "NovelAI", "name"),
    ("png-text", "parameters", '{"sui_image_params": {}}', "SwarmUI", "parameters"),
    ("png-text", "fooocus_scheme", "fooocus", "Fooocus", "name"),
    ("png-text", "parameters", '{"steps": 30, "metadata_scheme": "fooocus"}', "Fooocus",
     "parameters"),
    ("exif", "Software", "Fooocus v2.5.5", "Fooocus", "name"),
    ("png-text", "use_stable_diffusion_model", "sd-v1-5", "Easy Diffusion", "parameters"),
    ("exif", "Software", "AI generated;txt2img;flux", "FLUX", "name"),
    ("png-text", "Description", f"a castle --v 6 Job ID: {UUID}", "Midjourney", "parameters"),
    ("xmp", "dc:description", f"a castle Job ID: {UUID}", "Midjourney", "parameters"),
    ("xmp", "photoshop:Credit", "Made with Google AI", "Google AI", "statement"),
    ("id3", "COMM", "made with suno; created=2026-01-01", "Suno", "name"),
])  # fmt: skip
def test_what_a_generator_writes_is_recognised_where_it_stands(
    place: str, key: str, value: str, name: str, says: str
) -> None:
    assert names(place, key, value) == [(name, says)]


def test_the_credit_is_known_by_its_field_as_well() -> None:
    assert names("iptc-iim", "2:110", "Edited with Google AI", "Credit") == [
        ("Google AI", "statement")
    ]


def test_every_entry_has_a_source_and_a_firmness_and_is_no_editor() -> None:
    for rule in table():
        assert rule.source
        assert rule.says in {"statement", "parameters", "name"}
        assert rule.form
        assert not re.search("photoshop|gimp|canva|lightroom", rule.name, re.IGNORECASE)


# Contradictions.


def manifest(term: str, status: Status = Status.PRESENT) -> Finding:
    code = f"manifest.{SOURCE_TYPES[term].value.replace('declared_', 'declares_')}"
    return Finding(code, status, Weight.PROOF, "manifest@1", "", facts={"source_type": term})


def unsigned(term: str, place: str = "xmp") -> Finding:
    code = f"metadata.{SOURCE_TYPES[term].value.replace('declared_', 'declares_')}"
    facts = {"source_type": term, "place": place, "entry": "an entry"}
    return metadata.finding(code, Status.PRESENT, "", facts)


CAPTURE, AI, EDIT, ART = "digitalCapture", "trainedAlgorithmicMedia", "humanEdits", "digitalArt"


@pytest.mark.parametrize("said", [
    [],
    [manifest(CAPTURE)],
    [manifest(AI), manifest(CAPTURE)],  # a history, not a contradiction
    [manifest(AI), unsigned(AI)],
    [manifest(CAPTURE), unsigned("compositeCapture")],
    [manifest(CAPTURE), manifest(EDIT), unsigned(CAPTURE)],
    [manifest(AI), manifest(CAPTURE), unsigned("compositeWithTrainedAlgorithmicMedia")],
    [unsigned(CAPTURE), unsigned(EDIT, "vorbis")],
    [unsigned(ART), unsigned(EDIT)],
    [manifest(CAPTURE, Status.INVALID), unsigned(AI)],  # not shown to belong to the file
], ids=str)  # fmt: skip
def test_what_can_both_be_so_is_no_conflict(said: list[Finding]) -> None:
    assert list(conflicts(said)) == []


@pytest.mark.parametrize(("said", "places"), [
    ([manifest(CAPTURE), unsigned(AI)], ["manifest", "xmp"]),
    ([manifest(AI), unsigned(CAPTURE)], ["manifest", "xmp"]),
    ([manifest(EDIT), unsigned(AI)], ["manifest", "xmp"]),
    ([manifest(CAPTURE), unsigned(ART)], ["manifest", "xmp"]),
    ([unsigned(ART), unsigned(CAPTURE, "vorbis")], ["xmp", "vorbis"]),
    ([unsigned(AI), unsigned(CAPTURE)], ["xmp", "xmp"]),
    ([unsigned(AI), unsigned(CAPTURE, "iptc-iim")], ["xmp", "iptc-iim"]),
])  # fmt: skip
def test_what_cannot_both_be_so_is_a_conflict_that_names_both(
    said: list[Finding], places: list[str]
) -> None:
    (found,) = conflicts(said)

    assert (found.code, found.status, found.weight) == (
        "metadata.conflict", Status.PRESENT, Weight.WEAK,
    )  # fmt: skip
    assert found.facts["places"] == places
    assert all(str(f.facts["source_type"]) in found.summary for f in said)


def test_blocks_with_different_labels_are_a_conflict() -> None:
    def block(label: str, status: Status = Status.PRESENT) -> Finding:
        return metadata.finding("metadata.aigc", status, "", {"label": label})

    assert list(conflicts([block("1"), block("1")])) == []
    assert list(conflicts([block("1"), block("AIGC", Status.INVALID)])) == []
    (found,) = conflicts([block("1"), block("2")])
    assert found.facts["labels"] == ["1", "2"]


def test_a_file_full_of_contradictions_is_told_in_few_words() -> None:
    places = [f"place-{number}" for number in range(40)]
    said = [unsigned(AI if n % 2 else CAPTURE, place) for n, place in enumerate(places)]

    assert len(list(conflicts(said))) == 4


def test_every_origin_has_a_code_that_is_known() -> None:
    from trustkit.policy import CODES

    for origin in set(Origin) - {Origin.NONE}:
        assert f"metadata.{origin.value.replace('declared_', 'declares_')}" in CODES


def test_the_table_is_in_the_package() -> None:
    assert (Path(metadata.__file__).with_name("generators.toml")).is_file()
