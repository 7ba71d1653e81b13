"""`trustkit redact`: statements of a history are gone for good, and the file says so and why."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import cbor2
import pytest
from c2pa import Reader
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_pem_x509_certificates
from PIL import Image

from tests.command import AI as AI_TYPE
from tests.command import KEY, KEYS, MEDIA, TRUST, TSA_TRUST
from tests.conftest import Run, Verify
from tests.histories import AI, author, exif, made, metadata
from tests.manifests import actions, codes, detailed, finding, flip
from tests.tsa import LocalTsa
from trustkit.c2pa.personal import holds, preset

PII = ("--reason", "c2pa.PII.present")
EXIF = ("--assertion", "stds.exif", *PII, "--key", KEY)
PERSONAL = ("--preset", "personal", *PII, "--key", KEY)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A photograph that says where it was taken and by whom."""
    path = tmp_path / "photo.jpg"
    made(path, [exif("48,51.2N"), author("Anna Example")])
    return path


def gone(path: Path, *texts: str) -> bool:
    content = path.read_bytes()
    return not any(text.encode() in content for text in texts)


# Refusals


def test_a_file_without_a_manifest_has_no_history_to_redact(quick: Run, tmp_path: Path) -> None:
    answer = quick("redact", MEDIA / "scene.jpg", "-o", tmp_path / "out.jpg", *EXIF)

    assert answer.code == 40
    assert "has no manifest" in answer.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("label", "why"),
    [
        ("c2pa.hash.data", "binds the manifest to the content"),
        ("c2pa.actions.v2", "actions tell the history"),
        ("c2pa.ingredient.v3", "what the file was made from"),
        ("org.example.nothing", "no statement 'org.example.nothing'"),
        ("self#jumbf=/c2pa/urn:c2pa:other/c2pa.assertions/stds.exif", "no statement"),
    ],
)
def test_what_may_not_go_is_refused_in_a_sentence_and_nothing_is_written(
    quick: Run, photo: Path, tmp_path: Path, label: str, why: str
) -> None:
    made(tmp_path / "edited.jpg", parent=photo)
    out = tmp_path / "out.jpg"

    answer = quick(
        "redact", tmp_path / "edited.jpg", "-o", out, "--assertion", label, *PII, "--key", KEY
    )

    assert answer.code == 40
    assert why in answer.stderr
    assert "--list" in answer.stderr
    assert sorted(p.name for p in tmp_path.iterdir()) == ["edited.jpg", "photo.jpg"]


def test_a_history_that_does_not_hold_is_not_thinned_out(
    quick: Run, photo: Path, tmp_path: Path
) -> None:
    flip(photo, 0.95)

    answer = quick("redact", photo, "-o", tmp_path / "out.jpg", *EXIF)

    assert answer.code == 40
    assert "does not hold" in answer.stderr
    assert not (tmp_path / "out.jpg").exists()


def test_that_a_parent_was_broken_cannot_be_taken_out(
    quick: Run, photo: Path, tmp_path: Path
) -> None:
    flip(photo, 0.95)
    signing = ("--key", KEY, *AI_TYPE, "--no-soft-binding", "--allow-broken-parent", "-q")
    assert quick("sign", photo, "-o", tmp_path / "over.jpg", *signing).code == 0
    label = ("--assertion", "org.trustkit.disclosure", *PII, "--key", KEY)

    answer = quick("redact", tmp_path / "over.jpg", "-o", tmp_path / "out.jpg", *label)

    assert answer.code == 40
    assert "must stay known" in answer.stderr


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--preset", "personal", "--key", KEY), "no reason named"),
        (("--preset", "personal", "--reason", "because", "--key", KEY), "no reason that C2PA"),
        (("--preset", "personal", "--reason", "c2pa.mine", "--key", KEY), "no reason that C2PA"),
        ((*PII, "--key", KEY), "nothing named to take out"),
        (("--assertion", "stds.exif", *PII), "no key named"),
        (("--assertion", "stds.exif", "--thumbnails", *PII, "--key", KEY), "goes with --preset"),
        (("--assertion", "stds.exif", *PII, "--text", "x" * 1001, "--key", KEY), "characters"),
    ],
)
def test_a_call_that_lacks_something_is_a_usage_error(
    quick: Run, photo: Path, tmp_path: Path, options: tuple[str, ...], why: str
) -> None:
    answer = quick("redact", photo, "-o", tmp_path / "out.jpg", *options)

    assert answer.code == 2
    assert why in answer.stderr
    assert not (tmp_path / "out.jpg").exists()


