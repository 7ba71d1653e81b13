"""`trustkit verify` of what files declare without a signature: told, weak, and never repeated."""

from __future__ import annotations

import json
import shutil
import zlib
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from tests.command import KEY, MEDIA, TRUST
from tests.conftest import Run

CORPUS = Path(__file__).resolve().parents[2].with_name("shared") / "data"
SKIP = ("--skip", "watermark", "-f", "jsonl", "--trust", TRUST)
AI_TERM = "trainedAlgorithmicMedia"
SECRET = "the source who met us in Room 12"
A1111 = f"{SECRET}\nNegative prompt: fog\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 42"
BLOCK = {"Label": "1", "ContentProducer": "Example Lab", "ProduceID": "42", "ReservedCode1": "",
         "ContentPropagator": "", "PropagateID": "", "ReservedCode2": ""}  # fmt: skip


def png(path: Path, **texts: str) -> Path:
    info = PngInfo()
    for key, text in texts.items():
        info.add_itxt(key.replace("_DASH_", "-"), text)
    Image.new("RGB", (8, 8), "grey").save(path, pnginfo=info)
    return path


def jpeg(path: Path, exif: dict[int, str], comment: str = "") -> Path:
    tags = Image.Exif()
    for tag, text in exif.items():
        tags[tag] = text
    Image.new("RGB", (8, 8), "grey").save(path, exif=tags, comment=comment)
    return path


def wrote(quick: Run, source: Path, out: Path, *fields: str) -> Path:
    options = [word for field in fields for word in ("--set", field)]
    answer = quick("metadata", "write", source, "-o", out, *options)
    assert answer.code == 0, answer.stderr
    return out


def row(quick: Run, path: Path, *options: object) -> dict[str, Any]:
    (found,) = quick("verify", path, *SKIP, *options).rows()
    assert found["error"] is None, found
    return found  # type: ignore[no-any-return]


def found(file: dict[str, Any], code: str) -> list[dict[str, Any]]:
    return [f for f in file["findings"] if f["code"] == code]


# What says nothing of AI.


def test_words_that_only_look_like_a_declaration_are_none(quick: Run, tmp_path: Path) -> None:
    caption = "A visitor reads about Midjourney and Stable Diffusion at the fair."
    iri = "http://cv.iptc.org/newscodes/digitalsourcetype/"
    made = [
        jpeg(tmp_path / "photoshop.jpg", {0x131: "Adobe Photoshop 25.0 (Windows)"}),
        jpeg(tmp_path / "gimp.jpg", {0x131: "GIMP 2.10"}, "Created with GIMP"),
        jpeg(tmp_path / "canva.jpg", {0x131: "Canva", 0x10E: caption}),
        Path(shutil.copy(MEDIA / "scene.png", tmp_path / "sora.png")),
        png(tmp_path / "parameters.png", parameters="exposure=1/60 iso=100"),
        png(tmp_path / "prompt.png", prompt="Press any key"),
        png(tmp_path / "dream.png", Dream="of rivers", Comment="{}"),
        png(tmp_path / "workflow.png", workflow="scan, crop, export"),
        png(tmp_path / "sd.png", sd_DASH_metadata="card 3 of 4"),
        wrote(quick, MEDIA / "scene.jpg", tmp_path / "caption.jpg", f"Description={caption}"),
        wrote(quick, MEDIA / "scene.jpg", tmp_path / "none.jpg", "AISystemUsed=n/a"),
    ]
    for name, value in {
        "elsewhere": f"http://example.org/terms/{AI_TERM}", "ai": "AI", "no": f"no {AI_TERM}",
    }.items():  # fmt: skip
        path = wrote(quick, MEDIA / "scene.jpg", tmp_path / f"{name}.jpg",
                     f"DigitalSourceType={AI_TERM}")  # fmt: skip
        whole = f"{iri}{AI_TERM}".encode()
        path.write_bytes(path.read_bytes().replace(whole, value.encode().ljust(len(whole))))
        made.append(path)
    rows = quick("verify", *made, *SKIP).rows()

    assert len(rows) == len(made)
    assert [r["path"] for r in rows if r["verdict"] != "no_provenance"] == []
    assert {r["axes"]["origin"] for r in rows} == {"none"}
    for file in rows:
        (overview,) = found(file, "metadata.present")
        assert overview["status"] == "absent", file
    assert found(rows[0], "metadata.present")[0]["facts"]["looked_at"] == {"exif": 1}


