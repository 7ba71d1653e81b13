"""`trustkit lint`: what a profile asks for is found, or said to be missing, with its clause."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from tests.command import KEY, MEDIA
from tests.conftest import Run
from tests.disclosed import ALL, OPTIONS, SAID, disclosed, tell
from tests.tsa import LocalTsa

Rows = dict[str, dict[str, Any]]
PHOTO = MEDIA / "scene.jpg"


def check(row: dict[str, Any], profile: str, fact: str, place: str) -> dict[str, Any]:
    (found,) = (
        c for c in row["checks"] if (c["profile"], c["fact"], c["place"]) == (profile, fact, place)
    )
    return found


def failing(row: dict[str, Any]) -> set[tuple[str, str, str]]:
    return {(c["profile"], c["fact"], c["place"]) for c in row["checks"] if c["fails"]}


@pytest.fixture(scope="module")
def authority() -> Iterator[str]:
    with LocalTsa() as tsa:
        yield tsa.url


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, quick: Run, authority: str) -> Path:
    """Files that each have something of their own: read them, never write to them."""
    where = tmp_path_factory.mktemp("lint")
    shutil.copy(PHOTO, where / "plain.jpg")
    (where / "garbage.jpg").write_bytes(b"\xff\xd8\xff\xe0nothing of a picture")
    (where / "empty.jpg").touch()
    whole = disclosed(quick, PHOTO, where / "work", authority)
    shutil.copy(whole, where / "whole.jpg")
    changed = bytearray(whole.read_bytes())
    changed[-100] ^= 1
    (where / "changed.jpg").write_bytes(changed)
    told = (where / "work" / "told-scene.jpg").read_bytes()
    for name, old, new in (
        ("block.jpg", b'"Label":"1"', b'"Label":"7"'),
        ("misspelt.jpg", b"Iptc4xmpExt:AISystemUsed", b"Iptc4xmpExt:AIsystemUsed"),
        ("term.jpg", b"http://cv.iptc.org/newscodes", b"http://cv.iptc.net/newscodes"),
        ("time.jpg", b"2026-11-23T10:00:00Z", b"2026-13-23T10:00:00Z"),
        ("broken.jpg", b"</rdf:RDF>", b"</rdf:RDX>"),
    ):
        assert told.count(old) >= 1
        (where / name).write_bytes(told.replace(old, new))
    other = ("--system", "Another", "--id", "2", "--tsa", authority, "-q", "--key", KEY)
    quiet = (*OPTIONS, *other, "--no-soft-binding")
    sign(quick, where / "work" / "told-scene.jpg", where / "other.jpg", *quiet)
    capture = ("--source-type", "digitalCapture", "--key", KEY, "-q", "--no-soft-binding")
    sign(quick, PHOTO, where / "photo.jpg", *capture)
    changed = bytearray((where / "photo.jpg").read_bytes())
    changed[-100] ^= 1
    (where / "undone.jpg").write_bytes(changed)
    sign(quick, where / "work" / "told-scene.jpg", where / "opposite.jpg", *capture)
    exempt = ("--editorial-exemption", "satire", "--reviewed-by", "A Person")
    sign(quick, PHOTO, where / "exempt.jpg", *OPTIONS, *exempt, *capture[2:])
    return where


def sign(quick: Run, source: Path, target: Path, *options: str) -> None:
    answer = quick("sign", source, "-o", target, *options)
    assert answer.code == 0, answer.stderr


@pytest.fixture(scope="module")
def rows(quick: Run, folder: Path) -> Rows:
    files = sorted(folder.glob("*.jpg"))
    answer = quick("lint", *files, "--profile", ALL, "-f", "jsonl")
    assert answer.code == 10
    found = answer.rows()
    assert [Path(row["path"]) for row in found] == files
    return {Path(row["path"]).name: row for row in found}


def test_what_cannot_be_read_is_an_error_and_no_clean_bill(rows: Rows) -> None:
    assert rows["empty.jpg"]["result"] == "error"
    assert rows["empty.jpg"]["checks"] == []
    assert rows["empty.jpg"]["error"]["code"] == "unreadable"
    assert rows["garbage.jpg"]["result"] == "incomplete"


def test_a_file_that_says_nothing_lacks_everything_that_is_required(rows: Rows) -> None:
    row = rows["plain.jpg"]
    assert row["result"] == "incomplete"
    required = [c for c in row["checks"] if c["level"] == "required"]
    assert all(c["status"] == "missing" and c["clause"] and c["source"] for c in required)
    # What nobody requires is told, and fails nothing.
    assert not check(row, "iptc-2025.1", "credit", "metadata")["fails"]


def test_a_manifest_that_is_not_intact_counts_as_missing_with_all_it_says(rows: Rows) -> None:
    row = rows["changed.jpg"]
    for fact in ("intact", "source_type"):
        found = check(row, "eu-code", fact, "manifest")
        assert found["status"] == "missing"
        assert "the content is not what was signed" in found["reason"]
    assert check(row, "ca-sb942", "system", "metadata")["status"] == "present"


def test_malformed_fields_are_named_with_what_is_wrong(rows: Rows) -> None:
    label = check(rows["block.jpg"], "cn-gb45438", "source_type", "aigc")
    assert (label["status"], label["reason"]) == ("malformed", "Label is '7', not 1, 2 or 3")
    assert check(rows["block.jpg"], "cn-gb45438", "id", "aigc")["status"] == "present"
    near = check(rows["misspelt.jpg"], "iptc-2025.1", "system", "metadata")
    assert near["status"] == "malformed"
    assert "AIsystemUsed is not Iptc4xmpExt:AISystemUsed" in near["reason"]
    term = check(rows["term.jpg"], "iptc-2025.1", "source_type", "metadata")
    assert (term["status"], "not the address" in term["reason"]) == ("malformed", True)
    time = check(rows["time.jpg"], "ca-sb942", "created", "metadata")
    assert (time["status"], "no ISO 8601 time" in time["reason"]) == ("malformed", True)
    broken = check(rows["broken.jpg"], "iptc-2025.1", "source_type", "metadata")
    assert (broken["status"], "cannot be read" in broken["reason"]) == ("malformed", True)


def test_places_that_contradict_each_other_are_told(rows: Rows) -> None:
    row = rows["other.jpg"]
    system = check(row, "ca-sb942", "system", "metadata")
    assert (system["status"], system["fails"]) == ("contradictory", True)
    assert "'Another'" in system["reason"]
    assert check(row, "ca-sb942", "id", "manifest")["status"] == "contradictory"
    assert check(row, "ca-sb942", "provider", "metadata")["status"] == "present"
    opposite = rows["opposite.jpg"]
    assert check(opposite, "iptc-2025.1", "source_type", "metadata")["status"] == "contradictory"


def test_a_file_that_declares_a_capture_is_not_asked_for_what_ai_must_say(rows: Rows) -> None:
    row = rows["photo.jpg"]
    assert failing(row) == {("iptc-2025.1", "source_type", "metadata")}
    assert check(row, "ca-sb942", "provider", "manifest")["status"] == "not_applicable"


def test_a_capture_that_a_broken_manifest_declares_does_away_with_nothing(rows: Rows) -> None:
    row = rows["undone.jpg"]
    assert row["result"] == "incomplete"
    assert ("ca-sb942", "provider", "manifest") in failing(row)
    assert ("cn-gb45438", "source_type", "aigc") in failing(row)


def test_a_label_is_for_a_person_to_look_for_unless_the_manifest_says_why_there_is_none(
    rows: Rows,
) -> None:
    label = check(rows["whole.jpg"], "eu-code", "label", "label")
    assert (label["status"], label["level"]) == ("not_checked", "conditional")
    assert "ask a person: a deep fake" in label["reason"]
    exempt = check(rows["exempt.jpg"], "eu-code", "label", "label")
    assert exempt["status"] == "not_applicable"
    assert "satire, by A Person" in exempt["reason"]


def test_nothing_is_missing_in_a_file_that_was_told_marked_stamped_and_signed(rows: Rows) -> None:
    row = rows["whole.jpg"]
    assert row["result"] == "complete"
    for place in ("manifest", "metadata"):
        for fact in ("provider", "system", "system_version", "created", "id"):
            assert check(row, "ca-sb942", fact, place)["status"] == "present"
    (mark,) = check(row, "eu-code", "mark", "watermark")["found"]
    assert mark == {"place": "watermark", "key": "org.trustkit.tiles.1", "value": SAID.id}
    assert check(row, "eu-code", "stamp", "timestamp")["status"] == "present"


def test_a_prompt_is_found_and_never_repeated(tmp_path: Path, quick: Run) -> None:
    secret = "a sky over the harbour of an informant"
    told, signed = tmp_path / "told.jpg", tmp_path / "signed.jpg"
    tell(PHOTO, told, replace(SAID, prompt=secret))
    options = (*OPTIONS, "--prompt", secret, "--key", KEY, "--no-soft-binding", "-q")
    sign(quick, told, signed, *options)
    for form in ("json", "html", "text"):
        answer = quick("lint", signed, "--profile", "iptc-2025.1", "-f", form)
        assert answer.code == 0
        assert "informant" not in answer.stdout
        assert "prompt" in answer.stdout


def test_the_exit_code_is_30_where_something_required_could_not_be_looked_for(
    tmp_path: Path, quick: Run
) -> None:
    signed = tmp_path / "scan.bmp"
    sign(quick, MEDIA / "scene.bmp", signed, *OPTIONS, "--key", KEY, "--no-soft-binding", "-q")
    answer = quick("lint", signed, "--profile", "iptc-2025.1")
    assert answer.code == 30
    assert "? not checked" in answer.stdout
    assert "the metadata of image/bmp is not read" in answer.stdout


def test_bad_calls_are_refused_before_any_file_is_read(tmp_path: Path, quick: Run) -> None:
    assert quick("lint", PHOTO).code == 2
    assert quick("lint", PHOTO, "--profile", "eu-cod").code == 33
    assert quick("lint", PHOTO, "--profile", "eu-code", "--watermark-key", PHOTO).code == 33
    answer = quick("lint", tmp_path / "none*.jpg", "--profile", "eu-code", "-f", "json")
    assert answer.code == 3
    assert answer.json()["files"][0]["error"]["code"] == "no_input"
    there = tmp_path / "no" / "folder.html"
    assert quick("lint", PHOTO, "--profile", "iptc-2025.1", "-o", there).code == 2


class Page(HTMLParser):
    """What a browser would make of it: the elements, and the text."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.text = ""
        self.addresses: list[str] = []
        self.feed(markup)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.addresses += [value or "" for name, value in attrs if name in {"src", "href"}]

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("verb", [("lint", "--profile", "eu-code"), ("verify",)])
def test_a_report_is_never_written_over_an_input(
    tmp_path: Path, quick: Run, verb: tuple[str, ...]
) -> None:
    photo = tmp_path / "photo.jpg"
    shutil.copy(PHOTO, photo)
    answer = quick(*verb, photo, "--output", tmp_path / "." / "photo.jpg")
    assert answer.code == 2
    assert "is itself an input" in answer.stderr
    assert photo.read_bytes() == PHOTO.read_bytes()