def test_an_authority_with_a_password_in_its_address_is_refused_and_not_repeated(
    quick: Run, photo: Path, tmp_path: Path
) -> None:
    url = "http://me:geheim@127.0.0.1:9/"
    answer = quick("redact", photo, "-o", tmp_path / "out.jpg", *EXIF, "--tsa", url)

    assert answer.code == 2
    assert "geheim" not in answer.stdout + answer.stderr


def test_an_original_is_not_overwritten_unasked(quick: Run, photo: Path) -> None:
    before = photo.read_bytes()

    assert quick("redact", photo, "-o", photo, *EXIF).code == 40
    assert photo.read_bytes() == before


def test_an_ingredient_that_is_not_there_is_named(quick: Run, photo: Path, tmp_path: Path) -> None:
    options = ("--ingredient", "urn:c2pa:nobody", *EXIF)

    answer = quick("redact", photo, "-o", tmp_path / "out.jpg", *options)

    assert answer.code == 40
    assert "urn:c2pa:nobody" in answer.stderr


def test_nothing_personal_means_nothing_written(quick: Run, tmp_path: Path) -> None:
    made(tmp_path / "plain.jpg", [metadata(dc_title="Harbour")])

    answer = quick("redact", tmp_path / "plain.jpg", "-o", tmp_path / "out.jpg", *PERSONAL)

    assert answer.code == 40
    assert "states nothing that personal takes out" in answer.stderr
    assert not (tmp_path / "out.jpg").exists()


def test_what_is_gone_already_cannot_be_taken_out_again(
    quick: Run, photo: Path, tmp_path: Path
) -> None:
    once = tmp_path / "once.jpg"
    assert quick("redact", photo, "-o", once, *EXIF, "-q").code == 0

    answer = quick("redact", once, "-o", tmp_path / "twice.jpg", *EXIF)

    assert answer.code == 40
    assert "not there any more" in answer.stderr


# What it does


