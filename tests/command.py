"""The installed `trustkit` command, run as a user runs it."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from trustkit.cli.main import main

REPOSITORY = Path(__file__).resolve().parents[1]
MEDIA = REPOSITORY / "fixtures/media"
BROKEN = REPOSITORY / "fixtures/broken"
KEYS = REPOSITORY / "keys"
TRUST = KEYS / "trust/test-signers.pem"
TSA_TRUST = KEYS / "trust/test-tsa.pem"
KEY = f"file:{KEYS / 'signer/es256'}"
AI = ("--source-type", "trainedAlgorithmicMedia")

COMMAND = Path(sys.executable).with_name("trustkit")
PATIENCE = 60.0  # seconds; a hang is a failure, not a wait
_OURS = ("TRUSTKIT_", "NO_COLOR", "FORCE_COLOR", "COLUMNS")  # what would change an answer


@dataclass(frozen=True)
class Answer:
    """What one call gave back."""

    code: int
    stdout: str
    stderr: str
    raw: bytes

    def json(self) -> Any:
        """Return standard output as one JSON document; fails if it is not exactly that."""
        return json.loads(self.stdout)

    def rows(self) -> list[dict[str, Any]]:
        """Return standard output as JSON lines."""
        return [json.loads(line) for line in self.stdout.splitlines()]


def environment(home: Path, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return an environment that holds nothing of the user's own set-up."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(_OURS)}
    # Detectors have tests of their own; elsewhere their answer would change with every new model.
    ours = {"TRUSTKIT_HOME": str(home / "trustkit"), "TRUSTKIT_FAST": "1"}
    return {**kept, "HOME": str(home), **ours, **(more or {})}


def call(
    *arguments: object, home: Path, stdin: bytes = b"", env: Mapping[str, str] | None = None
) -> Answer:
    """Run `trustkit` with `arguments`; a traceback is a failure whatever was asked."""
    done = subprocess.run(
        [COMMAND, *map(os.fspath, map(_plain, arguments))],
        input=stdin,
        capture_output=True,
        timeout=PATIENCE,
        env=environment(home, env),
        check=False,
    )
    return _answer(done.returncode, done.stdout, done.stderr)


def call_here(
    *arguments: object, home: Path, stdin: bytes = b"", env: Mapping[str, str] | None = None
) -> Answer:
    """Run the same `main` in this process, which spares a quarter of a second of imports."""
    said, noted = io.BytesIO(), io.BytesIO()
    stream = io.TextIOWrapper(io.BytesIO(stdin))
    out, err = (io.TextIOWrapper(s, write_through=True) for s in (said, noted))
    words = ["trustkit", *(str(argument) for argument in arguments)]
    with (
        patch.dict(os.environ, environment(home, env), clear=True),
        patch.multiple(sys, argv=words, stdin=stream, stdout=out, stderr=err),
    ):
        try:
            main()
        except SystemExit as stop:
            code = stop.code
    assert isinstance(code, int)
    return _answer(code, said.getvalue(), noted.getvalue())


def _answer(code: int, stdout: bytes, stderr: bytes) -> Answer:
    notes = stderr.decode("utf-8", "replace")
    assert "Traceback" not in notes, notes
    assert "internal error" not in notes, notes
    return Answer(code, stdout.decode("utf-8", "replace"), notes, stdout)


def _plain(argument: object) -> str | bytes:
    return argument if isinstance(argument, bytes) else str(argument)
