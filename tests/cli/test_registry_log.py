"""`registry verify-log` finds what somebody did to the database, by hand, past us."""

# ruff: noqa: S608  # statements of SQL, written here alone

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.command import Answer
from tests.conftest import Run
from tests.stores_log.records import fill, record
from trustkit.stores.audit import audit
from trustkit.stores.kept import kept
from trustkit.stores.registry import Registry, init_registry, open_registry

VICTIM = record(3)
Meddle = Callable[..., None]
Check = Callable[..., Answer]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, home: Path) -> Path:
    """A folder with a registry of six records, one of them forgotten, and one reserved."""
    folder = tmp_path_factory.mktemp("made")
    with init_registry(f"sqlite:///{folder}/registry.db") as registry:
        fill(registry, range(1, 4), blobs=True)
        fill(registry, range(4, 7), blobs=True)
        registry.forget(record(5).id, "asked to")
        registry.checkpoint()
        registry.store.reserve(record(7), "/somewhere/out.jpg")
    return folder


@pytest.fixture
def url(made: Path, tmp_path: Path) -> Iterator[str]:
    for name in ("registry.db", "registry.db.blobs"):
        if (made / name).is_dir():
            shutil.copytree(made / name, tmp_path / name)
        else:
            shutil.copy(made / name, tmp_path / name)
    with open_registry(f"sqlite:///{tmp_path}/registry.db") as registry:
        keep = registry.keep.path / "checkpoints"
    before = keep.read_bytes()
    yield f"sqlite:///{tmp_path}/registry.db"
    keep.write_bytes(before)


@pytest.fixture
def meddle(url: str) -> Meddle:
    def do(*statements: str) -> None:
        with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
            for statement in statements:
                done = connection.execute(statement)
                assert done.rowcount, statement
        connection.close()

    return do


@pytest.fixture
def check(url: str, quick: Run) -> Check:
    def do(*options: object) -> Answer:
        return quick("registry", "verify-log", "--registry", url, *options)

    return do


def wrong(answer: Answer) -> str:
    assert answer.code == 10, answer.stdout + answer.stderr
    return "\n".join(ln for ln in answer.stdout.splitlines() if ln.startswith("changed:"))


