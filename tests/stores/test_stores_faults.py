"""What goes wrong with a registry in a file: each has one clear sentence, and nothing is lost."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, event

from tests.stores.child import Child
from tests.stores.material import film, name, picture
from trustkit.record import Query
from trustkit.stores import StoreError
from trustkit.stores.sql import SqlStore


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A registry with three records, closed."""
    file = tmp_path / "registry.db"
    with SqlStore.create(f"sqlite:///{file}", {"registry": "a"}) as store:
        store.put([picture(1), film(2), picture(3)])
    return file


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 2 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m,mode=777", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root can mount a small disk")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def refusal(file: Path) -> StoreError:
    with pytest.raises(StoreError) as refused:
        SqlStore(f"sqlite:///{file}").close()
    assert refused.value.exit_code == 30
    assert str(file) in refused.value.message
    return refused.value


def test_where_there_is_no_registry_the_way_to_one_is_told(tmp_path: Path) -> None:
    refused = refusal(tmp_path / "none.db")
    assert refused.message.startswith("there is no registry at sqlite:///")
    assert "trustkit registry init" in refused.hint
    assert not (tmp_path / "none.db").exists()


def test_an_empty_file_is_no_registry(tmp_path: Path) -> None:
    (tmp_path / "empty.db").touch()
    assert "there is no registry" in refusal(tmp_path / "empty.db").message


def test_the_database_of_another_program_is_no_registry(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "other.db") as connection:
        connection.execute("CREATE TABLE records (a)")
    connection.close()
    assert "there is no registry" in refusal(tmp_path / "other.db").message