def test_the_page_is_one_file_and_what_a_file_says_is_text_on_it(
    tmp_path: Path, quick: Run
) -> None:
    hostile = "<script>alert(1)</script>"
    told = tmp_path / "<img src=x onerror=alert(1)>.jpg"
    tell(PHOTO, told, replace(SAID, system=hostile, provider="<iframe src=//x>"))
    page = tmp_path / "page.html"
    answer = quick("lint", told, "--profile", ALL, "-f", "html", "-o", page, "-q")
    assert (answer.code, answer.stdout) == (10, "")
    seen = Page(page.read_text("utf-8"))
    assert not seen.tags & {"script", "img", "iframe", "link", "object"}
    assert seen.addresses == []
    assert hostile in seen.text
    assert "22757.3(b)(1)(A)" in seen.text
    assert "no statement of compliance" in seen.text


def test_json_is_one_document_with_profiles_and_a_summary(quick: Run, folder: Path) -> None:
    both = (folder / "plain.jpg", folder / "photo.jpg")
    answer = quick("lint", *both, "--profile", "iptc-2025.1,eu-code", "-f", "json", "-q")
    found = answer.json()
    assert found["schema_version"] == "1.0"
    assert [one["name"] for one in found["profiles"]] == ["iptc-2025.1", "eu-code"]
    assert all(one["unverified"] for one in found["profiles"])
    assert found["summary"]["exit_code"] == answer.code == 10
    assert found["summary"]["by_result"] == {"incomplete": 2}