ROW = f"row = (SELECT row FROM records WHERE id = '{VICTIM.id}')"
PLACE = f"place = (SELECT place FROM records WHERE id = '{VICTIM.id}')"
FIELDS = {
    "id": "'00000000000000ff'",
    "place": "77",
    "created": "'2020-01-01T00:00:00.000Z'",
    "media_type": "'image/png'",
    "kind": "'audio'",
    "size": "1",
    "sha256": "lower(hex(zeroblob(32)))",
    "source_sha256": "''",
    '"order"': "'x'",
    "manifest": "''",
    "manifest_id": "'urn:c2pa:another'",
    "thumbnail": "''",
    "measures": """'{"width":1}'""",
    "disclosure": """'{"title":"Another harbour"}'""",
    "row": "77",
}
COLUMNS = [
    *((f"UPDATE records SET {name} = {value} WHERE id = '{VICTIM.id}'", VICTIM.id)
      for name, value in FIELDS.items()),
    (f"UPDATE records SET place = NULL WHERE id = '{VICTIM.id}'", VICTIM.id),
    (f"UPDATE records SET disclosure = '{{not JSON' WHERE id = '{VICTIM.id}'", VICTIM.id),
    (f"UPDATE records SET measures = '[1]' WHERE id = '{VICTIM.id}'", VICTIM.id),
    (f"UPDATE records SET created = x'ff00' WHERE id = '{VICTIM.id}'", VICTIM.id),
    (f"UPDATE records SET size = 'many' WHERE id = '{VICTIM.id}'", VICTIM.id),
    (f"UPDATE personal SET row = 77 WHERE {ROW}", VICTIM.id),
    (f"UPDATE personal SET salt = zeroblob(16) WHERE {ROW}", VICTIM.id),
    (f"UPDATE personal SET content = '{{}}' WHERE {ROW}", VICTIM.id),
    (f"UPDATE personal SET content = 'x' WHERE {ROW}", VICTIM.id),
    (f"UPDATE bindings SET row = 77 WHERE {ROW}", VICTIM.id),
    (f"UPDATE bindings SET number = 7 WHERE {ROW} AND number = 1", VICTIM.id),
    (f"UPDATE bindings SET algorithm = 'x' WHERE {ROW}", VICTIM.id),
    (f"UPDATE bindings SET value = 'ff' WHERE {ROW}", VICTIM.id),
    (f"UPDATE bindings SET tail = 'ffffffff' WHERE {ROW}", VICTIM.id),
    (f"UPDATE codes SET place = 77 WHERE {PLACE}", VICTIM.id),
    (f"UPDATE codes SET run = run + 5 WHERE {PLACE}", VICTIM.id),
    (f"UPDATE codes SET algorithm = 'x' WHERE {PLACE} AND run = 0", VICTIM.id),
    (f"UPDATE codes SET bits = zeroblob(64) WHERE {PLACE} AND run = 0", VICTIM.id),
    (f"UPDATE codes SET bits = bits || x'00' WHERE {PLACE} AND run = 0", VICTIM.id),
    (f"UPDATE codes SET bits = bits || zeroblob(32) WHERE {PLACE} AND run = 0", VICTIM.id),
    (f"UPDATE codes SET spots = '[[9,\"\"],[9,\"\"]]' WHERE {PLACE} AND run = 0", VICTIM.id),
    (f"UPDATE log SET leaf = zeroblob(32) WHERE id = '{VICTIM.id}'", VICTIM.id),
    (f"UPDATE log SET leaf = x'00' WHERE id = '{VICTIM.id}'", VICTIM.id),
    (f"UPDATE log SET id = '00000000000000ff' WHERE id = '{VICTIM.id}'", VICTIM.id),
    (f"UPDATE log SET what = 'forget' WHERE id = '{VICTIM.id}'", VICTIM.id),
    (f"UPDATE log SET what = 'x' WHERE id = '{VICTIM.id}'", VICTIM.id),
    (f"UPDATE log SET place = 77 WHERE id = '{VICTIM.id}'", "no entry at place 2"),
    (f"UPDATE log SET place = -1 WHERE id = '{VICTIM.id}'", "no entry at place 2"),
    ("UPDATE checkpoints SET size = 4 WHERE size = 3", "of 4 entries is of 3"),
    ("UPDATE checkpoints SET note = replace(note, x'0a330a', x'0a340a')", "signature of"),
    ("UPDATE checkpoints SET note = 'x' WHERE size = 3", "no signed note"),
    ("UPDATE checkpoints SET frontier = '' WHERE size = 3", "frontier"),
    ("UPDATE counters SET number = 1 WHERE name = 'places'", "counter places says 1"),
    ("UPDATE counters SET number = 0 WHERE name = 'rows'", "counter rows"),
    ("UPDATE counters SET number = 9 WHERE name = 'codes pdq.1'", "counter codes pdq.1 says 9"),
    ("UPDATE counters SET name = 'x' WHERE name = 'records'", "counter records"),
    ("UPDATE settings SET value = replace(value, '+', '-') WHERE key = 'log_key'", "another key"),
    ("UPDATE reserved SET row = 77", "is not reserved either"),
]  # fmt: skip


GONE = (
    f"DELETE FROM personal WHERE {ROW}",
    f"DELETE FROM bindings WHERE {ROW}",
    f"DELETE FROM codes WHERE {PLACE}",
    f"DELETE FROM records WHERE id = '{VICTIM.id}'",
)
SWAP = (
    "UPDATE {} SET place = 77 WHERE place = 2",
    "UPDATE {} SET place = 2 WHERE place = 1",
    "UPDATE {} SET place = 1 WHERE place = 77",
)


@pytest.mark.parametrize(("statement", "named"), COLUMNS, ids=range(len(COLUMNS)))
def test_a_change_of_any_column_is_found_and_the_record_named(
    meddle: Meddle, check: Check, statement: str, named: str
) -> None:
    meddle(statement)

    assert named in wrong(check()), statement


