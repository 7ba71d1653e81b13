"""The tables: made by the migrations that the package carries, the same in both databases."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

import trustkit.stores
from tests.stores.postgres import server
from trustkit.stores.founding import HISTORY
from trustkit.stores.sql import SqlStore
from trustkit.stores.tables import METADATA, SCHEMA, SCHEMA_TABLE

MIGRATIONS = Path(trustkit.stores.__file__).with_name("migrations")


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_the_migrations_make_the_tables_that_the_code_knows(kind: str, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/r.db" if kind == "sqlite" else server().url()
    with SqlStore.create(url, {}) as store:

        def differences(connection: object) -> list[object]:
            options = {"compare_type": True, "version_table": SCHEMA_TABLE}
            context = MigrationContext.configure(connection, opts=options)  # type: ignore[arg-type]
            return list(compare_metadata(context, METADATA))

        assert store.database.read(differences) == []


def test_the_history_is_that_of_the_migrations() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    scripts = ScriptDirectory.from_config(config)
    known = [script.revision for script in scripts.walk_revisions()]
    assert tuple(reversed(known)) == HISTORY
    assert scripts.get_current_head() == SCHEMA == HISTORY[-1]


def test_a_registry_is_made_from_any_folder_with_any_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = tmp_path / "a b%20?#ü"
    (odd / "alembic.ini").parent.mkdir()
    (odd / "alembic.ini").write_text("[alembic]\nscript_location = nowhere\n")
    monkeypatch.chdir(odd)
    with SqlStore.create("sqlite:///new/re%2Fg?mode=ro.db", {"a": "b"}) as store:
        assert store.settings == {"a": "b"}
    assert [path.name for path in (odd / "new").iterdir()] == ["re%2Fg?mode=ro.db"]