def test_standard_input_is_read_and_a_profile_of_ones_own_is_taken(
    tmp_path: Path, quick: Run
) -> None:
    house = tmp_path / "house.toml"
    house.write_text(
        'profile = 1\nname = "house"\ntitle = "Ours"\n[[need]]\nfact = "credit"\n'
        'places = ["metadata"]\nwhen = "always"\nclause = "1"\nasks = "the credit line"\n'
        'mark = "T"\nsource = "https://example.org/"\n'
    )
    answer = quick("lint", "-", "--profile", house, "-q", stdin=PHOTO.read_bytes())
    assert answer.code == 10
    assert "! missing        house 1: credit in the metadata" in answer.stdout


def test_a_heic_is_still_read_after_it_was_told_and_signed(
    tmp_path: Path, quick: Run, authority: str
) -> None:
    made = disclosed(quick, MEDIA / "scene.heic", tmp_path, authority)
    answer = quick("lint", made, "--profile", ALL, "-q")
    assert answer.code == 0, answer.stdout


def test_a_registry_is_asked_for_this_very_file(tmp_path: Path, quick: Run, folder: Path) -> None:
    url = f"sqlite:///{tmp_path}/registry.db"
    assert quick("registry", "init", url).code == 0
    whole, plain = folder / "whole.jpg", folder / "plain.jpg"
    answer = quick("registry", "add", whole, "--registry", url, "-q")
    assert answer.code == 0, answer.stderr
    asked = ("--profile", "eu-code", "--registry", url, "-f", "jsonl", "-q")
    rows = quick("lint", whole, plain, *asked).rows()
    found = [check(row, "eu-code", "record", "registry")["status"] for row in rows]
    assert found == ["present", "missing"]
    answer = quick("lint", whole, *asked[:2], "--registry", f"{url}x", "-f", "jsonl", "-q")
    assert answer.code == 30
    assert "no registry" in answer.rows()[0]["error"]["message"]


def test_a_later_stamp_or_redaction_takes_back_nothing_of_what_was_declared(
    tmp_path: Path, quick: Run, authority: str
) -> None:
    told, signed = tmp_path / "told.jpg", tmp_path / "signed.jpg"
    stamped, clean = tmp_path / "stamped.jpg", tmp_path / "clean.jpg"
    tell(PHOTO, told, SAID)
    agreed = ("--consent", "voice,reference=1", "--key", KEY, "--no-soft-binding", "-q")
    sign(quick, told, signed, *OPTIONS, *agreed)
    late = ("--key", KEY, "--tsa", authority, "-q")
    assert quick("timestamp", "add", signed, "-o", stamped, *late).code == 0
    personal = ("--preset", "personal", "--reason", "c2pa.PII.present", "--key", KEY, "-q")
    assert quick("redact", stamped, "-o", clean, *personal).code == 0
    answer = quick("lint", signed, stamped, clean, "--profile", ALL, "-f", "jsonl", "-q")
    marks = {("eu-code", "mark", "watermark"), ("ca-sb942", "mark", "watermark")}
    rows = [failing(row) - marks for row in answer.rows()]
    assert rows == [{("eu-code", "stamp", "timestamp")}, set(), set()]