def test_every_column_of_every_table_is_changed_in_these_tests(url: str) -> None:
    # What no log can hold: where a reserved file is to go, why a record was forgotten (as it is
    # told), where the blobs are, and the name that Alembic gives its own version.
    exempt = {
        *(("reasons", column) for column in ("id", "time", "reason")),
        ("reserved", "output"),
        ("settings", "key"),
        ("trustkit_schema", "version_num"),
    }
    words = (statement.split() for statement, _ in COLUMNS)
    changed = {(word[1], word[3].strip('"')) for word in words}
    connection = sqlite3.connect(url.removeprefix("sqlite:///"))
    named = "SELECT name FROM sqlite_master WHERE type = 'table'"
    tables = [name for (name,) in connection.execute(named)]
    there = {
        (table, column[1])
        for table in tables
        for column in connection.execute(f"PRAGMA table_info({table})")
    }
    connection.close()

    assert there - changed == exempt


@pytest.mark.parametrize(
    "settings",
    [
        "DELETE FROM settings WHERE key = 'registry'",
        "UPDATE settings SET value = '../x' WHERE key = 'registry'",
    ],
)
def test_a_registry_without_its_name_is_not_opened(
    meddle: Meddle, check: Check, settings: str
) -> None:
    meddle(settings)

    answer = check()

    assert answer.code == 30
    assert "does not say what it is called" in answer.stderr


def test_a_registry_under_another_name_is_found(meddle: Meddle, check: Check) -> None:
    meddle(f"UPDATE settings SET value = '{'0' * 32}' WHERE key = 'registry'")

    assert "is called" in wrong(check())


def test_a_dropped_record_is_named(meddle: Meddle, check: Check) -> None:
    meddle(*GONE)

    assert f"the record '{VICTIM.id}' of place 2 is missing" in wrong(check())


def test_a_record_dropped_from_the_log_as_well_is_found_by_what_was_signed(
    meddle: Meddle, check: Check
) -> None:
    # As careful as one can be without the key: everything that follows moves up.
    meddle(*GONE,
           f"DELETE FROM log WHERE id = '{VICTIM.id}'",
           "UPDATE log SET place = place - 1 WHERE place > 2",
           "UPDATE records SET place = place - 1 WHERE place > 2",
           "UPDATE codes SET place = place - 1 WHERE place > 2",
           "UPDATE counters SET number = number - 1 WHERE name IN ('places', 'records')",
           "UPDATE counters SET number = number - 2 WHERE name = 'codes pdq.1'",
           "UPDATE counters SET number = number - 5 WHERE name = 'codes chroma.1'")  # fmt: skip

    said = wrong(check())

    assert "first 3 entries are not those that were signed" in said
    assert "the log is shorter than what was signed: 6 entries, but 7 in" in said


def test_two_records_in_each_others_place_are_both_named(meddle: Meddle, check: Check) -> None:
    other = record(2)
    meddle(*(one.format("records") for one in SWAP))

    said = wrong(check())

    assert f"at place 1 the record is '{VICTIM.id}'" in said
    assert f"at place 2 the record is '{other.id}'" in said


def test_a_log_in_another_order_is_not_what_was_signed(meddle: Meddle, check: Check) -> None:
    meddle(*(one.format(table) for table in ("log", "records", "codes") for one in SWAP))

    assert "the log's first 3 entries are not those that were signed" in wrong(check())


def test_a_log_cut_back_to_an_older_checkpoint_is_found_by_those_kept_apart(
    meddle: Meddle, check: Check
) -> None:
    meddle("DELETE FROM log WHERE place > 2", "DELETE FROM checkpoints WHERE size > 3",
           "DELETE FROM personal WHERE row > 2", "DELETE FROM bindings WHERE row > 2",
           "DELETE FROM codes WHERE place > 2", "DELETE FROM records WHERE row > 2",
           "DELETE FROM reserved", "DELETE FROM counters WHERE name LIKE 'codes%'",
           "UPDATE counters SET number = 3")  # fmt: skip

    assert "the log is shorter than what was signed: 3 entries, but 7 in" in wrong(check())


def test_a_dropped_checkpoint_is_found(meddle: Meddle, check: Check) -> None:
    meddle("DELETE FROM checkpoints WHERE size = 6")

    assert "the checkpoint of 6 entries is missing in the registry" in wrong(check())


