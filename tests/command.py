"""The installed `trustkit` command, run as a user runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
    return {**kept, "HOME": str(home), "TRUSTKIT_HOME": str(home / "trustkit"), **(more or {})}


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
    stderr = done.stderr.decode("utf-8", "replace")
    assert "Traceback" not in stderr, stderr
    assert "internal error" not in stderr, stderr
    return Answer(done.returncode, done.stdout.decode("utf-8", "replace"), stderr, done.stdout)


def _plain(argument: object) -> str | bytes:
    return argument if isinstance(argument, bytes) else str(argument)