def test_a_format_that_is_not_read_is_skipped_with_the_reason(quick: Run) -> None:
    names = ("scene.bmp", "sound.ogg", "sound.aiff")
    for file in quick("verify", *[MEDIA / name for name in names], *SKIP).rows():
        (overview,) = found(file, "metadata.present")
        assert overview["status"] == "skipped"
        assert "is not read" in overview["reason"]


def test_what_cannot_be_read_is_not_said_to_be_absent(quick: Run, tmp_path: Path) -> None:
    path = wrote(quick, MEDIA / "scene.jpg", tmp_path / "a.jpg", f"DigitalSourceType={AI_TERM}")
    path.write_bytes(path.read_bytes().replace(b"<rdf:RDF", b"<rdf:RDX", 1))
    (overview,) = found(row(quick, path), "metadata.present")

    assert overview["status"] == "skipped"
    assert overview["reason"].startswith("XMP: ")


def test_without_the_collector_nothing_of_it_is_told(quick: Run, tmp_path: Path) -> None:
    path = wrote(quick, MEDIA / "scene.jpg", tmp_path / "a.jpg", f"DigitalSourceType={AI_TERM}")
    file = row(quick, path, "--skip", "metadata")
    alone = quick("verify", path, "--only", "metadata", "-f", "jsonl").rows()[0]

    assert file["verdict"] == "no_provenance"
    assert not [f for f in file["findings"] if f["source"].startswith("metadata")]
    assert alone["verdict"] == "declared_ai"
    assert {f["source"] for f in alone["findings"]} == {"metadata@1"}


# Hostile files.


def _chunk(kind: bytes, data: bytes) -> bytes:
    body = kind + data
    return len(data).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")


def _with_chunks(path: Path, chunks: list[bytes]) -> Path:
    # Behind the picture, where Pillow, which has limits of its own, does not look for a size.
    data = (MEDIA / "scene.png").read_bytes()
    path.write_bytes(data[:-12] + b"".join(chunks) + data[-12:])
    return path


def _packed(text: bytes) -> bytes:
    return _chunk(b"zTXt", b"parameters\0\0" + zlib.compress(text, 9))


NAMES = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"


def _xmp(inside: str, head: str = "") -> bytes:
    text = f'{head}<r:RDF xmlns:r="{RDF}" xmlns:i="{NAMES}"><r:Description>{inside}'
    whole = f"{text}</r:Description></r:RDF>".encode()
    return _chunk(b"iTXt", b"XML:com.adobe.xmp" + bytes(5) + whole)


LAUGHS = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>'


BOMBS = [
    [_packed(b"Steps: 1, " * 1_600_000)],
    [_packed(b"\0" * 2**30)],
    [_packed(b'{"class_type":"inputs":' * 700_000)] * 4,
    [_chunk(b"tEXt", b"parameters\0Steps: 1, Sampler: x, Seed: ")] * 12_000,
    [_chunk(b"tEXt", b"AIGC\0" + b"[" * 60_000)] * 200,
    [_xmp("<i:AISystemUsed>&b;</i:AISystemUsed>", LAUGHS)],
    [_xmp("<i:AISystemUsed>" + "<i:x>" * 20_000)],
    [_xmp(f"<i:DigitalSourceType>{AI_TERM}</i:DigitalSourceType>" * 4_000)],
]  # fmt: skip


