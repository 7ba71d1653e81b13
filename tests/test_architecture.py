"""What the house promises of its imports, seen in a fresh interpreter and in the source."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
HEAVY = {"numpy", "cv2", "onnxruntime", "c2pa", "av", "PIL", "sqlalchemy", "pydantic", "rich"}
_ASK = """
import json, sys
from trustkit.cli import main
sys.argv = ["trustkit", "--help"]
try:
    main.main()
finally:
    print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})), file=sys.stderr)
"""


def test_help_loads_nothing_heavy() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _ASK], capture_output=True, text=True, timeout=60, check=False
    )

    assert done.returncode == 0
    assert "verify" in done.stdout
    assert not HEAVY & set(json.loads(done.stderr.splitlines()[-1]))


def test_only_the_c2pa_folder_imports_the_engine() -> None:
    guilty = [
        str(path.relative_to(ROOT))
        for path in (ROOT / "trustkit").rglob("*.py")
        if "c2pa" in imported(path) and path.parent != ROOT / "trustkit" / "c2pa"
    ]

    assert guilty == []


def test_no_source_file_is_longer_than_a_sitting() -> None:
    long = {
        path.name: lines
        for path in (ROOT / "trustkit").rglob("*.py")
        if (lines := len(path.read_text("utf-8").splitlines())) > 340
    }

    assert long == {}


def test_every_command_of_the_table_exists() -> None:
    from trustkit.cli.main import COMMANDS, cli

    for name in COMMANDS:
        command = cli.get_command(None, name)  # type: ignore[arg-type]  # the context is not used
        assert command is not None
        assert command.name == name


def imported(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found
