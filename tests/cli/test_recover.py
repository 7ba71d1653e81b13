"""`trustkit recover`: a stripped copy and its record; a lead, with what was tried and what not."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.command import BROKEN, MEDIA, TRUST
from tests.conftest import Run
from tests.registered import ID, OTHER, bare, cut, publish, url_of
from tests.service.serving import serving
from trustkit.record import Record
from trustkit.stores.registry import init_registry, open_registry


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("recover")


@pytest.fixture(scope="module")
def record(folder: Path) -> Record:
    with init_registry(url_of(folder / "registry.db")) as registry:
        publish(registry, folder / "other.jpg", OTHER, seed=2)
        return publish(registry, folder / "published.jpg", ID, seed=1)


@pytest.fixture(scope="module")
def url(folder: Path, record: Record) -> str:
    return url_of(folder / "registry.db")


@pytest.fixture(scope="module")
def copy(folder: Path, record: Record) -> Path:
    return cut(folder / "published.jpg", folder / "copy.jpg", scale=0.8)


def test_without_a_registry_it_says_how_to_name_one(quick: Run, tmp_path: Path) -> None:
    env = {"TRUSTKIT_HOME": str(tmp_path)}
    answer = quick("recover", MEDIA / "scene.jpg", env=env)

    assert answer.code == 33
    assert "--registry" in answer.stderr
    assert quick("recover", MEDIA / "scene.jpg", "--registry", "none", env=env).code == 33


def test_a_registry_that_is_not_there_is_said_once(quick: Run, tmp_path: Path) -> None:
    url = url_of(tmp_path / "none.db")
    files = (MEDIA / "scene.jpg", MEDIA / "scene.png")

    answer = quick("recover", *files, "--registry", url, "-f", "json")

    assert answer.code == 30
    assert answer.json()["error"]["code"] == "registry"
    assert answer.stderr.count("trustkit:") == 1


def test_a_stray_option_for_a_service_is_refused(quick: Run, url: str) -> None:
    assert quick("recover", MEDIA / "scene.jpg", "--registry", url, "--sbr-upload").code == 2
    bad = quick("recover", MEDIA / "scene.jpg", "--registry", url, "--sbr", "http://example.org/")
    assert bad.code == 2
    missing = ("--sbr", "http://127.0.0.1:1/", "--sbr-key-file", "no-such-file")
    assert quick("recover", MEDIA / "scene.jpg", "--registry", url, *missing).code == 33


@pytest.fixture(scope="module")
def told(run: Run, url: str, copy: Path) -> dict[str, Any]:
    answer = run("recover", copy, "--registry", url, "--trust", TRUST, "-f", "json")
    assert answer.code == 0, answer.stderr
    (row,) = answer.json()["files"]
    assert isinstance(row, dict)
    return row


def test_a_cut_small_copy_leads_to_its_record(told: dict[str, Any]) -> None:
    (match,) = told["matches"]

    assert (match["record"], match["kind"]) == (ID, "watermark")
    assert {way["kind"] for way in match["by"]} == {"watermark", "fingerprint"}
    assert 0 < match["false_match_odds"] < 1e-6
    assert 0.55 < match["copy"]["crop"] < 0.75
    assert 0.75 < match["copy"]["scale"] < 0.85
    assert match["disclosure"] == {"source_type": "digitalCapture"}
    assert told["doubt"] == ""
    assert told["error"] is None


def test_the_stored_manifest_is_read_again_and_never_said_to_be_of_the_copy(
    told: dict[str, Any],
) -> None:
    manifest = told["matches"][0]["manifest"]

    assert (manifest["state"], manifest["signer"]) == ("holds", "trusted")
    assert manifest["names_marks"] == [ID]
    assert manifest["declares"][0]["source_type"] == "digitalCapture"
    assert "not to this copy" in manifest["summary"]
    assert "tampered" not in json.dumps(told)
    assert "intact" not in json.dumps(told)


def test_what_is_personal_is_shown_only_when_asked_for(
    quick: Run, url: str, copy: Path, told: dict[str, Any]
) -> None:
    asked = quick("recover", copy, "--registry", url, "--personal")

    assert "Jane" not in json.dumps(told)
    assert "personal file_name: Jane at home.jpg" in asked.stdout
    assert "nobody can be recognised" in asked.stdout  # no list is in use in this call


def test_each_file_has_its_answer_in_order_and_the_worst_counts(
    quick: Run, url: str, folder: Path, copy: Path, tmp_path: Path
) -> None:
    unknown = bare(tmp_path / "unknown.png", 9)
    files = (folder / "published.jpg", unknown, BROKEN / "not-a-picture.jpg", copy)

    answer = quick("recover", *files, "--registry", url, "-f", "jsonl")

    rows = answer.rows()
    assert answer.code == 30
    assert [row["path"] for row in rows] == [str(path) for path in files]
    assert [[match["kind"] for match in row["matches"]] for row in rows] == [
        ["sha256"], [], [], ["watermark"],
    ]  # fmt: skip
    assert rows[2]["error"]["code"] == "unreadable"
    assert "this very file" in rows[0]["matches"][0]["manifest"]["summary"]
    assert set(rows[0]) == set(rows[1]) == set(rows[2])


def test_what_is_not_found_is_for_a_person_with_what_was_tried(
    quick: Run, url: str, tmp_path: Path
) -> None:
    answer = quick("recover", bare(tmp_path / "unknown.png", 9), "--registry", url)

    assert answer.code == 20
    lines = answer.stdout.splitlines()
    assert lines[0].startswith("not found  ")
    assert [line.split(":")[0].strip() for line in lines[1:]] == [
        "sha256", "watermark", "fingerprint",
    ]  # fmt: skip


def test_standard_input_is_looked_up_too(quick: Run, url: str, copy: Path) -> None:
    answer = quick("recover", "-", "--registry", url, "-f", "jsonl", stdin=copy.read_bytes())

    assert answer.code == 0
    assert answer.rows()[0]["path"] == "-"


@pytest.mark.parametrize("damage", ["changed", "missing"])
def test_a_damaged_blob_is_one_clear_sentence(
    quick: Run, folder: Path, record: Record, tmp_path: Path, damage: str
) -> None:
    shutil.copy(folder / "registry.db", tmp_path / "registry.db")
    shutil.copytree(folder / "registry.db.blobs", tmp_path / "registry.db.blobs")
    blob = tmp_path / "registry.db.blobs" / record.manifest[:2] / record.manifest[2:]
    if damage == "missing":
        blob.unlink()
    else:
        content = bytearray(blob.read_bytes())
        content[500] ^= 1
        blob.write_bytes(content)

    where = ("--registry", url_of(tmp_path / "registry.db"), "-f", "jsonl")
    answer = quick("recover", folder / "published.jpg", *where)

    manifest = answer.rows()[0]["matches"][0]["manifest"]
    assert answer.code == 0  # the record is found; its manifest is not
    assert manifest["state"] == "lost"
    assert record.manifest in manifest["summary"]


def test_a_manifest_that_was_changed_in_the_registry_is_broken(
    quick: Run, folder: Path, record: Record, tmp_path: Path
) -> None:
    with (
        init_registry(url_of(tmp_path / "r.db")) as registry,
        open_registry(url_of(folder / "registry.db")) as source,
    ):
        content = bytearray(source.blobs.get(record.manifest))
        content[content.index(b"digitalCapture")] ^= 1
        changed = registry.blobs.put(bytes(content))
        registry.store.put([replace(record, manifest=changed)])

    where = ("--registry", url_of(tmp_path / "r.db"), "--trust", TRUST, "-f", "jsonl")
    answer = quick("recover", folder / "published.jpg", *where)

    manifest = answer.rows()[0]["matches"][0]["manifest"]
    assert manifest["state"] == "broken"
    assert "does not hold" in manifest["summary"]


def test_a_service_is_asked_by_the_mark_and_what_it_keeps_is_read_again(
    run: Run, home: Path, url: str, copy: Path, tmp_path: Path
) -> None:
    with serving(home, tmp_path / "uploads", "--registry", url, "--public") as service:
        options = ("--registry", "none", "--sbr", f"{service.url}/v1", "--trust", TRUST)
        answer = run("recover", copy, *options, "-f", "json")
        nothing = run("recover", bare(tmp_path / "unknown.png", 9), *options, "-f", "json")

    assert answer.code == 0, answer.stdout
    (row,) = answer.json()["files"]
    (served,) = row["elsewhere"]
    assert (served["by"], served["manifest"]["state"]) == (ID, "holds")
    assert served["manifest"]["signer"] == "trusted"
    assert served["manifest"]["names_marks"] == [ID]
    assert {one["kind"]: one["answer"] for one in row["tried"]} == {
        "sha256": "not_checked", "watermark": "not_checked", "fingerprint": "not_checked",
        "sbr": "found",
    }  # fmt: skip
    assert nothing.code == 20
    assert "the file is not sent" in nothing.json()["files"][0]["tried"][-1]["why"]


def test_a_service_that_does_not_answer_is_not_silence(
    quick: Run, url: str, copy: Path, tmp_path: Path
) -> None:
    dead = ("--registry", url, "--sbr", "http://127.0.0.1:9/v1", "-f", "jsonl")

    found = quick("recover", copy, *dead)
    alone = quick("recover", copy, "--registry", "none", *dead[2:])

    last = found.rows()[0]["tried"][-1]
    assert found.code == 0  # the registry here has it
    assert (last["kind"], last["answer"]) == ("sbr", "not_checked")
    assert alone.code == 30
