"""`verify --second-opinion`: another engine is asked, and nothing of the verdict depends on it."""

from __future__ import annotations

import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tests.cli.test_c2pa_corpus import CORPUS, INDEX, LISTS
from tests.command import KEY, MEDIA, TRUST
from tests.conftest import Run
from tests.histories import exif, made
from tests.manifests import finding, flip

encypher_c2pa = pytest.importorskip("encypher_c2pa")

ASKED = ("--second-opinion", "--trust", TRUST, "--skip", "watermark", "--format", "jsonl", "-q")
ALONE = tuple(word for word in ASKED if word != "--second-opinion")


def opinions(row: dict[str, Any]) -> list[dict[str, Any]]:
    return [f for f in row["findings"] if f["code"].startswith("opinion.")]


@pytest.fixture(scope="module")
def changed(signed_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Every signed file with one bit changed, two thirds of the way through."""
    folder = tmp_path_factory.mktemp("changed")
    found = []
    for path in sorted(signed_folder.iterdir()):
        target = folder / path.name
        target.write_bytes(path.read_bytes())
        if path.suffix != ".c2pa":
            found.append(flip(target))
    return found


@pytest.fixture(scope="module")
def rows(quick: Run, changed: list[Path]) -> list[dict[str, Any]]:
    """What both engines say of the changed files."""
    return quick("verify", *changed, *ASKED).rows()


# Refusals


def test_without_the_extra_it_says_what_to_install(
    quick: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As in an installation without it: Python itself then refuses to import it.
    monkeypatch.setitem(sys.modules, "encypher_c2pa", None)
    monkeypatch.delitem(sys.modules, "trustkit.evidence.opinion", raising=False)

    answer = quick("verify", MEDIA / "scene.jpg", "--second-opinion")

    assert answer.code == 30
    assert "a second opinion needs encypher_c2pa" in answer.stderr
    assert "pip install 'trustkit[second-opinion]'" in answer.stderr


def test_it_is_not_asked_unless_asked_for(quick: Run, signed_folder: Path) -> None:
    assert opinions(quick("verify", signed_folder / "scene.jpg", *ALONE).rows()[0]) == []


def test_a_kind_of_file_it_does_not_read_is_skipped_with_the_reason(
    quick: Run, signed_folder: Path
) -> None:
    row = quick("verify", signed_folder / "scene.bmp", *ASKED).rows()[0]

    said = finding(row, "opinion.agrees")
    assert said["status"] == "skipped"
    assert "does not read image/bmp" in said["reason"]


def test_a_manifest_kept_elsewhere_is_not_asked_about(quick: Run, tmp_path: Path) -> None:
    out = tmp_path / "remote.jpg"
    signing = ("--key", KEY, "--source-type", "digitalCapture", "--no-soft-binding", "-q")
    address = ("--remote", "http://127.0.0.1:9/m.c2pa")
    assert quick("sign", MEDIA / "scene.jpg", "-o", out, *signing, *address).code == 0
    (tmp_path / "remote.jpg.c2pa").unlink()

    row = quick("verify", out, *ASKED).rows()[0]

    assert "kept elsewhere" in finding(row, "opinion.agrees")["reason"]


# What it says


def test_it_agrees_on_all_we_sign_and_it_reads(quick: Run, signed_folder: Path) -> None:
    files = [p for p in sorted(signed_folder.iterdir()) if p.suffix != ".c2pa"]

    for row in quick("verify", *files, *ASKED).rows():
        said = finding(row, "opinion.agrees")
        assert [f["code"] for f in opinions(row)] == ["opinion.agrees"], row["path"]
        assert said["status"] == "skipped" or "intact, signer trusted" in said["summary"]


def test_of_changed_files_each_difference_is_known_and_explained(
    rows: list[dict[str, Any]],
) -> None:
    assert len(rows) > 30
    for row in rows:
        for said in opinions(row):
            assert said["code"] == "opinion.agrees" or said["facts"]["known"], (row["path"], said)


def test_the_verdict_is_ours_alone(
    quick: Run, changed: list[Path], rows: list[dict[str, Any]]
) -> None:
    alone = quick("verify", *changed, *ALONE).rows()

    assert [row["verdict"] for row in alone] == [row["verdict"] for row in rows]
    assert [row["axes"] for row in alone] == [row["axes"] for row in rows]


def test_where_they_differ_on_integrity_a_person_is_asked(rows: list[dict[str, Any]]) -> None:
    differ = [r for r in rows if "opinion.differs.integrity" in {f["code"] for f in opinions(r)}]

    assert differ, "no file in which our engine is stricter"
    for row in differ:
        said = finding(row, "opinion.differs.integrity")
        assert {said["facts"]["ours"], said["facts"]["theirs"]} == {"unreadable", "intact"}
        assert said["facts"]["its_words"]["hard_binding"] == "match"
        assert row["decision"] == "review"
        assert "opinion.differs.integrity" in row["because"]


def test_a_known_difference_is_explained_in_words(quick: Run, tmp_path: Path) -> None:
    made(tmp_path / "photo.jpg", [exif("1N")])
    out = tmp_path / "out.jpg"
    options = ("--preset", "personal", "--reason", "c2pa.PII.present", "--key", KEY, "-q")
    assert quick("redact", tmp_path / "photo.jpg", "-o", out, *options).code == 0

    said = finding(quick("verify", out, *ASKED).rows()[0], "opinion.differs.conformance")

    assert said["facts"]["theirs"] == ["assertion.action.redactionMismatch"]
    assert "redacted statement" in said["facts"]["known"][0]


def test_a_sidecar_is_handed_over(quick: Run, beside_folder: Path) -> None:
    row = quick("verify", beside_folder / "scene.png", *ASKED).rows()[0]

    assert finding(row, "opinion.agrees")["status"] == "present"


def test_both_are_asked_with_the_same_lists(quick: Run, signed_folder: Path) -> None:
    options = [word for word in ASKED if word not in {"--trust", TRUST}]

    said = finding(
        quick("verify", signed_folder / "scene.jpg", *options).rows()[0], "opinion.agrees"
    )

    assert said["facts"]["trust"] == "untrusted"


def test_both_are_asked_about_the_same_time(quick: Run, signed_folder: Path) -> None:
    later = ("--validation-time", "2060-01-01T00:00:00Z")

    said = finding(
        quick("verify", signed_folder / "scene.jpg", *ASKED, *later).rows()[0], "opinion.agrees"
    )

    assert said["facts"]["trust"] == "expired"
    assert said["facts"]["its_words"]["trust"] == "not_valid_for_supplied_material"


@pytest.mark.skipif(
    not INDEX.is_file() or not LISTS.is_dir(), reason="the public test files are not beside us"
)
def test_every_difference_over_the_public_files_is_known(quick: Run) -> None:
    rows = quick("verify", "-r", CORPUS, *ASKED).rows()

    assert len(rows) > 40
    for row in rows:
        for said in opinions(row):
            assert said["code"] == "opinion.agrees" or said["facts"]["known"], (row["path"], said)


# What it does not do


class Listener(BaseHTTPRequestHandler):
    calls: ClassVar[list[str]] = []

    def do_POST(self) -> None:
        self.calls.append(self.path)
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


def senders(seconds: float) -> set[str]:
    """Return the threads that its telemetry starts within `seconds`, by their names."""
    until = time.monotonic() + seconds
    found: set[str] = set()
    while time.monotonic() < until and not found:
        names = {p.read_text().strip() for p in Path("/proc/self/task").glob("*/comm")}
        found = {name for name in names if name.startswith("encypher-c2pa-t")}
        time.sleep(0.02)
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="its threads are counted in /proc")
def test_nothing_is_sent_and_nothing_saved_whatever_the_user_has_set(
    changed: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from trustkit.asset import open_asset
    from trustkit.evidence.opinion import OpinionCollector

    for name in ("HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("ENCYPHER_C2PA_TELEMETRY", "on")
    altered = next(path for path in changed if path.name == "scene.jpg")

    said = list(OpinionCollector().collect(open_asset(altered)))

    assert said[0].code == "opinion.agrees"
    assert os.environ["ENCYPHER_C2PA_TELEMETRY"] == "off"
    assert list(tmp_path.iterdir()) == []
    assert not senders(0.5)
    # And this is how it would look if anything were: a thread of its own, and a call.
    server = HTTPServer(("127.0.0.1", 0), Listener)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    encypher_c2pa.verify(
        altered.read_bytes(), mime_type="image/jpeg", no_default_trust=True, telemetry=True,
        telemetry_endpoint=f"http://127.0.0.1:{server.server_port}/",
    )  # fmt: skip
    assert senders(10)
    server.shutdown()
    server.server_close()