def test_the_position_is_gone_from_every_byte_and_the_rest_still_holds(
    quick: Run, verify: Verify, photo: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.jpg"
    text = ("--text", "the flat of a witness")

    answer = quick("redact", photo, "-o", out, *EXIF, *text, "--format", "json", "-q")

    assert answer.code == 0, answer.stderr
    row = answer.json()["files"][0]
    assert [entry["label"] for entry in row["redacted"]] == ["stds.exif"]
    assert gone(out, "48,51.2N", "Example Cameras")
    assert not gone(out, "Anna Example")
    seen = verify(out)["out.jpg"]
    assert seen["axes"]["integrity"] == "intact"
    assert seen["axes"]["signer"] == "trusted"
    assert seen["axes"]["origin"] == "declared_capture"
    facts = finding(seen, "manifest.redacted")["facts"]
    assert facts["manifest"] == row["manifest_id"]
    assert facts["signer"] == "trustkit TEST ONLY signer es256"
    assert facts["redacted"][0]["label"] == "stds.exif"
    assert facts["redacted"][0]["reason"] == "c2pa.PII.present"
    assert facts["redacted"][0]["text"] == "the flat of a witness"
    assert "taken out by a later signer: stds.exif (c2pa.PII.present)" in seen["summary"]


def test_the_new_manifest_opens_its_parent_redacts_and_says_that_this_is_all(
    quick: Run, photo: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.jpg"
    assert quick("redact", photo, "-o", out, *EXIF, "-q").code == 0

    assert [action["action"] for action in actions(out)] == ["c2pa.opened", "c2pa.redacted"]
    assert detailed(out)["assertion_store"]["c2pa.actions.v2"]["allActionsIncluded"] is True
    uri = actions(out)[1]["parameters"]["redacted"]
    assert detailed(out)["claim"]["redacted_assertions"] == [uri]


def test_inspect_says_what_was_taken_out_and_why(quick: Run, photo: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jpg"
    assert quick("redact", photo, "-o", out, *EXIF, "--text", "a witness", "-q").code == 0

    shown = quick("inspect", out).stdout

    assert "taken out of the history:" in shown
    assert "c2pa.PII.present  a witness" in shown


def test_the_preset_reaches_grandparents_and_parts(
    quick: Run, verify: Verify, tmp_path: Path
) -> None:
    made(tmp_path / "first.jpg", [exif("1N"), exif("2N")])
    made(tmp_path / "part.jpg", [exif("3N")])
    made(tmp_path / "page.jpg", [author("Ben")], parent=tmp_path / "first.jpg",
         parts=[tmp_path / "part.jpg"])  # fmt: skip
    out = tmp_path / "out.jpg"

    answer = quick("redact", tmp_path / "page.jpg", "-o", out, *PERSONAL, "--format", "json", "-q")

    assert answer.code == 0, answer.stderr
    labels = sorted(entry["label"] for entry in answer.json()["files"][0]["redacted"])
    assert labels == [
        "stds.exif", "stds.exif", "stds.exif__1", "stds.schema-org.CreativeWork"
    ]  # fmt: skip
    assert gone(out, '1N"', '2N"', '3N"', '"Ben"')
    assert codes(verify(out)["out.jpg"])["manifest.intact"] == "present"


def test_one_ingredient_can_be_named(quick: Run, tmp_path: Path) -> None:
    first = made(tmp_path / "first.jpg", [exif("1N")])
    made(tmp_path / "second.jpg", [exif("2N")], parent=tmp_path / "first.jpg")
    out = tmp_path / "out.jpg"

    answer = quick("redact", tmp_path / "second.jpg", "-o", out, "--ingredient", first, *EXIF, "-q")

    assert answer.code == 0, answer.stderr
    assert gone(out, '1N"')
    assert not gone(out, '2N"')


def test_the_same_statement_of_another_manifest_stays(quick: Run, tmp_path: Path) -> None:
    first = made(tmp_path / "first.jpg", [exif("48,51.2N")])
    made(tmp_path / "second.jpg", [exif("48,51.2N")], parent=tmp_path / "first.jpg")
    out = tmp_path / "out.jpg"

    answer = quick("redact", tmp_path / "second.jpg", "-o", out, "--ingredient", first, *EXIF)

    assert answer.code == 0, answer.stderr
    assert out.read_bytes().count(b"48,51.2N") == 1


def test_small_pictures_go_when_asked(quick: Run, verify: Verify, tmp_path: Path) -> None:
    made(tmp_path / "photo.jpg", [exif("1N")], thumbnail=True)
    kept, out = tmp_path / "kept.jpg", tmp_path / "out.jpg"
    assert quick("redact", tmp_path / "photo.jpg", "-o", kept, *PERSONAL, "-q").code == 0
    assert (
        quick("redact", tmp_path / "photo.jpg", "-o", out, *PERSONAL, "--thumbnails", "-q").code
        == 0
    )

    assert kept.stat().st_size - out.stat().st_size > 1000
    labels = {
        r["label"]
        for r in finding(verify(out)["out.jpg"], "manifest.redacted")["facts"]["redacted"]
    }
    assert labels == {"stds.exif", "c2pa.thumbnail.claim"}


def test_metadata_goes_only_where_it_names_somebody_or_some_place(
    quick: Run, tmp_path: Path
) -> None:
    made(tmp_path / "named.jpg", [metadata(dc_title="Harbour", dc_creator=["Anna Example"])])
    out = tmp_path / "out.jpg"

    assert quick("redact", tmp_path / "named.jpg", "-o", out, *PERSONAL, "-q").code == 0
    assert gone(out, "Anna Example", "Harbour")


def test_a_statement_that_alone_declares_ai_is_kept_and_said(quick: Run, tmp_path: Path) -> None:
    says = metadata(dc_creator=["Anna"], Iptc4xmpExt_DigitalSourceType=AI)
    made(tmp_path / "ai.jpg", [says, exif("1N")])
    out = tmp_path / "out.jpg"

    answer = quick("redact", tmp_path / "ai.jpg", "-o", out, *PERSONAL)

    assert answer.code == 0
    assert (
        "kept cawg.metadata: it alone declares the source type trainedAlgorithmicMedia"
        in answer.stderr
    )
    assert not gone(out, AI)


def test_a_manifest_beside_the_file_stays_beside_it(
    quick: Run, verify: Verify, tmp_path: Path
) -> None:
    made(tmp_path / "photo.jpg", [exif("48,51.2N")], beside=True)
    out = tmp_path / "out.jpg"

    answer = quick("redact", tmp_path / "photo.jpg", "-o", out, *EXIF, "-q")

    assert answer.code == 0, answer.stderr
    assert "manifest in" in answer.stdout
    assert out.read_bytes() == (tmp_path / "photo.jpg").read_bytes()
    assert gone(tmp_path / "out.jpg.c2pa", "48,51.2N")
    assert codes(verify(out)["out.jpg"])["manifest.redacted"] == "present"


@pytest.fixture(scope="module")
def told(quick: Run, media: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every kind of file, signed with a prompt that names somebody."""
    folder = tmp_path_factory.mktemp("told")
    options = ("--key", KEY, *AI_TYPE, "--prompt", "Anna Example", "--no-soft-binding", "-q")
    assert quick("sign", *media, "-o", folder, *options).code == 0
    return folder


def test_in_no_kind_of_file_a_byte_of_it_is_left(
    quick: Run, verify: Verify, told: Path, tmp_path: Path
) -> None:
    files = [path for path in sorted(told.iterdir()) if path.suffix != ".c2pa"]
    label = ("--assertion", "org.trustkit.disclosure", *PII, "--key", KEY, "-q")

    answer = quick("redact", *files, "-o", tmp_path, *label)

    assert answer.code == 0, answer.stderr
    assert len(files) > 30
    for path in tmp_path.iterdir():
        assert gone(path, "Anna Example"), path.name
    for name, row in verify(*(tmp_path / path.name for path in files)).items():
        assert row["axes"]["integrity"] == "intact", name
        assert row["verdict"] == "declared_ai", name


def test_an_svg_holds_its_manifest_in_base64_and_there_it_is_gone_too(
    quick: Run, told: Path, tmp_path: Path
) -> None:
    out = tmp_path / "drawing.svg"
    label = ("--assertion", "org.trustkit.disclosure", *PII, "--key", KEY, "-q")
    assert quick("redact", told / "drawing.svg", "-o", out, *label).code == 0

    with Reader("image/svg+xml", out.open("rb")) as reader:
        assert "Anna Example" not in reader.detailed_json()
    held = [b64 for b64 in out.read_bytes().split(b">") if b"<" in b64 and len(b64) > 1000]
    assert len(held) == 1
    assert b"Anna Example" not in base64.b64decode(held[0].partition(b"<")[0])


def test_a_tiff_in_which_an_earlier_signing_left_it_behind_is_refused(
    quick: Run, told: Path, tmp_path: Path
) -> None:
    twice, out = tmp_path / "twice.tif", tmp_path / "out.tif"
    signing = ("--key", KEY, "--source-type", "humanEdits", "--no-soft-binding", "-q")
    assert quick("sign", told / "scene.tif", "-o", twice, *signing).code == 0
    label = ("--assertion", "org.trustkit.disclosure", *PII, "--key", KEY)

    answer = quick("redact", twice, "-o", out, *label)

    assert answer.code == 40
    assert "an earlier signing has left" in answer.stderr
    assert sorted(p.name for p in tmp_path.iterdir()) == ["twice.tif"]


def test_what_the_standard_leaves_unsigned_in_a_film_is_still_signed_by_us(
    quick: Run, verify: Verify, signed_folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "clip.mp4"
    label = ("--assertion", "org.trustkit.disclosure", *PII, "--key", KEY, "-q")
    assert quick("redact", signed_folder / "clip.mp4", "-o", out, *label).code == 0
    data = bytearray(out.read_bytes())
    data[data.index(b"ftyp") + 11] ^= 1

    out.write_bytes(data)

    assert verify(out)["clip.mp4"]["verdict"] == "tampered"


def test_the_manifest_that_redacts_is_stamped(quick: Run, photo: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jpg"
    with LocalTsa() as tsa:
        answer = quick("redact", photo, "-o", out, *EXIF, "--tsa", tsa.url)

    assert answer.code == 0, answer.stderr
    assert "no time stamp" not in answer.stderr
    row = quick("verify", out, "--trust", TRUST, "--tsa-trust", TSA_TRUST, "--skip", "watermark",
                "--format", "jsonl").rows()[0]  # fmt: skip
    assert codes(row)["manifest.timestamp"] == "present"


def test_the_files_own_position_is_pointed_out(quick: Run, tmp_path: Path) -> None:
    picture = Image.open(MEDIA / "scene.jpg")
    own = picture.getexif()
    own.get_ifd(0x8825)[1] = "N"
    picture.save(tmp_path / "own.jpg", exif=own)
    signing = ("--key", KEY, *AI_TYPE, "--no-soft-binding", "-q")
    assert quick("sign", tmp_path / "own.jpg", "-o", tmp_path / "signed.jpg", *signing).code == 0
    label = ("--assertion", "org.trustkit.disclosure", *PII, "--key", KEY)

    answer = quick("redact", tmp_path / "signed.jpg", "-o", tmp_path / "out.jpg", *label)

    assert answer.code == 0, answer.stderr
    assert "own Exif or XMP still says where" in answer.stderr


def test_several_files_one_of_them_without_a_history(
    quick: Run, photo: Path, tmp_path: Path
) -> None:
    answer = quick(
        "redact", photo, MEDIA / "scene.png", "-o", tmp_path / "out", *EXIF, "--format", "jsonl"
    )

    assert answer.code == 40
    first, second = answer.rows()
    assert first["error"] is None
    assert second["error"]["code"] == "publish"
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["photo.jpg"]


def test_a_second_redaction_keeps_what_the_first_said(
    quick: Run, verify: Verify, photo: Path, tmp_path: Path
) -> None:
    once, twice = tmp_path / "once.jpg", tmp_path / "twice.jpg"
    assert quick("redact", photo, "-o", once, *EXIF, "-q").code == 0
    assert quick("redact", once, "-o", twice, *PERSONAL, "-q").code == 0

    row = verify(twice)["twice.jpg"]
    told = [f for f in row["findings"] if f["code"] == "manifest.redacted"]
    assert [f["facts"]["redacted"][0]["label"] for f in told] == [
        "stds.schema-org.CreativeWork", "stds.exif"
    ]  # fmt: skip
    assert [f["facts"]["depth"] for f in told] == [0, 1]
    assert gone(twice, "48,51.2N", "Anna Example")


def test_what_was_left_cannot_be_changed_under_cover_of_a_redaction(
    quick: Run, verify: Verify, photo: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.jpg"
    assert quick("redact", photo, "-o", out, *EXIF, "-q").code == 0
    out.write_bytes(out.read_bytes().replace(b"Anna Example", b"Bert Example"))

    seen = verify(out)["out.jpg"]

    assert codes(seen)["manifest.ingredient_broken"] == "invalid"
    assert seen["decision"] == "review"


# What could be taken out


def test_the_list_says_what_may_go_what_stays_and_why(quick: Run, photo: Path) -> None:
    rows = quick("redact", photo, "--list", "--format", "json").json()["files"][0]["statements"]

    by_label = {row["label"]: row for row in rows}
    assert by_label["stds.exif"]["redactable"]
    assert "GPS" in by_label["stds.exif"]["personal"]
    assert not by_label["c2pa.hash.data"]["redactable"]
    assert by_label["c2pa.hash.data"]["why_not"]
    text = quick("redact", photo, "--list").stdout
    assert "may go  stds.exif  [personal]" in text
    assert "stays   c2pa.actions.v2" in text


def test_a_name_that_a_file_gives_itself_does_not_reach_the_terminal(
    quick: Run, tmp_path: Path
) -> None:
    path = tmp_path / "photo.jpg"
    made(path, [{"label": "org.example.\x1b[31mred", "data": {"a": 1}}])

    assert "\x1b" not in quick("redact", path, "--list").stdout


# The preset


def test_every_entry_of_the_preset_says_what_it_holds_and_who_says_so() -> None:
    for entry in preset("personal").values():
        assert entry.holds, entry.label
        assert entry.source, entry.label


def identity(kind: str, chain: bytes) -> dict[str, Any]:
    signature = cbor2.dumps(cbor2.CBORTag(18, [cbor2.dumps({33: chain}), {}, None, b""]))
    return {
        "signer_payload": {"sig_type": kind},
        "signature": base64.b64encode(signature).decode(),
    }


def test_an_organisations_identity_is_kept_and_a_persons_goes() -> None:
    leaf = load_pem_x509_certificates((KEYS / "signer/es256/chain.pem").read_bytes())[0]
    press = identity("cawg.x509.cose", leaf.public_bytes(Encoding.DER))

    assert not holds("personal", "cawg.identity", press, thumbnails=False)
    person = identity("cawg.identity_claims_aggregation", b"")
    assert holds("personal", "cawg.identity", person, thumbnails=False)
    assert holds("personal", "cawg.identity", "unreadable", thumbnails=False)
