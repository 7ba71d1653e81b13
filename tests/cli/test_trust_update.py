"""`trustkit trust update`: a list that is fetched counts only when all of it is in order."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.command import COMMAND, environment
from tests.conftest import Run
from tests.trustlists import (
    HOST,
    Publisher,
    authority,
    entity,
    iptc,
    lote,
    pem,
    product,
    publishing,
    some,
    whole,
)
from trustkit.c2pa.sources import SOURCES

ISSUED = "2026-08-05T00:11:39Z"
BEFORE, AFTER = "2026-07-01T00:00:00Z", "2026-09-01T00:00:00Z"
HTML = b"<!doctype html><html><body>Sign in to the network</body></html>"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Publisher]:
    with publishing(tmp_path_factory.mktemp("publisher")) as publisher:
        yield publisher


@pytest.fixture
def publisher(running: Publisher) -> Publisher:
    """A publisher of a list of six, as PEM and JSON."""
    running.files.clear()
    running.asked.clear()
    running.files.update({"list.pem": pem(some(6)), "list.json": lote(some(6))})
    return running


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "mine"


@pytest.fixture
def here(quick: Run, place: Path, publisher: Publisher) -> Run:
    return partial(quick, env={"TRUSTKIT_HOME": str(place), **publisher.env})


@pytest.fixture
def update(here: Run, publisher: Publisher) -> Callable[..., Any]:
    """Update list c2pa from our publisher, from these of its paths."""

    def call(*paths: str, more: tuple[object, ...] = ()) -> Any:
        urls = [publisher.url(path) for path in paths or ("list.pem", "list.json")]
        sources = [word for url in urls for word in ("--source", f"c2pa={url}")]
        return here("trust", "update", "c2pa", *sources, *more)

    return call


def state(place: Path) -> dict[str, bytes]:
    """Every file of the lists, byte by byte."""
    files = (path for path in place.rglob("*") if path.is_file())
    return {str(path.relative_to(place)): path.read_bytes() for path in files}


def installed(here: Run) -> list[str]:
    return [entry["name"] for entry in here("trust", "list", "-f", "json").json()]


# Refusals


def _without(key: str) -> bytes:
    document = json.loads(lote(some(6), issued=AFTER))
    del document["LoTE"]["ListAndSchemeInformation"][key]
    return json.dumps(document).encode()


def _garbled(field: str, value: object) -> bytes:
    document = json.loads(lote(some(6), issued=AFTER))
    document["LoTE"]["ListAndSchemeInformation"][field] = value
    return json.dumps(document).encode()


WRONG: dict[str, tuple[int, dict[str, bytes]]] = {
    "an empty answer": (33, {"list.pem": b""}),
    "a page instead of the list": (33, {"list.pem": HTML}),
    "a picture": (33, {"list.pem": b"\xff\xd8\xff\xe0" + bytes(5000)}),
    "PEM cut within a certificate": (33, {"list.pem": pem(some(6))[:-200]}),
    "PEM cut between certificates": (33, {"list.pem": pem(some(5))}),
    "a certificate that is none": (33, {"list.pem": pem(some(6)).replace(b"MII", b"MIX", 1)}),
    "JSON cut short": (33, {"list.json": lote(some(6), issued=AFTER)[:-200]}),
    "JSON of another kind": (33, {"list.json": b'{"lists": []}'}),
    "JSON nested without end": (33, {"list.json": b"[" * 200_000}),
    "JSON of no list": (33, {"list.json": b'"a word"'}),
    "no date": (33, {"list.json": _without("ListIssueDateTime")}),
    "no number": (33, {"list.json": _without("LoTESequenceNumber")}),
    "a date that is none": (33, {"list.json": _garbled("ListIssueDateTime", "yesterday")}),
    "another version": (33, {"list.json": _garbled("LoTEVersionIdentifier", 2)}),
    "more in the JSON": (33, {"list.json": lote(some(7), issued=AFTER)}),
    "an older list": (33, {"list.json": lote(some(6), issued=BEFORE)}),
    "a lower number": (33, {"list.json": lote(some(6), issued=AFTER, number=0)}),
    "a list from the future": (33, {"list.json": lote(some(6), issued="2150-01-01T00:00:00Z")}),
    "a list that shrank": (
        33,
        {"list.pem": pem(some(2)), "list.json": lote(some(2), issued=AFTER)},
    ),
    "a list of other people": (
        33,
        {
            "list.pem": pem([authority(f"Stranger {n}") for n in range(6)]),
            "list.json": lote([authority(f"Stranger {n}") for n in range(6)], issued=AFTER),
        },
    ),
    "too much": (30, {"list.pem": pem(some(6)) + b"#" * (9 * 2**20)}),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_not_in_order_changes_nothing(
    update: Callable[..., Any], place: Path, publisher: Publisher, here: Run, case: str
) -> None:
    assert update().code == 0
    before = state(place)
    code, files = WRONG[case]
    publisher.files.update(files)
    answer = update()
    assert answer.code == code, answer.stderr
    assert "nothing was changed" in answer.stderr
    assert "hint: " in answer.stderr
    assert "in effect" not in answer.stdout
    assert state(place) == before
    assert installed(here) == ["c2pa"]


@pytest.mark.parametrize("path", ["gone.pem", "cut/list.pem", "to/https://example.org/list.pem",
                                  "to/http://localhost/list.pem", "to/"])  # fmt: skip
def test_what_cannot_be_fetched_changes_nothing(
    update: Callable[..., Any], place: Path, path: str
) -> None:
    assert update().code == 0
    before = state(place)
    answer = update(path, "list.json")
    assert answer.code == 30, answer.stderr
    assert "nothing was changed" in answer.stderr
    assert state(place) == before


def test_a_first_update_that_fails_leaves_nothing_behind(
    update: Callable[..., Any], place: Path
) -> None:
    assert update("gone.pem").code == 30
    assert state(place) == {}


def test_a_server_that_is_down_or_nobody_vouches_for_is_said(
    quick: Run, here: Run, place: Path, publisher: Publisher
) -> None:
    down = here("trust", "update", "c2pa", "--source", f"c2pa=https://{HOST}:1/list.pem")
    unknown = quick("trust", "update", "c2pa", "--source", f"c2pa={publisher.url('list.pem')}",
                    env={"TRUSTKIT_HOME": str(place)})  # fmt: skip
    assert (down.code, unknown.code) == (30, 30)
    assert "certificate" in unknown.stderr.lower()
    assert state(place) == {}


@pytest.mark.parametrize(
    "arguments",
    [
        ("--source", "c2pa=http://localhost/list.pem"),
        ("--source", "c2pa=file:///etc/passwd"),
        ("--source", "c2pa"),
        ("--source", "iptc=https://localhost/list.pem"),
        ("--all",),
    ],
)
def test_what_makes_no_sense_is_a_usage_error(
    here: Run, publisher: Publisher, place: Path, arguments: tuple[str, ...]
) -> None:
    assert here("trust", "update", "c2pa", *arguments).code == 2
    assert (publisher.asked, state(place)) == ([], {})


def test_without_a_name_only_what_is_installed_is_updated(here: Run, publisher: Publisher) -> None:
    answer = here("trust", "update")
    assert answer.code == 2
    assert "c2pa-tsa" in answer.stderr
    assert here("trust", "update", "partners").code == 2
    assert publisher.asked == []


def test_a_list_of_another_purpose_is_not_replaced(
    here: Run, update: Callable[..., Any], place: Path, tmp_path: Path
) -> None:
    (tmp_path / "a.pem").write_bytes(pem(some(6)))
    assert here("trust", "add", tmp_path / "a.pem", "--name", "c2pa", "--tsa").code == 0
    before = state(place)
    assert update().code == 33
    assert state(place) == before


def test_a_disk_that_is_full_changes_nothing(
    update: Callable[..., Any], place: Path, publisher: Publisher, home: Path
) -> None:
    assert update().code == 0
    before = state(place)
    publisher.files["list.pem"] = pem(some(7))
    publisher.files["list.json"] = lote(some(7), issued=AFTER)
    # No file may be larger than 2 KiB: writing fails half way, as on a disk that is full.
    words = ["trust", "update", "c2pa", "--source", f"c2pa={publisher.url('list.pem')}",
             "--source", f"c2pa={publisher.url('list.json')}"]  # fmt: skip
    done = subprocess.run(
        ["bash", "-c", 'ulimit -f 2; exec "$0" "$@"', COMMAND, *words],
        env=environment(home, {"TRUSTKIT_HOME": str(place), **publisher.env}),
        capture_output=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 33, done.stderr
    assert b"cannot be stored" in done.stderr
    assert b"Traceback" not in done.stderr
    assert state(place) == before


def test_killed_at_any_moment_the_old_list_counts_or_the_new(
    here: Run, update: Callable[..., Any], place: Path, publisher: Publisher, home: Path
) -> None:
    assert update().code == 0
    sizes = {6, 7}
    env = environment(home, {"TRUSTKIT_HOME": str(place), **publisher.env})
    chance = random.Random(7)
    words = ["--source", f"c2pa={publisher.url('list.pem')}", "--source",
             f"c2pa={publisher.url('list.json')}"]  # fmt: skip
    started = time.perf_counter()
    subprocess.run([COMMAND, "trust", "list"], env=env, capture_output=True, check=True)
    alone = time.perf_counter() - started
    for count in range(10):
        many = 6 + (count + 1) % 2
        publisher.files["list.pem"] = pem(some(many))
        publisher.files["list.json"] = lote(some(many), issued=f"2026-09-{count + 10}T00:00:00Z")
        process = subprocess.Popen(
            [COMMAND, "trust", "update", "c2pa", *words], env=env,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        time.sleep(chance.uniform(0.7, 1.6) * alone)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        (about,) = here("trust", "list", "-f", "json").json()
        assert about["certificates"] in sizes
    publisher.files["list.pem"] = pem(some(6))
    publisher.files["list.json"] = lote(some(6), issued="2026-10-01T00:00:00Z")
    assert update().code == 0
    names = {document["file"] for version in _versions(place) for document in version["documents"]}
    left = {path.name for path in (place / "trust/c2pa").iterdir()} - {"about.json"}
    assert left == names, "what a killed update left behind is swept away by the next"


def _versions(place: Path) -> list[dict[str, Any]]:
    about = json.loads((place / "trust/c2pa/about.json").read_text())
    return [about, *about["previous"]]


def test_no_other_command_fetches_anything(
    here: Run, update: Callable[..., Any], publisher: Publisher, signed_folder: Path
) -> None:
    assert update().code == 0
    publisher.asked.clear()
    for arguments in (
        ("trust", "list"),
        ("trust", "show", "c2pa"),
        ("trust", "history", "c2pa"),
        ("verify", signed_folder / "scene.jpg", "--skip", "watermark"),
    ):
        here(*arguments)
    assert publisher.asked == []


# What takes effect


def test_a_list_is_shown_and_installed_with_its_names_and_dates(
    here: Run, update: Callable[..., Any], publisher: Publisher
) -> None:
    answer = update()
    assert answer.code == 0
    assert "c2pa: 6 added, 0 removed" in answer.stdout
    assert "House 0 Inc." in answer.stdout
    (about,) = here("trust", "list", "-f", "json").json()
    assert (about["name"], about["purpose"], about["certificates"]) == ("c2pa", "signers", 6)
    assert (about["date"], about["issued"], about["number"]) == ("2026-08-05", ISSUED, 1)
    assert about["next_update"] == "2099-08-05T00:11:39Z"
    assert about["fetched"] == about["checked"] != ""
    assert [d["source"] for d in about["documents"]] == [
        publisher.url("list.pem"),
        publisher.url("list.json"),
    ]
    shown = here("trust", "show", "c2pa").stdout
    for words in ("listed as House 3 Inc.", ISSUED, "number 1", "next update", "checked"):
        assert words in shown


def test_the_sha256_is_that_of_the_published_pem_file(
    here: Run, update: Callable[..., Any], publisher: Publisher
) -> None:
    import hashlib

    update()
    (about,) = here("trust", "list", "-f", "json").json()
    assert about["sha256"] == hashlib.sha256(publisher.files["list.pem"]).hexdigest()


def test_what_changes_is_shown_and_the_old_list_is_kept(
    here: Run, update: Callable[..., Any], publisher: Publisher
) -> None:
    update()
    publisher.files["list.pem"] = pem(some(7)[1:])
    publisher.files["list.json"] = lote(some(7)[1:], issued=AFTER, number=2)
    dry = update(more=("--dry-run",))
    assert "1 added, 1 removed, 5 as before" in dry.stdout
    assert here("trust", "list", "-f", "json").json()[0]["issued"] == ISSUED
    answer = update()
    lines = [line.strip() for line in answer.stdout.splitlines()]
    assert any(line.startswith("- CA") and "House 0" in line for line in lines)
    assert any(line.startswith("+ CA") and "House 6" in line for line in lines)
    first, second = here("trust", "history", "c2pa", "-f", "json").json()
    assert (first["issued"], second["issued"]) == (AFTER, ISSUED)
    assert here("trust", "rollback", "c2pa").code == 0
    (about,) = here("trust", "list", "-f", "json").json()
    assert about["issued"] == ISSUED
    assert "House 0" in here("trust", "show", "c2pa").stdout
    assert here("trust", "rollback", "c2pa").code == 0
    assert here("trust", "list", "-f", "json").json()[0]["issued"] == AFTER


def test_there_is_nothing_to_go_back_to_at_first(
    here: Run, update: Callable[..., Any], place: Path
) -> None:
    update()
    before = state(place)
    assert here("trust", "rollback", "c2pa").code == 33
    assert here("trust", "rollback", "none").code == 33
    assert state(place) == before


def test_a_dry_run_changes_nothing(update: Callable[..., Any], place: Path) -> None:
    answer = update(more=("--dry-run",))
    assert answer.code == 0
    assert "6 added" in answer.stdout
    assert state(place) == {}


def test_a_list_found_unchanged_is_noted_as_checked(
    update: Callable[..., Any], place: Path
) -> None:
    update()
    about = place / "trust/c2pa/about.json"
    old = {**json.loads(about.read_text()), "checked": "2026-01-01T00:00:00Z"}
    about.write_text(json.dumps(old))
    answer = update()
    new = json.loads(about.read_text())
    assert "nothing to change" in answer.stdout
    assert new["checked"] > "2026-01-01T00:00:00Z"
    assert {**new, "checked": ""} == {**old, "checked": ""}


def test_a_list_may_shrink_when_that_is_said(
    here: Run, update: Callable[..., Any], publisher: Publisher
) -> None:
    update()
    publisher.files["list.pem"] = pem(some(2))
    publisher.files["list.json"] = lote(some(2), issued=AFTER)
    assert update(more=("--accept-shrink",)).code == 0
    assert here("trust", "list", "-f", "json").json()[0]["certificates"] == 2


def test_what_should_be_known_is_said_and_does_not_refuse(
    update: Callable[..., Any], publisher: Publisher
) -> None:
    odd = [*some(5), authority("Gone", days=-10), authority("Leaf", is_ca=False)]
    publisher.files["list.pem"] = pem(odd)
    publisher.files["list.json"] = lote(
        odd, next_update="2026-08-06T00:00:00Z", untrusted=[authority("Out")]
    )
    answer = update()
    assert answer.code == 0
    for words in (
        "its next update was due on 2026-08-06",
        "1 of its certificates have expired",
        "no CA's, such as Leaf",
        "no longer trusted, so it is left out",
    ):
        assert words in answer.stdout


def test_each_list_stands_for_itself_and_the_worst_code_wins(
    here: Run, publisher: Publisher
) -> None:
    publisher.files["people.json"] = iptc([entity("Desk", whole(some(1)[0].der), is_ca=True)])
    publisher.files["bad.pem"] = HTML
    answer = here(
        "trust", "update", "c2pa", "c2pa-tsa", "iptc", "interim", "-f", "json",
        "--source", f"c2pa={publisher.url('list.pem')}",
        "--source", f"c2pa-tsa={publisher.url('bad.pem')}",
        "--source", f"iptc={publisher.url('people.json')}",
        "--source", f"interim={publisher.url('gone.pem')}",
    )  # fmt: skip
    assert answer.code == 33
    found = answer.json()
    assert found["exit_code"] == 33
    assert [(row["name"], row["status"]) for row in found["lists"]] == [
        ("c2pa", "installed"),
        ("c2pa-tsa", "failed"),
        ("iptc", "installed"),
        ("interim", "failed"),
    ]
    codes = [row["error"] and row["error"]["code"] for row in found["lists"]]
    assert codes == [None, "configuration", None, "unreachable"]
    assert installed(here) == ["c2pa", "iptc"]
    purposes = {entry["purpose"] for entry in here("trust", "list", "-f", "json").json()}
    assert purposes == {"signers", "identities"}


def test_a_folder_on_disk_serves_as_well_and_nothing_is_fetched(
    here: Run, publisher: Publisher, tmp_path: Path
) -> None:
    folder = tmp_path / "stick"
    (folder / "interim").mkdir(parents=True)
    (folder / "C2PA-TRUST-LIST.pem").write_bytes(pem(some(6)))
    (folder / "C2PA-TRUST-LIST.json").write_bytes(lote(some(6)))
    (folder / "interim/anchors.pem").write_bytes(pem(some(2)))
    (folder / "interim/allowed.pem").write_bytes(pem([authority("Leaf", is_ca=False)]))
    answer = here("trust", "update", "c2pa", "interim", "c2pa-tsa", "--from", folder)
    assert answer.code == 30, "c2pa-tsa is not there"
    assert "C2PA-TSA-TRUST-LIST.pem" in answer.stderr
    c2pa, interim = here("trust", "list", "-f", "json").json()
    assert (c2pa["certificates"], c2pa["fetched"]) == (6, "")
    assert (interim["certificates"], interim["frozen"]) == (3, "2026-01-01")
    assert "frozen 2026-01-01" in here("trust", "list").stdout
    assert here("trust", "update", "c2pa", "interim", "--from", tmp_path / "none").code != 0
    assert publisher.asked == []


def test_one_file_is_one_list(here: Run, tmp_path: Path) -> None:
    (tmp_path / "list.json").write_bytes(lote(some(6)))
    file = tmp_path / "list.json"
    assert here("trust", "update", "c2pa", "c2pa-tsa", "--from", file).code == 2
    assert here("trust", "update", "c2pa-tsa", "--from", file).code == 0
    assert here("trust", "list", "-f", "json").json()[0]["purpose"] == "timestamps"


def test_a_list_of_version_0_1_still_loads_and_can_be_updated(
    here: Run, update: Callable[..., Any], place: Path
) -> None:
    import hashlib

    old = place / "trust/c2pa"
    old.mkdir(parents=True)
    (old / "list.pem").write_bytes(pem(some(5)))
    sha256 = hashlib.sha256(pem(some(5))).hexdigest()
    about = {"purpose": "signers", "source": "/home/me/list.pem", "sha256": sha256,
             "date": "2026-02-01", "certificates": 5}  # fmt: skip
    (old / "about.json").write_text(json.dumps(about))
    (found,) = here("trust", "list", "-f", "json").json()
    assert (found["date"], found["certificates"], found["checked"]) == (
        "2026-02-01",
        5,
        "2026-02-01",
    )
    answer = update()
    assert answer.code == 0
    assert "1 added, 0 removed, 5 as before" in answer.stdout
    assert here("trust", "rollback", "c2pa").code == 0
    (found,) = here("trust", "list", "-f", "json").json()
    assert (found["date"], found["sha256"]) == ("2026-02-01", sha256)


def test_a_list_added_from_an_address_is_updated_from_it(
    here: Run, publisher: Publisher, place: Path
) -> None:
    url = publisher.url("list.json")
    wrong = here("trust", "add", url, "--name", "partners", "--sha256", "00" * 32)
    assert wrong.code == 33
    assert state(place) == {}
    answer = here("trust", "add", url, "--name", "partners")
    assert answer.code == 0
    assert "+ CA" in answer.stdout
    publisher.files["list.json"] = lote(some(7), issued=AFTER)
    again = here("trust", "update")
    assert again.code == 0
    assert "partners: 1 added" in again.stdout
    assert here("trust", "add", publisher.url("gone.pem"), "--name", "x").code == 30


# The list of conforming products


def test_products_are_information_and_vouch_for_nobody(
    here: Run, publisher: Publisher, place: Path, signed_folder: Path
) -> None:
    picture = signed_folder / "scene.jpg"

    def listed() -> dict[str, Any] | None:
        answer = here("verify", picture, "--skip", "watermark", "-f", "json")
        findings = answer.json()["files"][0]["findings"]
        return next((f for f in findings if f["code"] == "manifest.generator_listed"), None)

    def publish(*products: dict[str, object]) -> int:
        publisher.files["products.json"] = json.dumps(products).encode()
        url = f"products={publisher.url('products.json')}"
        return here("trust", "update", "products", "--source", url, "--accept-shrink").code

    assert listed() is None
    assert publish(product("Other Camera"), product("trustkit", kind="validatorProduct")) == 0
    absent = listed()
    assert absent
    assert (absent["status"], absent["weight"]) == ("absent", "weak")
    assert publish(product("TrustKit")) == 0
    present = listed()
    assert present
    assert present["status"] == "present"
    assert "proves nothing" in present["summary"]
    assert present["facts"]["products"][0]["assurance_level"] == 1
    assert publish(product("trustkit", status="revoked_vulnerability")) == 0
    revoked = listed()
    assert revoked
    assert "no longer conforming" in revoked["summary"]
    assert "products" in here("trust", "list").stdout
    before = state(place)
    for wrong in (b"{}", b"[]", b'[{"recordId": "x"}]', HTML):
        publisher.files["products.json"] = wrong
        url = f"products={publisher.url('products.json')}"
        assert here("trust", "update", "products", "--source", url).code == 33
    assert state(place) == before
    assert here("trust", "remove", "products").code == 0
    assert listed() is None


# What is published


def test_every_known_address_is_a_public_one_over_https() -> None:
    assert set(SOURCES) == {"c2pa", "c2pa-tsa", "iptc", "interim", "products"}
    for source in SOURCES.values():
        assert all(url.startswith("https://") for url in source.urls)
