"""`trustkit verify` with a registry: recovered where no manifest is intact, and never more."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.command import MEDIA, TRUST, environment
from tests.conftest import Run
from tests.registered import ID, OTHER, bare, cut, publish, url_of
from trustkit.stores.registry import init_registry

_ASK = """
import sys
from trustkit.cli import main
sys.argv = ["trustkit", "verify", *sys.argv[1:]]
try:
    main.main()
finally:
    print(sorted({"sqlalchemy", "alembic"} & set(sys.modules)), file=sys.stderr)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("verify-registry")
    with init_registry(url_of(path / "registry.db")) as registry:
        publish(registry, path / "published.jpg", ID, seed=1)
        publish(registry, path / "other.jpg", OTHER, seed=2)
    cut(path / "published.jpg", path / "copy.jpg")
    return path


def verified(quick: Run, folder: Path, *files: Path, code: int = 0) -> list[dict[str, Any]]:
    where = ("--registry", url_of(folder / "registry.db"), "--trust", TRUST, "-f", "jsonl")
    answer = quick("verify", *files, *where)
    assert answer.code == code, answer.stderr
    return answer.rows()


def found(row: dict[str, Any], code: str) -> list[dict[str, Any]]:
    return [one for one in row["findings"] if one["code"] == code]


def test_without_a_registry_it_says_that_none_is_configured(quick: Run) -> None:
    (row,) = quick("verify", MEDIA / "scene.jpg", "-f", "jsonl", "--skip", "watermark").rows()

    (one,) = found(row, "registry.match")
    assert (one["status"], one["reason"]) == ("skipped", "no registry is configured")
    assert row["verdict"] == "no_provenance"


def test_without_a_registry_nothing_of_a_database_is_loaded(home: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _ASK, MEDIA / "scene.jpg", "-q"],
        capture_output=True, text=True, timeout=60, check=False, env=environment(home),
    )  # fmt: skip

    assert done.returncode == 0
    assert done.stderr.splitlines()[-1] == "[]"


def test_a_named_registry_that_is_not_there_stops_the_run(quick: Run, tmp_path: Path) -> None:
    answer = quick("verify", MEDIA / "scene.jpg", "--registry", url_of(tmp_path / "none.db"))

    assert answer.code == 30
    assert answer.stdout == ""


def test_a_stripped_copy_is_recovered_and_no_finding_claims_proof(quick: Run, folder: Path) -> None:
    (row,) = verified(quick, folder, folder / "copy.jpg")

    assert (row["verdict"], row["decision"]) == ("recovered", "accept")
    assert row["axes"]["origin"] == "recovered"
    assert row["axes"]["integrity"] == "none"
    (match,), (kept,) = found(row, "registry.match"), found(row, "registry.manifest")
    assert match["facts"]["record"] == ID
    assert {one["weight"] for one in (match, kept)} == {"strong"}
    assert "not to this copy" in kept["summary"]
    assert "Jane" not in str(row)


def test_a_file_whose_own_manifest_is_intact_keeps_its_verdict(quick: Run, folder: Path) -> None:
    (row,) = verified(quick, folder, folder / "published.jpg")

    assert (row["verdict"], row["axes"]["origin"]) == ("trusted", "declared_capture")
    assert found(row, "registry.match")[0]["facts"]["kind"] == "sha256"


def test_what_a_stranger_signed_over_a_marked_picture_is_not_looked_up_by_its_looks(
    quick: Run, folder: Path, signed_folder: Path
) -> None:
    (row,) = verified(quick, folder, signed_folder / "scene.png")

    (one,) = found(row, "registry.no_match")
    assert one["status"] == "absent"
    tried = {way["kind"]: way["answer"] for way in one["facts"]["tried"]}
    assert tried == {"sha256": "not_found", "watermark": "not_found", "fingerprint": "not_checked"}


def test_an_unknown_picture_is_not_found_which_is_said(
    quick: Run, folder: Path, tmp_path: Path
) -> None:
    (row,) = verified(quick, folder, bare(tmp_path / "unknown.png", 9))

    assert row["verdict"] == "no_provenance"
    assert found(row, "registry.no_match")[0]["status"] == "absent"


def test_none_and_skip_leave_it_out(quick: Run, folder: Path) -> None:
    env = {"TRUSTKIT_REGISTRY": url_of(folder / "registry.db")}
    words = ("verify", folder / "copy.jpg", "-f", "jsonl")

    (by_variable,) = quick(*words, env=env).rows()
    (none,) = quick(*words, "--registry", "none", env=env).rows()
    (skipped,) = quick(*words, "--skip", "registry", env=env).rows()

    assert by_variable["verdict"] == "recovered"
    assert found(none, "registry.match")[0]["status"] == "skipped"
    assert not any(one["code"].startswith("registry.") for one in skipped["findings"])


def test_marks_that_are_not_read_are_said_not_to_be(quick: Run, folder: Path) -> None:
    where = ("--registry", url_of(folder / "registry.db"), "--skip", "watermark", "-f", "jsonl")
    (row,) = quick("verify", folder / "copy.jpg", *where).rows()

    (match,) = found(row, "registry.match")
    assert match["facts"]["kind"] == "fingerprint"
    assert {way["kind"]: way["why"] for way in match["facts"]["tried"]}["watermark"] == (
        "marks are not read in this run"
    )


def test_a_damaged_registry_is_told_with_every_file_and_hides_nothing_else(
    quick: Run, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "registry.db").write_bytes(b"no database" * 500)
    words = ("verify", folder / "published.jpg", "--trust", TRUST, "-f", "jsonl")

    answer = quick(*words, env={"TRUSTKIT_HOME": str(tmp_path)})

    (row,) = answer.rows()
    (one,) = found(row, "registry.failed")
    assert answer.code == 30
    assert (row["verdict"], one["status"]) == ("trusted", "skipped")
    assert one["reason"]


def test_a_record_whose_manifest_is_lost_says_so(quick: Run, folder: Path, tmp_path: Path) -> None:
    shutil.copy(folder / "registry.db", tmp_path / "registry.db")

    (row,) = verified(quick, tmp_path, folder / "copy.jpg")

    (kept,) = found(row, "registry.manifest")
    assert row["verdict"] == "recovered"
    assert kept["status"] == "skipped"
    assert kept["reason"]
