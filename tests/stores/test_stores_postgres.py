"""A registry on a PostgreSQL server that goes away, comes back, refuses or is held by another."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import Connection

from tests.stores.child import Child
from tests.stores.material import film, name, picture
from tests.stores.postgres import PASSWORD, Cut, Server, server
from trustkit.record import Query
from trustkit.stores import StoreError, database
from trustkit.stores.sql import SqlStore


@pytest.fixture
def at() -> Server:
    return server()


@pytest.fixture
def url(at: Server) -> str:
    url = at.url()
    SqlStore.create(url, {"registry": "a"}).close()
    return url


def refusal(url: str) -> StoreError:
    with pytest.raises(StoreError) as refused:
        SqlStore(url).close()
    told = f"{refused.value.message} {refused.value.hint} {refused.value!r}"
    told += repr(refused.value.__cause__) + repr(refused.value.__context__)
    assert "ss-w0rd" not in told
    assert "secret" not in told
    assert refused.value.exit_code == 30
    return refused.value


def test_a_wrong_password_is_refused_and_shown_nowhere(at: Server) -> None:
    refused = refusal(at.url("postgres", "secret"))
    assert "refused the user or the password" in refused.message
    assert refused.message.startswith(
        f"the registry postgresql://owner@127.0.0.1:{at.port}/postgres"
    )


def test_a_missing_database_is_said_to_be_missing(at: Server) -> None:
    refused = refusal(at.url("nowhere"))
    assert "no such database" in refused.message
    assert "createdb" in refused.hint


def test_a_database_without_a_registry_is_said_to_have_none(at: Server) -> None:
    assert "there is no registry at postgresql://owner@" in refusal(at.url()).message


def test_a_server_that_is_not_there_is_said_to_be_unreachable(
    at: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "COMEBACK_SECONDS", 0.5)
    refused = refusal("postgresql://owner:secret@127.0.0.1:1/registry")
    assert "cannot be reached" in refused.message


def test_a_server_without_encryption_is_refused_where_it_is_asked_for(at: Server) -> None:
    for mode in ("require", "verify-full"):
        refused = refusal(f"{at.url('postgres')}?sslmode={mode}")
        assert "encryption" in refused.message
        assert "sslmode" in refused.hint


def test_a_connection_is_encrypted_and_the_server_checked_as_the_url_says(
    at: Server, url: str, tmp_path: Path
) -> None:
    roots = at.encrypt()
    try:
        for mode in (
            "sslmode=require",
            "sslmode=prefer",
            f"sslmode=verify-full&sslrootcert={roots}",
        ):
            with SqlStore(f"{url}?{mode}") as store:
                assert store.database.read(_is_encrypted)
        with SqlStore(f"{url}?sslmode=disable") as store:
            assert not store.database.read(_is_encrypted)
        assert "encryption" in refusal(f"{url}?sslmode=verify-full").message
        elsewhere = url.replace("127.0.0.1", "127.0.0.2")  # another name than the certificate's
        refused = refusal(f"{elsewhere}?sslmode=verify-full&sslrootcert={roots}")
        assert "encryption" in refused.message
        assert refusal(f"{url}?sslmode=verify-full&sslrootcert={tmp_path}/none.pem").hint
    finally:
        at.encrypt(on=False)


def _is_encrypted(connection: Connection) -> bool:
    asked = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
    return bool(connection.exec_driver_sql(asked).scalar())


def test_no_password_is_in_what_a_store_shows(url: str) -> None:
    with SqlStore(url) as store:
        assert "ss-w0rd" not in repr(store) + repr(store.address) + store.address.shown


def test_a_server_is_reached_through_its_socket_too(at: Server, url: str) -> None:
    base = url.rpartition("/")[2]
    with SqlStore(f"postgresql://owner:{PASSWORD}@:{at.port}/{base}?host={at.folder}") as store:
        assert store.put([picture(1)]) == 1
        assert store.database.address.socket == str(at.folder)


def test_the_password_may_stay_in_the_environment(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSWORD", "p@ss-w0rd")
    with SqlStore(url.replace(":p%40ss-w0rd@", "@")) as store:
        assert store.count() == 0


def test_a_registry_is_never_made_over_the_tables_of_another_program(at: Server, url: str) -> None:
    with pytest.raises(StoreError) as refused:
        SqlStore.create(url, {})
    assert "already" in refused.value.message
    other = at.url()
    at.ask(other.rpartition("/")[2], "CREATE TABLE log (line text)")
    with pytest.raises(StoreError) as refused:
        SqlStore.create(other, {})
    assert "table log" in refused.value.message
    assert "there is no registry" in refusal(other).message


def test_of_two_who_make_a_registry_at_once_one_does(at: Server) -> None:
    url, made, refused = at.url(), [], []

    def make() -> None:
        try:
            SqlStore.create(url, {"registry": "a"}).close()
            made.append(1)
        except StoreError as error:
            refused.append(error.message)

    threads = [threading.Thread(target=make) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    assert all("already" in message for message in refused)
    with SqlStore(url) as store:
        assert store.put([picture(1)]) == 1


def test_a_registry_that_another_holds_is_said_to_be_locked(url: str) -> None:
    with SqlStore(url) as holder, SqlStore(url, patience=0.2) as store:
        taken, done = threading.Event(), threading.Event()

        def hold(connection: Connection) -> None:
            connection.exec_driver_sql("SELECT number FROM counters FOR UPDATE")
            taken.set()
            done.wait(20)

        thread = threading.Thread(target=holder.database.write, args=(hold,))
        thread.start()
        taken.wait(20)
        with pytest.raises(StoreError) as refused:
            store.put([picture(1)])
        assert "is locked by another process" in refused.value.message
        assert store.count() == 0  # readers need not wait
        done.set()
        thread.join()
        assert store.put([picture(1)]) == 1


def test_what_a_user_may_not_do_is_said(at: Server, url: str) -> None:
    base = url.rpartition("/")[2]
    at.ask(base, f"CREATE ROLE reader_{base} LOGIN PASSWORD 'secret'")
    at.ask(base, f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader_{base}")
    with SqlStore(url) as store:
        store.put([film(1)])
    with SqlStore(url.replace("owner:p%40ss-w0rd", f"reader_{base}:secret")) as store:
        assert store.get(name(1)) == film(1)
        assert store.near([Query(film(1).codes[0], 0)])
        with pytest.raises(StoreError) as refused:
            store.put([picture(2)])
    assert "does not let this user do that" in refused.value.message


@pytest.mark.parametrize("how", ["fast", "immediate"])
def test_a_restart_in_the_middle_loses_and_doubles_nothing(
    how: str, at: Server, url: str, tmp_path: Path
) -> None:
    writers = [Child("put", url, first, 60, tmp_path) for first in (0, 1000)]
    for step in (10, 30):
        while min(len(writer.said) for writer in writers) < step:
            assert all(writer.is_alive for writer in writers), [w.end() for w in writers]
            time.sleep(0.01)
        at.stop(how)
        at.start()
    for writer in writers:
        assert writer.end() == (0, "")
        assert len(writer.said) == 60
    with SqlStore(url) as store:
        log = list(store.entries())
        assert [entry.place for entry in log] == list(range(120))
        assert len({entry.id for entry in log}) == 120
        assert [one.id for one in store.records()] == [entry.id for entry in log]
        assert store.reserved() == []
        assert store.codes("pdq.1") == 60 * 1 + 60 * 40


def test_a_store_that_was_open_goes_on_after_a_restart(at: Server, url: str) -> None:
    with SqlStore(url) as store:
        store.put([film(1)])
        assert store.near([Query(film(1).codes[0], 0)])
        at.stop()
        at.start()
        assert store.get(name(1)) == film(1)
        at.stop("immediate")
        at.start()
        assert store.put([film(2)]) == 1
        at.stop()
        at.start()
        assert store.forget(name(1))
        assert not store.forget(name(1))


def test_an_answer_lost_after_the_server_kept_it_is_given_all_the_same(
    at: Server, url: str
) -> None:
    """The connection is cut between the server's commit and its answer: by a proxy that can."""
    with SqlStore(url) as store:
        store.put([picture(1), picture(2)])
        store.reserve(picture(5), "five.jpg")
    base = url.rpartition("/")[2]
    with Cut(at.port, lambda: at.ask(base, "SELECT count(*) FROM log")) as cut:
        through = url.replace(f":{at.port}/", f":{cut.port}/")
        with SqlStore(through) as store:
            cut.armed = True
            assert store.put([picture(2), picture(3), picture(5)]) == 2
            assert cut.armed is False
            cut.armed = True
            assert store.forget(name(1))
            assert cut.armed is False
            cut.armed = True
            store.reserve(picture(4), "four.jpg")
            cut.armed = True
            store.confirm([name(4)])
            assert cut.armed is False
    assert cut.seen == ["4", "5", "5", "6"]  # each was kept already when its answer got lost
    with SqlStore(url) as store:
        log = [(entry.what, entry.id) for entry in store.entries()]
        assert log[:2] == [("record", name(1)), ("record", name(2))]
        assert sorted(log[2:4]) == sorted([("record", name(3)), ("record", name(5))])
        assert log[4:] == [("forget", name(1)), ("record", name(4))]
        assert store.reserved() == []


def test_a_server_that_stays_away_is_given_up_in_good_time(
    at: Server, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "COMEBACK_SECONDS", 0.5)
    with SqlStore(url) as store:
        at.stop()
        try:
            begun = time.monotonic()
            with pytest.raises(StoreError) as refused:
                store.put([picture(1)])
            assert "cannot be reached" in refused.value.message
            assert time.monotonic() - begun < 20
        finally:
            at.start()
        assert store.put([picture(1)]) == 1


def test_without_the_driver_what_to_install_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pg8000", None)
    with pytest.raises(Exception, match="needs pg8000") as refused:
        SqlStore("postgresql://owner:secret@127.0.0.1/r")
    assert "trustkit[postgres]" in refused.value.hint  # type: ignore[attr-defined]
    assert os.environ.get("PGPASSWORD") is None