def test_whoever_forgets_by_hand_cannot_say_so_in_the_log(meddle: Meddle, check: Check) -> None:
    forgotten = record(5).id
    meddle(f"UPDATE log SET id = '{VICTIM.id}' WHERE what = 'forget'",
           *GONE)  # fmt: skip

    said = wrong(check())

    assert f"forgetting '{VICTIM.id}' at place 6 does not fit" in said
    assert f"the record '{forgotten}' of place 4 is missing" in said


def test_a_log_hash_that_fits_a_changed_record_is_not_the_one_that_was_signed(
    url: str, meddle: Meddle, check: Check
) -> None:
    meddle(f"UPDATE records SET size = 1 WHERE id = '{VICTIM.id}'")
    with open_registry(url) as registry:
        leaf = registry.store.leaf_of(VICTIM.id)
    assert leaf
    meddle(f"UPDATE log SET leaf = x'{leaf.hex()}' WHERE id = '{VICTIM.id}'")

    assert "the log's first 3 entries are not those that were signed" in wrong(check())


@pytest.mark.parametrize("what", ["manifest", "thumbnail"])
def test_a_damaged_blob_is_named_with_its_record(
    url: str, check: Check, what: str, tmp_path: Path
) -> None:
    with open_registry(url) as registry:
        there = registry.store.get(VICTIM.id)
    assert there
    name = getattr(there, what)
    (tmp_path / "registry.db.blobs" / name[:2] / name[2:]).write_bytes(b"another")

    assert check().code == 0
    assert f"the {what} of the record {VICTIM.id}: the blob {name}" in wrong(check("--blobs"))


def test_a_missing_blob_is_named_with_its_record(url: str, check: Check, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "registry.db.blobs")

    said = wrong(check("--blobs"))

    assert f"the manifest of the record {VICTIM.id}: the blob" in said
    assert said.count("is not in") == 10


def test_blobs_that_cannot_be_asked_for_are_not_checked(
    meddle: Meddle, check: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    meddle("UPDATE settings SET value = 's3://bucket-of-nobody/x' WHERE key = 'blobs'")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)

    answer = check("--blobs")

    assert answer.code == 30
    assert "not checked:  the blobs were not checked: there is no key" in answer.stdout


def test_a_whole_registry_is_said_to_be_whole(check: Check) -> None:
    answer = check("--blobs", "--format", "json")

    told = answer.json()
    assert answer.code == 0, answer.stdout
    assert told["answer"] == "whole"
    assert (told["entries"], told["records"], told["forgotten"]) == (7, 5, 1)
    assert (told["checkpoints"], told["unsigned"], told["blobs"]) == (3, 0, 10)
    assert told["wrong"] == told["unchecked"] == []


def test_what_nobody_signed_is_neither_whole_nor_changed(url: str, check: Check) -> None:
    with open_registry(url) as registry:
        registry.store.put([record(20), record(21)])

    answer = check()

    assert answer.code == 30
    assert "2 entries after the last checkpoint are not signed" in answer.stdout


def test_without_a_key_of_ones_own_nobody_can_say_who_signed(
    url: str, run: Run, check: Check, tmp_path: Path
) -> None:
    with open_registry(url) as registry:
        line, apart = registry.key_line, registry.keep.path / "checkpoints"
    elsewhere = {"TRUSTKIT_HOME": str(tmp_path / "elsewhere")}
    ask = ("registry", "verify-log", "--registry", url)

    alone = run(*ask, env=elsewhere)
    with_key = run(*ask, "--key", line, env=elsewhere)
    with_both = run(*ask, "--key", line, "--checkpoint", apart, env=elsewhere)

    assert (alone.code, with_key.code, with_both.code) == (30, 30, 0)
    assert "whose signature it is" in alone.stdout
    assert "cut back to an earlier one cannot be told" in with_key.stdout