def test_a_bomb_costs_no_more_than_a_moment_and_a_short_report(quick: Run, tmp_path: Path) -> None:
    paths = [_with_chunks(tmp_path / f"{n}.png", chunks) for n, chunks in enumerate(BOMBS)]
    options = ("--only", "metadata", "-f", "jsonl", "--timings", "-j", "1")
    answer = quick("verify", *paths, *options)

    rows = answer.rows()
    assert [row["error"] for row in rows] == [None] * len(BOMBS)
    for row, line in zip(rows, answer.stdout.splitlines(), strict=True):
        assert row["timing_ms"]["metadata"] < 10_000, row["path"]
        assert len(line) < 60_000


def test_control_characters_of_a_value_are_replaced_and_it_is_cut(
    quick: Run, tmp_path: Path
) -> None:
    path = jpeg(tmp_path / "a.jpg", {0x131: "AI generated;\x1b[31m\u202e" + "x" * 5000})
    (said,) = found(row(quick, path), "metadata.declares_ai")

    assert "\x1b" not in said["facts"]["value"]
    assert "\u202e" not in said["facts"]["value"]
    assert len(said["facts"]["value"]) < 130


# What does.


def test_a_source_type_in_xmp_is_told_as_unsigned_and_with_its_place(
    quick: Run, tmp_path: Path
) -> None:
    path = wrote(quick, MEDIA / "scene.jpg", tmp_path / "a.jpg", f"DigitalSourceType={AI_TERM}",
                 "AISystemUsed=Painter", "AISystemVersionUsed=3")  # fmt: skip
    file = row(quick, path)
    said = found(file, "metadata.declares_ai")[0]

    assert (file["verdict"], file["decision"]) == ("declared_ai", "accept")
    assert file["axes"]["origin"] == "declared_ai"
    assert file["axes"]["integrity"] == file["axes"]["signer"] == "none"
    assert file["because"] == ["metadata.declares_ai"]
    assert file["summary"].startswith(f"its XMP says {AI_TERM}, which nobody signed")
    assert said["weight"] == "weak"
    assert said["facts"]["place"] == "xmp"
    assert said["facts"]["key"] == "Iptc4xmpExt:DigitalSourceType"
    assert said["facts"]["entry_source"].startswith("https://cv.iptc.org/")
    assert file["disclosure"] == {
        "source_type": AI_TERM, "system": "Painter", "system_version": "3", "provider": "",
        "created": "", "id": "", "found_in": ["metadata"], "conflicts": [],
    }  # fmt: skip


def test_every_format_that_is_written_is_read(quick: Run, tmp_path: Path) -> None:
    names = [
        "scene.png", "scene.webp", "scene.tif", "scene.gif", "scene.heic", "scene.avif",
        "clip.mp4", "clip.mov", "clip.mkv", "sound.mp3", "sound.flac", "sound.wav", "clip.avi",
        "drawing.svg",
    ]  # fmt: skip
    media = [MEDIA / name for name in names]
    field = ("--set", f"DigitalSourceType={AI_TERM}")
    assert quick("metadata", "write", *media, "-o", tmp_path, *field).code == 0
    rows = quick("verify", *[tmp_path / name for name in names], *SKIP).rows()

    assert [r["path"] for r in rows if r["verdict"] != "declared_ai"] == []
    assert len(rows) == len(names)


def test_another_source_type_fills_its_axis_and_makes_no_verdict(
    quick: Run, tmp_path: Path
) -> None:
    axes = {
        "digitalCapture": "declared_capture",
        "humanEdits": "declared_edit",
        "digitalArt": "declared_synthetic",
    }
    paths = [wrote(quick, MEDIA / "scene.jpg", tmp_path / f"{term}.jpg",
                   f"DigitalSourceType={term}") for term in axes]  # fmt: skip
    rows = quick("verify", *paths, *SKIP).rows()

    for file, (term, axis) in zip(rows, axes.items(), strict=True):
        assert file["verdict"] == "no_provenance"
        assert file["axes"]["origin"] == axis
        assert file["summary"].startswith("nothing found that proves where it comes from")
        assert f"its XMP says {term}, which nobody signed" in file["summary"]


