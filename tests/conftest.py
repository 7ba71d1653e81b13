"""What the tests share: the command, and files that it has signed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

# One thread a process, as in a worker; read when numpy is first imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

from tests.command import AI, KEY, MEDIA, TRUST, Answer, call, call_here

# The same examples every time: a test that fails on Tuesdays only is nobody's friend.
settings.register_profile("trustkit", derandomize=True, database=None, deadline=None)
settings.load_profile("trustkit")

Run = Callable[..., Answer]
Verify = Callable[..., dict[str, dict[str, Any]]]


@pytest.fixture(scope="session", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Keep the user's own trust lists and configuration out of every test."""
    folder = tmp_path_factory.mktemp("home")
    before = os.environ.get("TRUSTKIT_HOME")
    os.environ["TRUSTKIT_HOME"] = str(folder / "trustkit")
    yield folder
    os.environ.pop("TRUSTKIT_HOME")
    if before is not None:
        os.environ["TRUSTKIT_HOME"] = before


@pytest.fixture(scope="session")
def run(home: Path) -> Run:
    """Run the installed command."""
    return partial(call, home=home)


@pytest.fixture(scope="session")
def quick(home: Path) -> Run:
    """Run the command in this process: for the many small calls."""
    return partial(call_here, home=home)


@pytest.fixture(scope="session")
def verify(quick: Run) -> Verify:
    """Verify files against the test list; gives the rows by file name."""

    def rows(*arguments: object, trust: Path = TRUST) -> dict[str, dict[str, Any]]:
        # What is asked here is about manifests; marks have tests of their own.
        options = ("--trust", trust, "--skip", "watermark", "--format", "jsonl")
        answer = quick("verify", *options, *arguments)
        return {Path(row["path"]).name: row for row in answer.rows()}

    return rows


@pytest.fixture(scope="session")
def media() -> list[Path]:
    """All test media, one of each kind and more."""
    return sorted(MEDIA.iterdir())


@pytest.fixture(scope="session")
def signed(
    tmp_path_factory: pytest.TempPathFactory, run: Run, media: list[Path]
) -> dict[str, dict[str, Any]]:
    """Every test file signed by the command where the engine can put it: rows by file name."""
    folder = tmp_path_factory.mktemp("signed")
    options = ("--key", KEY, *AI, "--no-soft-binding", "--format", "jsonl", "-q")
    answer = run("sign", *media, "-o", folder, *options)
    assert answer.code == 0, answer.stderr
    return {Path(row["path"]).name: row for row in answer.rows()}


@pytest.fixture(scope="session")
def signed_folder(signed: dict[str, dict[str, Any]]) -> Path:
    """The folder of `signed`: read it, never write to it."""
    return Path(signed["scene.jpg"]["output"]).parent


@pytest.fixture(scope="session")
def beside_folder(tmp_path_factory: pytest.TempPathFactory, run: Run, media: list[Path]) -> Path:
    """Every test file with its manifest in a sidecar: read it, never write to it."""
    folder = tmp_path_factory.mktemp("beside")
    options = ("--key", KEY, *AI, "--no-soft-binding", "--sidecar", "-q")
    answer = run("sign", *media, "-o", folder, *options)
    assert answer.code == 0, answer.stderr
    return folder
