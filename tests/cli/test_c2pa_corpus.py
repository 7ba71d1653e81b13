"""Public C2PA test files, row by row: integrity and signer against what is documented of each."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from tests.command import REPOSITORY
from tests.conftest import Run

SHARED = REPOSITORY.parent / "shared"
CORPUS, LISTS = SHARED / "data" / "c2pa", SHARED / "trust"
INDEX = CORPUS / "index.tsv"

pytestmark = pytest.mark.skipif(
    not INDEX.is_file() or not LISTS.is_dir(), reason="the public test files are not beside us"
)

# The index gives the engine's state with the official and the interim list. What that state means
# on our axes, where nothing else is known of a row:
BY_STATE = {
    "Valid": ("intact", "untrusted"),
    "Trusted": ("intact", "trusted"),
    "NO_MANIFEST": ("none", "none"),
    "REMOTE_ONLY": ("unreadable", "none"),  # a manifest somewhere else, not fetched
    "MALFORMED": ("unreadable", "none"),
    "UNSUPPORTED_PRERELEASE": ("unreadable", "none"),
    "UNSUPPORTED_CONTAINER": ("unreadable", "none"),  # a font, and manifests without their file
    "Invalid": ("altered", "untrusted"),
}
# `Invalid` for a reason that is neither a hash nor a signature of this file:
_CAWG_UNTRUSTED = ("intact", "untrusted")  # the publisher's identity statement fails: its own axis
_CAWG_TRUSTED = ("intact", "trusted")  # likewise, signed and stamped by Adobe (interim list)
_INGREDIENT = ("intact", "untrusted")  # a component's signature or statement was already broken
_CONFORMANCE = ("intact", "untrusted")  # hashes and signature hold; an assertion is not readable
EXCEPTIONS = {
    "contentauth__ims_multiple_manifests.jpg": _CAWG_TRUSTED,
    "contentauth__adobe_connected_identities.jpg": _CAWG_TRUSTED,
    "contentauth__did_doc_without_assertion_method.jpg": _CAWG_UNTRUSTED,
    "contentauth__invalid_content_type.jpg": _CAWG_UNTRUSTED,
    "contentauth__invalid_content_type_assigned.jpg": _CAWG_UNTRUSTED,
    "contentauth__invalid_cose_sign1.jpg": _CAWG_UNTRUSTED,
    "contentauth__invalid_cose_sign_alg.jpg": _CAWG_UNTRUSTED,
    "contentauth__invalid_issuer_did.jpg": _CAWG_UNTRUSTED,
    "contentauth__invalid_time_stamp.jpg": _CAWG_UNTRUSTED,
    "contentauth__invalid_vc.jpg": _CAWG_UNTRUSTED,
    "3b1fe6_contentauth__CIE-sig-CA.jpg": _INGREDIENT,
    "c2pa-org__adobe-20220124-E-uri-CIE-sig-CA.jpg": _INGREDIENT,
    "contentauth__malformed_cbor.jpg": _CONFORMANCE,
}
BROKEN_INGREDIENTS = {
    "3b1fe6_contentauth__CIE-sig-CA.jpg",
    "c2pa-org__adobe-20220124-CIE-sig-CA.jpg",
    "c2pa-org__adobe-20220124-E-uri-CIE-sig-CA.jpg",
}


def index() -> list[dict[str, str]]:
    with INDEX.open(newline="") as stream:
        return list(csv.DictReader(stream, delimiter="\t"))


@pytest.fixture(scope="module")
def rows(run: Run, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    interim = tmp_path_factory.mktemp("lists") / "interim.pem"
    parts = [LISTS / "interim" / name for name in ("anchors.pem", "allowed.pem")]
    interim.write_bytes(b"\n".join(part.read_bytes() for part in parts))
    # What is asked here is about manifests; marks have tests of their own.
    answer = run(
        "verify", "--skip", "watermark", "-r", CORPUS, "--format", "jsonl", "-q",
        "--trust", LISTS / "C2PA-TRUST-LIST.pem", "--trust", interim,
        "--tsa-trust", LISTS / "C2PA-TSA-TRUST-LIST.pem",
    )  # fmt: skip
    return {Path(row["path"]).name: row for row in answer.rows()}


def test_every_row_agrees_with_what_is_documented(rows: dict[str, dict[str, Any]]) -> None:
    expected = {
        row["filename"]: EXCEPTIONS.get(row["filename"], BY_STATE[row["expected(C2PA_list+ITL)"]])
        for row in index()
    }
    found = {
        name: (rows[name]["axes"]["integrity"], rows[name]["axes"]["signer"]) for name in expected
    }

    assert len(expected) == 52
    assert found == expected


def test_a_broken_ingredient_is_said_and_goes_to_a_person(rows: dict[str, dict[str, Any]]) -> None:
    told = {
        name
        for name, row in rows.items()
        if any(f["code"] == "manifest.ingredient_broken" for f in row["findings"])
    }

    assert told == BROKEN_INGREDIENTS
    assert {rows[name]["decision"] for name in told} == {"review"}


def test_nothing_is_accepted_that_must_not_be_reported_as_good(
    rows: dict[str, dict[str, Any]],
) -> None:
    for row in index():
        if "must not be reported as good" in row["confidence"]:
            assert rows[row["filename"]]["decision"] != "accept", row["filename"]