def test_a_prompt_or_a_persons_name_is_never_repeated(quick: Run, tmp_path: Path) -> None:
    paths = [
        png(tmp_path / "a.png", parameters=A1111),
        jpeg(tmp_path / "b.jpg", {0x10E: A1111, 0x13B: "Erika Example"}, A1111),
        wrote(quick, MEDIA / "scene.jpg", tmp_path / "c.jpg", f"AIPromptInformation={SECRET}",
              "AIPromptWriterName=Erika Example", "Creator=Erika Example"),
    ]  # fmt: skip
    answer = quick("verify", *paths, *SKIP)

    assert SECRET not in answer.stdout
    assert "Erika" not in answer.stdout
    for file, text in zip(answer.rows(), (A1111, A1111, SECRET), strict=True):
        (said, *_) = found(file, "metadata.declares_ai")
        assert file["verdict"] == "declared_ai"
        assert said["facts"]["value"] == ""
        assert said["facts"]["characters"] == len(text)
        assert f"{len(text)} characters" in said["summary"]


def test_settings_are_told_before_a_mere_name(quick: Run, tmp_path: Path) -> None:
    comment = json.dumps({"prompt": SECRET, "steps": 28, "seed": 1, "uc": "x"})
    file = row(quick, png(tmp_path / "a.png", Software="NovelAI", Comment=comment))

    assert [f["facts"]["says"] for f in found(file, "metadata.declares_ai")] == [
        "parameters", "name",
    ]  # fmt: skip
    assert "of settings of NovelAI, any prompt included, which" in file["summary"]
    alone = row(quick, png(tmp_path / "b.png", Software="NovelAI"))
    assert "names NovelAI, a name alone, which nobody signed" in alone["summary"]
    assert alone["disclosure"]["system"] == "NovelAI"
    assert alone["disclosure"]["source_type"] == ""


BLOCKS = [
    ({}, "present", "declared_ai", "an AIGC block by which it is AI generated"),
    ({"Label": "2"}, "present", "no_provenance", "says that it is possibly AI generated"),
    ({"Label": "3"}, "present", "no_provenance", "says that it is suspected AI"),
    ({"Label": "AIGC"}, "invalid", "no_provenance", "Label is 'AIGC', not 1, 2 or 3"),
    ({"ProduceID": ""}, "invalid", "no_provenance", "ProduceID is empty"),
    ({"ProduceId": "1"}, "invalid", "no_provenance", "ProduceId is no key of it"),
]


def test_a_block_is_told_with_its_label_or_the_field_that_is_wrong(
    quick: Run, tmp_path: Path
) -> None:
    paths = [png(tmp_path / f"{number}.png", AIGC=json.dumps(BLOCK | change))
             for number, (change, *_) in enumerate(BLOCKS)]  # fmt: skip
    rows = quick("verify", *paths, *SKIP).rows()

    for file, (_, status, verdict, told) in zip(rows, BLOCKS, strict=True):
        (block,) = found(file, "metadata.aigc")
        assert block["status"] == status
        assert file["verdict"] == verdict
        assert told in file["summary"]
        (overview,) = found(file, "metadata.present")
        assert overview["facts"]["aigc"] == ("malformed" if status == "invalid" else "valid")


def test_a_block_in_both_places_of_an_mp4_is_told_once(quick: Run, tmp_path: Path) -> None:
    block = tmp_path / "block.json"
    block.write_text(json.dumps(BLOCK))
    path = tmp_path / "a.mp4"
    assert quick("metadata", "write", MEDIA / "clip.mp4", "-o", path, "--aigc", block).code == 0
    file = row(quick, path)

    assert len(found(file, "metadata.aigc")) == 1
    assert file["disclosure"]["provider"] == "Example Lab"
    assert file["disclosure"]["id"] == "42"


