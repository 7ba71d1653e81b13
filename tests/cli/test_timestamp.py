"""`trustkit timestamp add`: stamps for files that were signed while no authority was to be had."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.command import AI, BROKEN, COMMAND, KEY, KEYS, MEDIA, TSA_TRUST, environment
from tests.conftest import Run, Verify
from tests.manifests import actions, codes, detailed, finding, flip, ingredients
from tests.tsa import Fault, LocalTsa

ADD = ("timestamp", "add")
WITH_KEY = ("--key", KEY)
# One of each way of holding a manifest: with and without a size outside of it, in boxes, beside.
KINDS = (
    "scene.jpg",
    "anim.png",
    "scene.gif",
    "drawing.svg",
    "scene.jxl",
    "scene.webp",
    "scene.tif",
    "page.pdf",
    "sound.wav",
    "sound.mp3",
    "sound.flac",
    "clip.mp4",
    "clip-fragmented.mp4",
    "scene.heic",
    "scene.bmp",
    "clip.webm",
)


@pytest.fixture
def signed_file(signed_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(signed_folder / "scene.jpg", tmp_path / "scene.jpg"))


# Refusals


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--in-place",),
        ("--in-place", *WITH_KEY),
        ("--in-place", "--tsa", "http://127.0.0.1:9/"),
        (*WITH_KEY, "--tsa", "http://127.0.0.1:9/"),
        ("--in-place", *WITH_KEY, "--tsa", "tsa.example"),
    ],
)
def test_what_makes_no_sense_is_a_usage_error(
    quick: Run, signed_file: Path, options: tuple[str, ...]
) -> None:
    before = signed_file.read_bytes()
    answer = quick(*ADD, signed_file, *options)
    assert answer.code == 2, answer.stderr
    assert signed_file.read_bytes() == before


def test_an_original_is_not_replaced_unasked(quick: Run, signed_file: Path) -> None:
    before = signed_file.read_bytes()
    with LocalTsa.fast() as tsa:
        answer = quick(*ADD, signed_file, "-o", signed_file, *WITH_KEY, "--tsa", tsa.url)
        assert tsa.count == 0
    assert answer.code == 40
    assert signed_file.read_bytes() == before


@pytest.mark.parametrize("kind", ["unsigned", "changed", "broken"])
def test_what_has_no_signature_that_holds_is_refused_and_left_alone(
    quick: Run, signed_folder: Path, tmp_path: Path, kind: str
) -> None:
    path = tmp_path / "scene.jpg"
    match kind:
        case "unsigned":
            shutil.copy(MEDIA / "scene.jpg", path)
        case "changed":
            flip(Path(shutil.copy(signed_folder / "scene.jpg", path)))
        case "broken":
            path = Path(shutil.copy(next(BROKEN.glob("*.jpg")), path))
    before = path.read_bytes()
    with LocalTsa.fast() as tsa:
        answer = quick(*ADD, path, "--in-place", *WITH_KEY, "--tsa", tsa.url)
        assert tsa.count == 0
    assert answer.code == 40, answer.stderr
    assert path.read_bytes() == before
    assert [found.name for found in tmp_path.iterdir()] == ["scene.jpg"]


@pytest.mark.parametrize("fault", ["down", "refuses", "wrong_imprint", "hangs"])
def test_where_nobody_stamps_the_file_stays_as_it_is(
    quick: Run, signed_file: Path, fault: Fault
) -> None:
    before = signed_file.read_bytes()
    with LocalTsa.failing(fault) as tsa:
        named = ("--tsa", tsa.url, "--tsa-timeout", "0.5")
        answer = quick(*ADD, signed_file, "--in-place", *WITH_KEY, *named)
    assert answer.code == 40
    assert tsa.url in answer.stderr
    assert signed_file.read_bytes() == before
    assert [found.name for found in signed_file.parent.iterdir()] == ["scene.jpg"]


def test_a_key_that_may_not_sign_is_refused_before_anybody_is_asked(
    quick: Run, signed_file: Path
) -> None:
    before = signed_file.read_bytes()
    with LocalTsa.fast() as tsa:
        key = ("--key", f"file:{KEYS}/variants/timestamping-eku")
        answer = quick(*ADD, signed_file, "--in-place", *key, "--tsa", tsa.url)
        assert tsa.count == 0
    assert answer.code == 40
    assert signed_file.read_bytes() == before


def test_killed_while_it_waits_the_original_is_whole(signed_file: Path, home: Path) -> None:
    before = signed_file.read_bytes()
    with LocalTsa.slow(30) as tsa:
        command = [COMMAND, *ADD, signed_file, "--in-place", *WITH_KEY, "--tsa", tsa.url]
        process = subprocess.Popen(command, env=environment(home))
        until = time.monotonic() + 30
        while tsa.count == 0 and time.monotonic() < until:
            time.sleep(0.05)
        assert tsa.count == 1
        process.send_signal(signal.SIGKILL)
        assert process.wait(10) == -signal.SIGKILL
    assert signed_file.read_bytes() == before


# What it adds


@pytest.mark.parametrize("name", KINDS)
def test_a_file_signed_without_a_stamp_has_one_afterwards(
    quick: Run, verify: Verify, signed_folder: Path, tmp_path: Path, name: str
) -> None:
    path = Path(shutil.copy(signed_folder / name, tmp_path / name))
    content = path.read_bytes()
    beside = (signed_folder / f"{name}.c2pa").exists()
    if beside:
        shutil.copy(signed_folder / f"{name}.c2pa", tmp_path)
    old = verify(path)[name]
    with LocalTsa.failing("status_404") as bad, LocalTsa.fast() as good:
        named = ("--tsa", bad.url, "--tsa", good.url)
        answer = quick(*ADD, path, "--in-place", *WITH_KEY, *named, "-f", "jsonl")
        assert answer.code == 0, answer.stderr
        row = answer.rows()[0]
        assert row["timestamp"]["authority"] == good.url
        assert good.count == 2  # the old signature, and that of the manifest that says so
    new = verify(path, "--tsa-trust", TSA_TRUST)[name]

    assert codes(old)["manifest.timestamp"] == "absent"
    assert "manifest.ancestor_timestamp" not in codes(old)
    assert codes(new)["manifest.timestamp"] == "present"
    assert codes(new)["manifest.ancestor_timestamp"] == "present"
    assert codes(new)["manifest.intact"] == "present"
    assert "manifest.ingredient_broken" not in codes(new)
    assert {new[key] for key in ("verdict", "decision")} == {
        old[key] for key in ("verdict", "decision")
    }
    facts = finding(new, "manifest.ancestor_timestamp")["facts"]
    assert facts["manifest"] == finding(old, "manifest.present")["facts"]["label"]
    assert facts["at"] == row["timestamp"]["at"]
    assert facts["signer_was_valid"]
    assert not beside or path.read_bytes() == content


def test_the_new_manifest_says_nothing_new_of_the_content(quick: Run, signed_file: Path) -> None:
    old = detailed(signed_file)["claim"]
    with LocalTsa.fast() as tsa:
        answer = quick(*ADD, signed_file, "--in-place", *WITH_KEY, "--tsa", tsa.url)
    assert answer.code == 0, answer.stderr
    assert [action["action"] for action in actions(signed_file)] == ["c2pa.opened"]
    assert [one["relationship"] for one in ingredients(signed_file)] == ["parentOf"]
    store = detailed(signed_file)["assertion_store"]
    assert not any(label.startswith("c2pa.hash") for label in store)  # an update manifest
    assert old["dc:title"] == detailed(signed_file)["claim"]["dc:title"]


def test_a_file_stamped_already_is_left_as_it_is_and_said(quick: Run, signed_file: Path) -> None:
    with LocalTsa.fast() as tsa:
        options = ("--in-place", *WITH_KEY, "--tsa", tsa.url, "-f", "jsonl")
        assert quick(*ADD, signed_file, *options).rows()[0]["was_stamped"] is False
        before, count = signed_file.read_bytes(), tsa.count
        again = quick(*ADD, signed_file, *options)
        assert tsa.count == count
    assert again.code == 0
    assert again.rows()[0]["was_stamped"] is True
    assert again.rows()[0]["output"] is None
    assert "already" in again.stderr
    assert signed_file.read_bytes() == before


def test_several_files_go_into_a_folder_and_one_that_cannot_stops_none(
    quick: Run, signed_folder: Path, tmp_path: Path
) -> None:
    good = [signed_folder / name for name in ("scene.jpg", "scene.png", "scene.webp")]
    with LocalTsa.fast() as tsa:
        options = ("-o", tmp_path / "out", *WITH_KEY, "--tsa", tsa.url)
        answer = quick(*ADD, good[0], MEDIA / "noise.png", *good[1:], *options)
        assert tsa.connections == 1
    assert answer.code == 40
    assert answer.stdout.count("stamped") == 3
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "scene.jpg",
        "scene.png",
        "scene.webp",
    ]


def test_the_stamp_of_an_authority_nobody_knows_is_not_relied_on(
    quick: Run, verify: Verify, signed_file: Path
) -> None:
    with LocalTsa(KEYS / "tsa-untrusted") as tsa:
        answer = quick(*ADD, signed_file, "--in-place", *WITH_KEY, "--tsa", tsa.url)
    assert answer.code == 0, answer.stderr
    seen = verify(signed_file, "--tsa-trust", TSA_TRUST)["scene.jpg"]
    told = finding(seen, "manifest.ancestor_timestamp")
    assert told["status"] == "skipped"
    assert "no list of time-stamp authorities" in told["reason"]


def test_a_changed_picture_does_not_profit_from_the_stamp(
    quick: Run, verify: Verify, signed_file: Path
) -> None:
    with LocalTsa.fast() as tsa:
        quick(*ADD, signed_file, "--in-place", *WITH_KEY, "--tsa", tsa.url)
    flip(signed_file, 0.98)
    seen = verify(signed_file, "--tsa-trust", TSA_TRUST)["scene.jpg"]
    assert seen["verdict"] == "tampered"
    assert codes(seen)["manifest.ancestor_timestamp"] == "skipped"


def test_stamped_in_time_a_signature_outlives_its_certificate(
    quick: Run, verify: Verify, tmp_path: Path
) -> None:
    key, output = tmp_path / "key", tmp_path / "out.jpg"
    assert quick("keys", "generate", "-o", key, "--days", "2").code == 0
    with_key = ("--key", f"file:{key}")
    options = (*with_key, *AI, "--no-soft-binding", "-q")
    assert quick("sign", MEDIA / "scene.jpg", "-o", output, *options).code == 0
    later = (datetime.now(UTC) + timedelta(days=30)).isoformat(timespec="seconds")
    asked = ("--tsa-trust", TSA_TRUST, "--validation-time", later)

    without = verify(output, *asked, trust=key / "root.pem")["out.jpg"]
    with LocalTsa.fast() as tsa:
        answer = quick(*ADD, output, "--in-place", *with_key, "--tsa", tsa.url)
    assert answer.code == 0, answer.stderr
    stamped = verify(output, *asked, trust=key / "root.pem")["out.jpg"]

    assert without["axes"]["signer"] == "expired"
    assert stamped["axes"]["signer"] == "trusted"
    assert codes(stamped)["manifest.ancestor_timestamp"] == "present"


def test_what_was_edited_after_the_stamp_still_tells_of_it(
    quick: Run, verify: Verify, signed_file: Path, tmp_path: Path
) -> None:
    output = tmp_path / "edited.jpg"
    with LocalTsa.fast() as tsa:
        quick(*ADD, signed_file, "--in-place", *WITH_KEY, "--tsa", tsa.url)
    edit = ("--source-type", "humanEdits", "--no-soft-binding", "-q")
    assert quick("sign", signed_file, "-o", output, *WITH_KEY, *edit).code == 0
    seen = verify(output, "--tsa-trust", TSA_TRUST)["edited.jpg"]
    assert codes(seen)["manifest.timestamp"] == "absent"
    assert codes(seen)["manifest.ancestor_timestamp"] == "present"


def test_standard_input_goes_to_standard_output(
    run: Run, verify: Verify, signed_file: Path, tmp_path: Path
) -> None:
    with LocalTsa.fast() as tsa:
        options = ("-o", "-", *WITH_KEY, "--tsa", tsa.url)
        answer = run(*ADD, "-", *options, stdin=signed_file.read_bytes())
        assert answer.code == 0, answer.stderr
        output = tmp_path / "out.jpg"
        output.write_bytes(answer.raw)
        again = run(*ADD, "-", *options, stdin=answer.raw)
    assert (again.code, again.raw) == (40, b"")  # stamped already: nothing to pass on
    seen = verify(output, "--tsa-trust", TSA_TRUST)["out.jpg"]
    assert codes(seen)["manifest.ancestor_timestamp"] == "present"