def test_a_registry_signed_anew_by_somebody_else_is_found(
    url: str, check: Check, meddle: Meddle, tmp_path: Path
) -> None:
    with open_registry(url) as registry:
        line = registry.key_line
    other = init_registry(f"sqlite:///{tmp_path}/other.db")
    fill(other, range(30, 32))

    answer = check("--key", other.key_line)

    assert answer.code == 10
    assert "names another key of its log than the one that is believed" in answer.stdout
    assert check("--key", line).code == 0


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        (b"", 33, "holds no checkpoint"),
        (b"anything at all\n", 30, "1 pieces in"),
        (b"\xff\xfe\x00\n\n\xe2\x80\x94 a b\n", 30, "no signed note"),
    ],
)
def test_what_is_given_as_a_checkpoint_and_is_none_is_named(
    check: Check, tmp_path: Path, text: bytes, code: int, said: str
) -> None:
    (tmp_path / "kept").write_bytes(text)

    answer = check("--checkpoint", tmp_path / "kept")

    assert answer.code == code, answer.stdout
    assert said in answer.stdout + answer.stderr


@pytest.mark.parametrize("cut", [40, 95, 100, 130, 200])
def test_half_a_note_is_not_checked_and_the_next_one_is_whole(
    url: str, check: Check, cut: int
) -> None:
    with open_registry(url) as registry:
        apart = registry.keep.path / "checkpoints"
        text = apart.read_text()
        apart.write_text(text + text[:cut])  # a power cut
        registry.store.put([record(20)])

        signed = registry.checkpoint()

    assert signed
    assert signed.checkpoint.size == 8
    answer = check()
    assert answer.code == 30
    assert "no whole checkpoint" in answer.stdout or "no signed note" in answer.stdout
    assert "changed:" not in answer.stdout


def test_no_checkpoint_is_signed_over_a_changed_log(url: str, meddle: Meddle) -> None:
    meddle(f"UPDATE log SET leaf = zeroblob(32) WHERE id = '{VICTIM.id}'",
           "UPDATE checkpoints SET frontier = ''")  # fmt: skip
    with open_registry(url) as registry:
        registry.store.put([record(20)])
        with pytest.raises(Exception, match="was changed: it is not what was signed") as raised:
            registry.checkpoint()

    assert "verify-log" in raised.value.hint  # type: ignore[attr-defined]


def test_no_checkpoint_is_signed_over_an_older_copy_of_the_registry(
    url: str, tmp_path: Path, meddle: Meddle
) -> None:
    database = tmp_path / "registry.db"
    older = database.read_bytes()
    with open_registry(url) as registry:
        registry.store.put([record(20)])
        registry.checkpoint()
    for name in tmp_path.glob("registry.db-*"):
        name.unlink()
    database.write_bytes(older)
    with open_registry(url) as registry:
        registry.store.put([record(21)])
        with pytest.raises(Exception, match="not what was signed when it had 8 entries"):
            registry.checkpoint()


def test_a_checkpoint_that_was_not_kept_in_the_registry_is_put_back(
    url: str, meddle: Meddle, check: Check
) -> None:
    meddle("DELETE FROM checkpoints WHERE size = 7")
    assert check().code == 0

    with open_registry(url) as registry:
        signed: Any = registry.checkpoint()

    assert signed.checkpoint.size == 7
    with open_registry(url) as registry:
        assert [row.size for row in kept(registry.store.database)] == [3, 6, 7]


def test_a_checkpoint_reads_only_what_is_new(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_registry(url) as registry:
        registry.store.put([record(20), record(21)])
        started: list[int] = []
        entries = registry.store.entries
        monkeypatch.setattr(
            registry.store, "entries", lambda start=0: [started.append(start), entries(start)][1]
        )
        registry.checkpoint()

    assert started == [7]


def test_many_who_write_sign_and_check_at_once_see_one_log(url: str, tmp_path: Path) -> None:
    def work(start: int) -> list[str]:
        said = []
        with open_registry(url) as registry:
            for number in range(start, start + 5):
                registry.store.put([record(number)])
                registry.checkpoint()
                if number % 2:
                    registry.forget(record(number).id)
                said += audit(registry, registry.own_key, [], blobs=False).wrong
        return said

    with ThreadPoolExecutor(4) as pool:
        said = [line for lines in pool.map(work, (100, 200, 300, 400)) for line in lines]

    assert said == []
    with open_registry(url) as registry:
        assert_counts(registry)


def assert_counts(registry: Registry) -> None:
    signed: Any = registry.checkpoint()
    forgotten = sum(
        number % 2 for start in (100, 200, 300, 400) for number in range(start, start + 5)
    )
    assert signed.checkpoint.size == 7 + 20 + forgotten