# Beside a manifest.


def signed(quick: Run, source: Path, out: Path, term: str) -> Path:
    options = ("--key", KEY, "--source-type", term, "--no-soft-binding", "-q")
    answer = quick("sign", source, "-o", out, *options)
    assert answer.code == 0, answer.stderr
    return out


def test_a_manifest_that_says_capture_and_xmp_that_says_ai_go_to_a_person(
    quick: Run, tmp_path: Path
) -> None:
    told = wrote(quick, MEDIA / "scene.jpg", tmp_path / "a.jpg", f"DigitalSourceType={AI_TERM}")
    file = row(quick, signed(quick, told, tmp_path / "b.jpg", "digitalCapture"))
    (conflict,) = found(file, "metadata.conflict")

    assert (file["verdict"], file["decision"]) == ("declared_ai", "review")
    assert conflict["facts"]["places"] == ["manifest", "xmp"]
    assert file["why"] == "what the file declares contradicts itself"
    assert file["disclosure"]["source_type"] == "digitalCapture"
    assert file["disclosure"]["found_in"] == ["manifest", "metadata"]
    assert file["disclosure"]["conflicts"] == [AI_TERM]
    summary = file["summary"]
    assert summary.index("signed by") < summary.index("its XMP says") < summary.index("contradicts")


def test_a_manifest_that_says_ai_is_told_first_and_metadata_after_it(
    quick: Run, tmp_path: Path
) -> None:
    told = wrote(quick, MEDIA / "scene.jpg", tmp_path / "a.jpg", f"DigitalSourceType={AI_TERM}")
    file = row(quick, signed(quick, told, tmp_path / "b.jpg", AI_TERM))

    assert file["decision"] == "accept"
    assert not found(file, "metadata.conflict")
    assert file["summary"].startswith(f"declares {AI_TERM}; signed by")
    assert "its XMP says" in file["summary"]
    assert file["axes"]["integrity"] == "intact"


def test_ai_beside_a_manifest_that_cannot_be_read_leaves_neither_out(
    quick: Run, tmp_path: Path
) -> None:
    told = wrote(quick, MEDIA / "scene.jpg", tmp_path / "a.jpg", f"DigitalSourceType={AI_TERM}")
    path = signed(quick, told, tmp_path / "b.jpg", "digitalCapture")
    path.write_bytes(path.read_bytes().replace(b"jumb", b"jumq", 1))
    file = row(quick, path)

    assert file["verdict"] == "declared_ai"
    assert file["decision"] == "review"  # anybody can write XMP, over a broken manifest too
    assert file["axes"]["integrity"] == "unreadable"
    assert found(file, "manifest.unreadable")[0]["summary"] in file["summary"]
    assert "its XMP says" in file["summary"]


def test_settings_under_a_source_type_of_a_capture_contradict_it(
    quick: Run, tmp_path: Path
) -> None:
    path = png(tmp_path / "a.png", parameters=A1111)
    told = wrote(quick, path, tmp_path / "b.png", "DigitalSourceType=digitalCapture")
    file = row(quick, told)
    (conflict,) = found(file, "metadata.conflict")

    assert set(conflict["facts"]["places"]) == {"xmp", "png-text"}
    assert (file["verdict"], file["decision"]) == ("declared_ai", "review")


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the photos are not beside the project")
def test_no_photo_of_the_corpus_is_taken_for_ai(quick: Run) -> None:
    answer = quick("verify", "-r", CORPUS / "photos", "--only", "metadata", "-f", "jsonl", "-q")
    rows = [row for row in answer.rows() if row["error"] is None]

    assert len(rows) >= 30
    assert [r["path"] for r in rows if r["verdict"] != "no_provenance"] == []