def test_a_file_that_is_no_database_is_said_to_be_none(tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(b"\xff\xd8" + b"x" * 9000)
    assert "is not a database of SQLite" in refusal(tmp_path / "photo.jpg").message


def test_a_folder_is_no_registry(tmp_path: Path) -> None:
    assert refusal(tmp_path).hint


def test_a_registry_of_a_newer_trustkit_is_left_alone(file: Path) -> None:
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE trustkit_schema SET version_num = 'hundredth'")
    connection.close()
    assert "newer trustkit" in refusal(file).message
    assert refusal(file).hint == "upgrade trustkit"


def test_a_damaged_registry_is_said_to_be_damaged(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[4096:] = os.urandom(len(content) - 4096)
    file.write_bytes(content)
    refused = refusal(file)
    assert "damaged" in refused.message
    assert "copy" in refused.hint


def test_a_damaged_row_is_told_with_its_record(file: Path) -> None:
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE records SET measures = '[1' WHERE id = ?", (name(1),))
        connection.execute("UPDATE codes SET spots = '[3]' WHERE place = 1")
    connection.close()
    with SqlStore(f"sqlite:///{file}") as store:
        for number in (1, 2):
            with pytest.raises(StoreError) as refused:
                store.get(name(number))
            assert name(number) in refused.value.message
            assert "verify-log" in refused.value.hint
        assert store.get(name(3)) == picture(3)


def test_a_registry_is_never_made_over_another_file(file: Path, tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(b"photo")
    (tmp_path / "link.db").symlink_to(tmp_path / "nowhere.db")
    before = file.read_bytes()
    for there in (file, tmp_path / "photo.jpg", tmp_path / "link.db", tmp_path):
        with pytest.raises(StoreError) as refused:
            SqlStore.create(f"sqlite:///{there}", {})
        assert refused.value.exit_code == 30
    assert file.read_bytes() == before
    assert (tmp_path / "photo.jpg").read_bytes() == b"photo"
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_where_no_folder_can_be_made_no_registry_is(file: Path) -> None:
    with pytest.raises(StoreError) as refused:
        SqlStore.create(f"sqlite:///{file}/in/registry.db", {})
    assert "could not be made" in refused.value.message


def test_a_registry_is_for_its_owner_alone(file: Path) -> None:
    assert file.stat().st_mode & 0o077 == 0
    with SqlStore(f"sqlite:///{file}") as store:
        store.put([picture(4)])
        beside = list(file.parent.glob("registry.db-*"))
        assert beside
        assert all(path.stat().st_mode & 0o077 == 0 for path in beside)


def test_a_registry_that_another_process_holds_is_said_to_be_locked(file: Path) -> None:
    holder = sqlite3.connect(file, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with SqlStore(f"sqlite:///{file}", patience=0.2) as store:
        with pytest.raises(StoreError) as refused:
            store.put([picture(4)])
        assert refused.value.exit_code == 30
        assert "is locked by another process (waited 0.2 s)" in refused.value.message
        assert store.get(name(1)) == picture(1)  # readers need not wait
        assert store.near([Query(picture(3).codes[0], 0)])[0].record == name(3)
        holder.rollback()
        holder.close()
        assert store.put([picture(4)]) == 1


def test_whoever_waits_long_enough_gets_the_lock(file: Path, tmp_path: Path) -> None:
    holder = sqlite3.connect(file, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    writer = Child("put", f"sqlite:///{file}", 10, 2, tmp_path)
    with pytest.raises(StoreError), SqlStore(f"sqlite:///{file}", patience=0.3) as store:
        store.put([picture(4)])
    assert writer.is_alive
    holder.rollback()
    holder.close()
    assert writer.end() == (0, "")


def test_a_file_that_may_not_be_written_is_said_to_be_so(file: Path, tmp_path: Path) -> None:
    if os.geteuid() == 0:
        for folder in (file.parent, *file.parents[1:4]):
            if folder != Path("/tmp"):
                folder.chmod(0o755)
    file.chmod(0o444)
    file.parent.chmod(0o555)
    notes = tmp_path / "notes"
    with SqlStore(f"sqlite:///{file}"):  # so that the journal is there, and may be read
        pass
    file.parent.chmod(0o755)
    notes.mkdir()
    file.parent.chmod(0o555)
    writer = Child("humble", f"sqlite:///{file}", 10, 2, notes)
    code, noted = writer.end()
    file.parent.chmod(0o755)
    assert code == 30
    assert "may not be written" in noted or "could not be opened" in noted


@pytest.mark.parametrize("kind", ["limit", "disk"])
def test_a_full_disk_loses_nothing_that_was_kept(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    folder = request.getfixturevalue("small_disk") if kind == "disk" else tmp_path
    url = f"sqlite:///{folder}/registry.db"
    SqlStore.create(url, {}).close()
    writer = Child("fill" if kind == "disk" else "limited", url, 0, 10_000, tmp_path)
    code, noted = writer.end()
    assert code == 30
    assert "nothing of this was kept" in noted
    assert "room" in noted
    assert writer.said
    where = tmp_path / "saved"
    where.mkdir()
    for path in Path(folder).glob("registry.db*"):
        shutil.copy(path, where)
    with SqlStore(f"sqlite:///{where}/registry.db") as store:
        kept = store.records(most=100_000)
        assert len(kept) == store.count() == 100 * len(writer.said)
        assert [entry.id for entry in store.entries()] == [one.id for one in kept]
        assert kept[-1] == film(len(kept) - 1)


def test_no_registry_is_made_on_a_full_disk(small_disk: Path) -> None:
    room = shutil.disk_usage(small_disk).free
    (small_disk / "filling").write_bytes(b"x" * (room - 20_000))
    with pytest.raises(StoreError) as refused:
        SqlStore.create(f"sqlite:///{small_disk}/registry.db", {})
    assert "full disk" in refused.value.message
    assert [path.name for path in small_disk.iterdir()] == ["filling"]


def test_what_is_forgotten_is_in_no_file_of_the_registry_any_more(file: Path) -> None:
    secret = b"GPS 52.5163 N 13.3777 E of somebody"
    url = f"sqlite:///{file}"
    with SqlStore(url) as store:
        store.put([picture(7, personal={"gps": secret.decode()})])
        store.put([picture(8)])
        assert store.near([Query(picture(7).codes[0], 0)])
        assert any(secret in path.read_bytes() for path in file.parent.glob("registry.db*"))
        assert store.forget(name(7))
        files = [path for path in file.parent.rglob("*") if path.is_file()]
        for gone in (secret, picture(7).codes[0].bits, picture(7).sha256.encode()):
            assert not [path for path in files if gone in path.read_bytes()]


def test_no_look_up_reads_a_whole_table(file: Path) -> None:
    statements: list[tuple[str, object]] = []

    def note(
        _connection: object, _cursor: object, statement: str, values: object, *_: object
    ) -> None:
        statements.append((statement, values))

    with SqlStore(f"sqlite:///{file}") as store:
        event.listen(store.database._engine, "before_cursor_execute", note)
        store.get(name(1))
        store.bound("trustkit.tiles.1", name(1))
        store.bound("trustkit.tiles.1", name(1)[-8:])
        store.hashed(picture(1).sha256)
        store.ordered(picture(1).source_sha256, picture(1).order)
        store.named(picture(1).manifest_id)
        store.records(after=name(1), most=2)
        store.put([picture(9)])
        store.codes("pdq.1")
        list(store.entries(2))
    looks = [(s, v) for s, v in statements if s.startswith("SELECT") and "counters" not in s]
    assert len(looks) > 20
    engine = create_engine(f"sqlite:///{file}")
    with engine.connect() as connection:
        for statement, values in looks:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).all()
            for step in plan:
                assert "SCAN" not in step.detail, (statement, step.detail)
                assert "TEMP B-TREE FOR ORDER" not in step.detail, (statement, step.detail)
    engine.dispose()
