"""`trustkit verify --validation-time`: what would have been said, or will be, at another time."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.command import AI, KEY, MEDIA, TRUST, TSA_TRUST
from tests.conftest import Run
from tests.manifests import codes, finding
from tests.ocsp import DAY, Reason, house, utc_now
from tests.stapling import sign
from tests.tsa import LocalTsa

LATER = "manifest.signer_revoked_later"
SECONDS = 1 / 86400  # of a day


def row(quick: Run, path: Path, at: datetime | str, *options: object) -> dict[str, Any]:
    moment = at if isinstance(at, str) else at.isoformat()
    answer = quick("verify", path, "--validation-time", moment, "--tsa-trust", TSA_TRUST,
                   "--skip", "watermark", "-f", "json", *options)  # fmt: skip
    document = answer.json()
    assert datetime.fromisoformat(document["run"]["validation_time"]).tzinfo
    found: dict[str, Any] = document["files"][0]
    return found


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory, quick: Run) -> Path:
    path = tmp_path_factory.mktemp("time") / "picture.jpg"
    options = ("--key", KEY, *AI, "--no-soft-binding", "-q")
    assert quick("sign", MEDIA / "scene.jpg", "-o", path, *options).code == 0
    return path


@pytest.mark.parametrize(
    "text",
    ["", "yesterday", "2026-03-01T12:00:00", "2026-13-01T00:00:00Z", "0001-01-01T00:00+14:00"],
)
def test_a_time_that_is_none_or_has_no_zone_is_refused(
    quick: Run, picture: Path, text: str
) -> None:
    answer = quick("verify", picture, "--validation-time", text)
    assert answer.code == 2
    assert "ISO 8601" in answer.stderr


def test_without_the_option_the_report_has_no_such_key(quick: Run, picture: Path) -> None:
    answer = quick("verify", picture, "--skip", "watermark", "-f", "json")
    assert "validation_time" not in answer.json()["run"]


def test_a_time_to_come_is_allowed_and_noted(quick: Run, picture: Path) -> None:
    options = ("--trust", TRUST, "--skip", "watermark", "-f", "jsonl")
    answer = quick("verify", picture, "--validation-time", "2050-01-01T00:00:00Z", *options)
    assert "to come" in answer.stderr
    assert "expired on 2046" in finding(answer.rows()[0], "manifest.signer_expired")["summary"]
    quiet = quick("verify", picture, "--validation-time", "2030-01-01T00:00:00Z", *options, "-q")
    assert quiet.stderr == ""
    assert quiet.rows()[0]["axes"]["signer"] == "trusted"


def test_a_certificate_that_was_not_valid_yet_is_said_to_be(quick: Run, picture: Path) -> None:
    told = row(quick, picture, "2025-06-01T14:00:00+02:00", "--trust", TRUST)
    assert "was not valid before 2026" in finding(told, "manifest.signer_expired")["summary"]
    assert told["axes"]["integrity"] == "intact"


def test_a_stamp_from_after_that_time_is_from_the_future(quick: Run, tmp_path: Path) -> None:
    signer, root = house(), tmp_path / "root.pem"
    root.write_bytes(signer.root.pem)
    with LocalTsa() as tsa:
        path = sign(signer, tmp_path / "stamped.jpg", tsa.url)
    told = row(quick, path, utc_now() - DAY, "--trust", root)
    assert finding(told, "manifest.timestamp")["status"] == "invalid"
    assert "from the future" in finding(told, "manifest.timestamp")["summary"]
    assert codes(row(quick, path, utc_now(), "--trust", root))["manifest.timestamp"] == "present"


def test_what_has_expired_since_is_judged_as_it_was_and_the_engine_is_not_blamed(
    quick: Run, tmp_path: Path
) -> None:
    signer, root = house(days=(-30, 5 * SECONDS)), tmp_path / "root.pem"
    root.write_bytes(signer.root.pem)
    path = sign(signer, tmp_path / "brief.jpg")
    then = utc_now()
    left = signer.leaf.certificate.not_valid_after_utc - datetime.now(UTC)
    time.sleep(max(0.0, left.total_seconds()) + 1.1)

    now = quick("verify", path, "--trust", root, "--skip", "watermark", "-f", "jsonl").rows()[0]
    assert now["axes"]["signer"] == "expired"
    told = row(quick, path, then, "--trust", root)
    assert (told["axes"]["signer"], told["verdict"]) == ("trusted", "trusted")
    assert "could not be asked as of that date" in finding(told, "manifest.trusted")["summary"]
    assert row(quick, path, then + DAY, "--trust", root)["axes"]["signer"] == "expired"
    # A stranger does not become known by asking about another day.
    assert row(quick, path, then, "--trust", TRUST)["axes"]["signer"] == "untrusted"


def test_what_was_revoked_since_was_not_revoked_then(quick: Run, tmp_path: Path) -> None:
    signer, root, crl = house(), tmp_path / "root.pem", tmp_path / "house.crl"
    root.write_bytes(signer.root.pem)
    crl.write_bytes(signer.crl((signer.leaf, utc_now() - DAY, Reason.superseded, None)))
    path = sign(signer, tmp_path / "picture.jpg")
    options = ("--trust", root, "--crl", crl)
    assert row(quick, path, utc_now(), *options)["axes"]["signer"] == "revoked"
    told = row(quick, path, utc_now() - 2 * DAY, *options)
    assert told["axes"]["signer"] == "trusted"
    assert "later than the time asked for" in finding(told, LATER)["summary"]
    assert told["decision"] == "review"


def test_the_age_of_a_list_is_counted_from_that_time(
    quick: Run, picture: Path, tmp_path: Path
) -> None:
    policy = tmp_path / "house.toml"
    policy.write_text('policy = 1\nname = "house"\n[trust]\nmax_age_days = 5\n')
    trust = tmp_path / "signers.pem"
    trust.write_bytes(TRUST.read_bytes())
    options = ("--trust", trust, "--policy", policy)
    assert "trust.list_old" not in codes(row(quick, picture, utc_now(), *options))
    old = row(quick, picture, utc_now() + timedelta(days=9), *options)
    assert "trust.list_old" in codes(old)
