"""`trustkit registry`: the commands as a house uses them, refusals first."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.command import AI, BROKEN, KEY, MEDIA
from tests.conftest import Run
from tests.stores_log.records import fill, record
from trustkit.stores.registry import init_registry, open_registry

NOBODY = "00000000000000aa"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, home: Path) -> Path:
    folder = tmp_path_factory.mktemp("asked")
    with init_registry(f"sqlite:///{folder}/registry.db") as registry:
        fill(registry, range(1, 6), blobs=True)
    return folder


@pytest.fixture(scope="module")
def url(made: Path) -> str:
    """A registry of five records: read it, never write to it."""
    return f"sqlite:///{made}/registry.db"


@pytest.fixture
def own(made: Path, tmp_path: Path) -> Iterator[str]:
    """One of the same records, for a test alone; what is signed of it is forgotten afterwards."""
    shutil.copy(made / "registry.db", tmp_path / "registry.db")
    shutil.copytree(made / "registry.db.blobs", tmp_path / "registry.db.blobs")
    url = f"sqlite:///{tmp_path}/registry.db"
    with open_registry(url) as registry:
        signed = registry.keep.path / "checkpoints"
    before = signed.read_bytes()
    yield url
    signed.write_bytes(before)


@pytest.fixture
def at_home(tmp_path: Path) -> dict[str, str]:
    """An environment with an empty home of its own."""
    return {"TRUSTKIT_HOME": str(tmp_path / "home")}


# --- init


@pytest.mark.parametrize(
    ("url", "blobs", "code", "said"),
    [
        ("registry.db", "", 2, "not the URL of a registry"),
        ("mysql://root:hush@host/x", "", 2, "not the URL of a registry"),
        ("postgresql://press:hush@host/x", "", 2, "where are the blobs"),
        ("sqlite:////{}/new.db", "gs://bucket", 33, "no place for blobs"),
        ("sqlite:////{}/new.db", "s3://key:hush/hush@bucket", 33, "s3://...@bucket"),
        ("sqlite:////{}/new.db", f"s3://{'hush' * 60}@bucket", 33, "s3://...@bucket"),
        ("sqlite:////{}/new.db", "s3://key:hush@bucket", 33, "no bucket"),
    ],
)
def test_a_registry_nowhere_is_refused_without_its_password(
    quick: Run, tmp_path: Path, url: str, blobs: str, code: int, said: str
) -> None:
    options = ("--blobs", blobs) if blobs else ()

    answer = quick("registry", "init", url.format(tmp_path), *options)

    assert answer.code == code
    assert said in answer.stderr
    assert "hush" not in answer.stdout + answer.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_registry_is_never_made_over_another(
    quick: Run, url: str, made: Path, tmp_path: Path, at_home: dict[str, str]
) -> None:
    before = (made / "registry.db").read_bytes()

    answer = quick("registry", "init", url, env=at_home)

    assert answer.code == 30
    assert "already" in answer.stderr
    assert (made / "registry.db").read_bytes() == before
    assert list(tmp_path.rglob("*.pem")) == []


def test_init_says_what_it_made_and_shows_no_key(
    quick: Run, tmp_path: Path, at_home: dict[str, str]
) -> None:
    told = quick(
        "registry", "init", f"sqlite:///{tmp_path}/new.db", "--format", "json", env=at_home
    ).json()

    assert told["blobs"] == f"{tmp_path}/new.db.blobs"
    assert told["log_key"].startswith(f"trustkit-registry/{told['id']}+")
    key = Path(told["log_key_file"])
    assert key.parent == tmp_path / "home/registries" / told["id"]
    assert key.stat().st_mode & 0o777 == 0o600


def test_without_a_registry_it_is_said_how_to_get_one(quick: Run, at_home: dict[str, str]) -> None:
    for words in (("list",), ("verify-log",), ("export",), ("show", NOBODY)):
        answer = quick("registry", *words, env=at_home)
        assert answer.code == 33
        assert "trustkit registry init" in answer.stderr


def test_the_users_own_registry_and_that_of_the_environment_are_found(
    quick: Run, url: str, at_home: dict[str, str]
) -> None:
    assert quick("registry", "init", env=at_home).code == 0
    assert quick("registry", "list", "--format", "json", env=at_home).json()["records"] == []
    named = {**at_home, "TRUSTKIT_REGISTRY": url}
    assert len(quick("registry", "list", "--format", "json", env=named).json()["records"]) == 5


def test_a_moved_registry_finds_its_blobs_beside_it(quick: Run, own: str) -> None:
    assert quick("registry", "verify-log", "--registry", own, "--blobs").code == 0


# --- search, show, list


@pytest.mark.parametrize(
    "words",
    [
        ("search",),
        ("search", NOBODY, "--text", "x"),
        ("search", "not-an-id"),
        ("search", "--sha256", "abc"),
        ("show", "../../x"),
        ("list", "--after", "x"),
        ("list", "--limit", "0"),
        ("forget", NOBODY),
        ("forget", NOBODY, "--reason", " "),
        ("forget", "x", "--reason", "asked to"),
        ("forget", record(1).id, "--reason", "x" * 1001),
    ],
)
def test_what_makes_no_sense_is_refused(quick: Run, url: str, words: tuple[str, ...]) -> None:
    answer = quick("registry", *words, "--registry", url)

    assert answer.code == 2
    assert "hint:" in answer.stderr


@pytest.mark.parametrize("words", [("search", NOBODY), ("show", NOBODY), ("proof", NOBODY),
                                   ("search", "--text", "no such words"),
                                   ("search", "--sha256", "0" * 64)])  # fmt: skip
def test_what_is_not_there_is_exit_3(quick: Run, url: str, words: tuple[str, ...]) -> None:
    answer = quick("registry", *words, "--registry", url)

    assert answer.code == 3
    assert answer.stdout == ""


def test_nothing_found_is_a_json_document_as_well(quick: Run, url: str) -> None:
    answer = quick("registry", "search", NOBODY, "--registry", url, "--format", "json")

    assert answer.code == 3
    assert answer.json()["records"] == []


@pytest.mark.parametrize(
    ("words", "numbers"),
    [
        ((record(2).id,), [2]),
        ((record(2).id.upper(),), [2]),
        (("--sha256", record(3).sha256), [3]),
        (("--sha256", record(3).source_sha256), [3]),
        (("--text", "HARBOUR"), [5, 4, 3, 2, 1]),
        (("--text", "harbour 4"), [4]),
        (("--text", "urn:c2pa:1"), [1]),
        (("--text", "harbour", "--limit", "2"), [5, 4]),
        (("--text", "harbour-4.jpg", "--personal"), [4]),
    ],
)
def test_a_record_is_found_by_id_hash_and_words(
    quick: Run, url: str, words: tuple[str, ...], numbers: list[int]
) -> None:
    rows = quick("registry", "search", *words, "--registry", url, "--format", "jsonl").rows()

    assert [row["id"] for row in rows] == [record(number).id for number in numbers]


def test_what_is_personal_is_neither_searched_nor_shown_unasked(quick: Run, url: str) -> None:
    found = quick("registry", "search", "--text", "photographer", "--registry", url)
    assert found.code == 3

    for words in (("show", record(1).id), ("list",), ("search", record(1).id), ("export",)):
        for form in ((), ("--format", "json")):
            if words == ("export",) and form:
                continue
            said = quick("registry", *words, *form, "--registry", url).stdout
            asked = quick("registry", *words, *form, "--personal", "--registry", url).stdout
            assert "harbour-1.jpg" not in said
            assert "Photographer" not in said
            assert "harbour-1.jpg" in asked


def test_show_tells_all_that_is_kept(quick: Run, url: str) -> None:
    told = quick("registry", "show", record(3).id, "--registry", url, "--format", "json").json()
    text = quick("registry", "show", record(3).id, "--registry", url).stdout

    assert told["place"] == 2
    assert told["forgotten"] == []
    expected = {**record(3).public(), **{k: told["record"][k] for k in ("manifest", "thumbnail")}}
    assert told["record"] == expected
    assert f"sha256             {record(3).sha256}" in text
    assert "disclosure.title   Harbour 3" in text


def test_a_list_goes_on_where_the_last_one_ended(quick: Run, url: str) -> None:
    first = quick("registry", "list", "--limit", "2", "--registry", url, "-f", "jsonl").rows()
    rest = quick("registry", "list", "--after", first[-1]["id"], "--registry", url, "-f", "jsonl")

    ids = [row["id"] for row in (*first, *rest.rows())]
    assert ids == [record(number).id for number in range(1, 6)]
    assert first[0]["codes"] == {"pdq.1": 2, "chroma.1": 5}


# --- export, forget


def test_an_export_is_every_record_in_order(quick: Run, url: str, tmp_path: Path) -> None:
    out = tmp_path / "records.jsonl"

    assert quick("registry", "export", "-o", out, "--registry", url).code == 0

    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert [row["id"] for row in rows] == [record(number).id for number in range(1, 6)]
    assert all("personal" not in row for row in rows)
    assert quick("registry", "export", "--registry", url).rows() == rows
    assert [path.name for path in tmp_path.iterdir()] == ["records.jsonl"]


def test_an_export_with_what_is_personal_is_its_owners_alone(
    quick: Run, url: str, tmp_path: Path
) -> None:
    out = tmp_path / "records.jsonl"

    assert quick("registry", "export", "-o", out, "--personal", "--registry", url).code == 0

    assert out.stat().st_mode & 0o777 == 0o600
    assert json.loads(out.read_text().splitlines()[0])["personal"] == dict(record(1).personal)


@pytest.mark.parametrize("where", ["no/such/folder/x", "."])
def test_an_export_to_no_place_is_refused(quick: Run, url: str, tmp_path: Path, where: str) -> None:
    answer = quick("registry", "export", "-o", tmp_path / where, "--registry", url)

    assert answer.code == 2
    assert list(tmp_path.iterdir()) == []


def test_what_is_forgotten_is_gone_from_every_file_and_the_log_says_so(
    quick: Run, run: Run, own: str, tmp_path: Path
) -> None:
    name = record(2).id
    ask = ("--registry", own)
    before = quick("registry", "show", name, *ask, "-f", "json").json()["record"]
    blob = tmp_path / "registry.db.blobs" / before["manifest"][:2] / before["manifest"][2:]
    assert blob.exists()

    answer = run("registry", "forget", name, NOBODY, "--reason", "a right was withdrawn", *ask)

    assert answer.code == 3
    assert f"forgotten  {name}" in answer.stdout
    assert NOBODY in answer.stderr
    assert not blob.exists()
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert b"harbour-2.jpg" not in path.read_bytes(), path
            assert record(2).codes[0].bits not in path.read_bytes(), path
    shown = quick("registry", "show", name, *ask)
    assert shown.code == 3
    assert "a right was withdrawn" in shown.stdout
    assert quick("registry", "list", *ask).stdout.count("\n") == 4
    assert quick("registry", "verify-log", "--blobs", *ask).code == 0


def test_a_blob_that_another_record_names_stays(quick: Run, own: str) -> None:
    with open_registry(own) as registry:
        there = registry.store.get(record(1).id)
        assert there
        registry.store.put([record(50, manifest=there.manifest)])

    quick("registry", "forget", record(1).id, "--reason", "asked to", "--registry", own)

    with open_registry(own) as registry:
        assert registry.blobs.get(there.manifest) == b"manifest 1"
        with pytest.raises(Exception, match="is not in"):
            registry.blobs.get(there.thumbnail)


# --- checkpoint, proof, verify-proof


def test_the_newest_checkpoint_is_printed_and_kept(
    quick: Run, own: str, tmp_path: Path, at_home: dict[str, str]
) -> None:
    out = tmp_path / "note"
    with open_registry(own) as registry:
        registry.store.put([record(60)])

    assert quick("registry", "checkpoint", "--registry", own, "-o", out).code == 0

    assert out.read_text().splitlines()[1] == "6"
    assert quick("registry", "checkpoint", "--registry", own).stdout == out.read_text()
    elsewhere = quick("registry", "checkpoint", "--registry", own, env=at_home)
    assert elsewhere.code == 33
    assert "the key of the log is not here" in elsewhere.stderr


@pytest.fixture(scope="module")
def proof(quick: Run, url: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("proof") / "proof.json"
    assert quick("registry", "proof", record(3).id, "-o", path, "--registry", url).code == 0
    return path


def key_of(url: str) -> str:
    with open_registry(url) as registry:
        return registry.key_line


def changes(told: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    yield "size", {**told, "record": {**told["record"], "size": 1}}
    yield "title", {**told, "record": {**told["record"], "disclosure": {"title": "x"}}}
    yield "more", {**told, "record": {**told["record"], "more": 1}}
    yield "NaN", {**told, "record": {**told["record"], "size": float("nan")}}
    yield "surrogate", {**told, "record": {**told["record"], "kind": "\ud800"}}
    yield "personal", {**told, "personal": "0" * 64}
    yield "place", {**told, "place": told["place"] + 1}
    yield "negative", {**told, "place": -1}
    yield "true", {**told, "place": True}
    yield "path", {**told, "path": told["path"][::-1]}
    yield "short path", {**told, "path": told["path"][:-1]}
    yield "long path", {**told, "path": told["path"] * 40}
    yield "path of what", {**told, "path": [1, 2, 3]}
    yield "note", {**told, "checkpoint": told["checkpoint"].replace("\n5\n", "\n4\n")}
    yield "no note", {**told, "checkpoint": ""}
    yield "no record", {k: v for k, v in told.items() if k != "record"}
    yield "version", {**told, "proof": 2}
    yield "list", [told]
    yield "no key", {**told, "key": "x"}


def test_a_changed_proof_does_not_hold(quick: Run, url: str, proof: Path, tmp_path: Path) -> None:
    told, path = json.loads(proof.read_text()), tmp_path / "changed.json"
    for name, changed in changes(told):
        path.write_text(json.dumps(changed))

        answer = quick("registry", "verify-proof", path, "--key", key_of(url))

        assert answer.code == 10, (name, answer.stdout)
        assert answer.stderr.startswith("trustkit: "), name


@pytest.mark.parametrize("content", [b"", b"{", b"[" * 100_000, b"\xff\xfe", b"null", b"{}"])
def test_what_is_no_proof_is_refused(quick: Run, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "proof").write_bytes(content)

    answer = quick("registry", "verify-proof", tmp_path / "proof", "--format", "json")

    assert answer.code == 10
    assert answer.json()["error"]["code"] == "proof"


def test_a_proof_that_is_not_there_is_unreadable(quick: Run, tmp_path: Path) -> None:
    assert quick("registry", "verify-proof", tmp_path / "none").code == 30


def test_a_proof_holds_alone_with_the_key_and_with_no_other(
    run: Run, quick: Run, url: str, proof: Path, tmp_path: Path, at_home: dict[str, str]
) -> None:
    (tmp_path / "key").write_text(key_of(url) + "\n")
    other = init_registry(f"sqlite:///{tmp_path}/other.db").key_line

    alone = quick("registry", "verify-proof", proof, env=at_home)
    good = run("registry", "verify-proof", proof, "--key", tmp_path / "key", env=at_home)
    own = quick("registry", "verify-proof", proof, "--format", "json")
    bad = quick("registry", "verify-proof", proof, "--key", other, env=at_home)

    assert (alone.code, good.code, own.code, bad.code) == (30, 0, 0, 10)
    assert "whose signature it is" in alone.stdout
    assert "holds" in good.stdout
    assert own.json()["record"] == record(3).id
    assert "is not signed by" in bad.stderr


def test_whoever_kept_a_checkpoint_sees_that_the_log_goes_on_from_it(
    quick: Run, own: str, tmp_path: Path
) -> None:
    kept, proof = tmp_path / "kept", tmp_path / "proof.json"
    ask = ("--registry", own)
    assert quick("registry", "checkpoint", "-o", kept, *ask).code == 0
    with open_registry(own) as registry:
        fill(registry, range(80, 83))
    other = init_registry(f"sqlite:///{tmp_path}/other.db")
    fill(other, range(1, 3))
    quick("registry", "checkpoint", "-o", tmp_path / "others", "--registry", other.shown)

    def verify(*since: object) -> tuple[int, str]:
        answer = quick("registry", "verify-proof", proof, *since, "--key", key_of(own))
        return answer.code, answer.stdout + answer.stderr

    quick("registry", "proof", record(80).id, "-o", proof, *ask)
    assert verify("--since", kept)[0] == 10  # it says nothing of what was before
    assert (
        quick("registry", "proof", record(80).id, "--since", tmp_path / "others", *ask).code == 30
    )
    quick("registry", "proof", record(80).id, "-o", proof, "--since", kept, *ask)
    assert verify("--since", kept) == (0, verify()[1])
    assert "goes on from its checkpoint of 5 entries" in verify()[1]
    assert verify("--since", tmp_path / "others")[0] == 10
    told = json.loads(proof.read_text())
    for changed in (
        {**told["since"], "path": told["since"]["path"][:-1]},
        {**told["since"], "path": [1]},
        {**told["since"], "checkpoint": told["checkpoint"]},
        {"checkpoint": told["since"]["checkpoint"]},
        [],
    ):
        proof.write_text(json.dumps({**told, "since": changed}))
        assert verify()[0] == 10, changed


def test_a_proof_shows_nothing_that_is_personal(proof: Path) -> None:
    assert "harbour-3.jpg" not in proof.read_text()
    assert "Photographer" not in proof.read_text()


def test_what_nobody_signed_has_no_proof(quick: Run, own: str) -> None:
    with open_registry(own) as registry:
        registry.store.put([record(70)])

    answer = quick("registry", "proof", record(70).id, "--registry", own)

    assert answer.code == 30
    assert "not signed yet" in answer.stderr


def test_a_damaged_record_is_said_to_be_damaged(quick: Run, own: str) -> None:
    with sqlite3.connect(own.removeprefix("sqlite:///")) as connection:
        connection.execute("UPDATE records SET disclosure = '{not JSON' WHERE row = 2")
    connection.close()

    for words in (("list",), ("export",), ("show", record(3).id), ("search", "--text", "JSON")):
        answer = quick("registry", *words, "--registry", own)
        assert answer.code == 30, words
        assert answer.stderr.startswith("trustkit: "), words


def test_no_proof_is_made_of_a_changed_registry(quick: Run, own: str) -> None:
    with sqlite3.connect(own.removeprefix("sqlite:///")) as connection:
        connection.execute("UPDATE records SET size = 1")
    connection.close()

    answer = quick("registry", "proof", record(1).id, "--registry", own)

    assert answer.code == 30
    assert "cannot be proved" in answer.stderr
    assert answer.stdout == ""


# --- add


def test_files_made_elsewhere_are_recorded_once_and_found_again(
    quick: Run, run: Run, tmp_path: Path, at_home: dict[str, str]
) -> None:
    marked, signed = tmp_path / "marked.png", tmp_path / "signed.png"
    page = MEDIA / "page.png"
    told = quick("watermark", "embed", page, "-o", marked, "-f", "json").json()
    payload = told["files"][0]["payload"]
    quick("sign", marked, "-o", signed, "--key", KEY, *AI, "-q")
    quick("registry", "init", env=at_home)
    files = (signed, MEDIA / "scene.jpg", BROKEN / "not-a-picture.jpg")

    first = run("registry", "add", *files, "-f", "json", env=at_home)

    assert first.code == 30
    rows = {Path(row["path"]).name: row for row in first.json()["files"]}
    assert [row["state"] for row in rows.values()] == ["added", "added", "error"]
    assert rows["signed.png"]["record"] == payload
    shown = quick("registry", "show", payload, "-f", "json", env=at_home).json()["record"]
    assert shown["manifest_id"]
    assert {"alg": "com.trustkit.tiles.1", "value": payload}["value"] in {
        one["value"] for one in shown["bindings"]
    }
    assert quick("registry", "verify-log", "--blobs", env=at_home).code == 0

    again = quick("registry", "add", signed, "-f", "jsonl", env=at_home).rows()
    assert [row["state"] for row in again] == ["kept"]

    # The mark of a record on another file: whose it is cannot be told.
    clash = quick("registry", "add", marked, env=at_home)
    assert clash.code == 40
    assert f"another record of the id {payload}" in clash.stderr
