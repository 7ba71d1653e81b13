"""Named trust lists on this machine: one folder a list, kept apart by purpose."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from trustkit.c2pa.trust import Purpose, TrustList, parse_lists
from trustkit.errors import ConfigError

MAX_LIST = 32 * 2**20  # bytes; the interim list has 0.2 MB
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


@dataclass(frozen=True)
class ListFolder:
    """The folder that holds the named lists, `NAME/list.pem` and `NAME/about.json` each."""

    path: Path

    def names(self) -> list[str]:
        """List the names installed, sorted."""
        if not self.path.is_dir():
            return []
        return sorted(p.name for p in self.path.iterdir() if (p / "about.json").is_file())

    def load(self, name: str) -> tuple[TrustList, ...]:
        """Return the list of that name; raises `ConfigError` when it is missing or changed."""
        if name not in self.names():
            there = ", ".join(self.names()) or "none installed"
            raise ConfigError(
                f"no trust list named {name!r} ({there})", "add it with `trustkit trust add FILE`"
            )
        try:
            about: dict[str, Any] = json.loads((self.path / name / "about.json").read_text())
            pem = (self.path / name / "list.pem").read_bytes()
            purpose = Purpose(about["purpose"])
            lists = parse_lists(pem, name, purpose, str(about["date"]), str(about["source"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ConfigError(
                f"trust list {name} is damaged: {error}",
                f"`trustkit trust remove {name}`, add anew",
            ) from error
        if lists[0].sha256 != about["sha256"]:
            raise ConfigError(
                f"trust list {name} is not what was added: its SHA-256 differs",
                f"`trustkit trust remove {name}` and add it anew",
            )
        return lists

    def add(
        self, name: str, purpose: Purpose, pems: Iterable[bytes], source: str
    ) -> tuple[TrustList, ...]:
        """Install the certificates of `pems` as list `name`, whole or not at all.

        Raises `ConfigError` when the name is taken or malformed or no certificate can be read.
        """
        if not _NAME.fullmatch(name):
            raise ConfigError(
                f"{name!r} is no name for a list", "use a-z, 0-9, dot, dash and underscore"
            )
        if (self.path / name).exists():
            raise ConfigError(
                f"there is a list named {name} already", f"`trustkit trust remove {name}` first"
            )
        pem = b"\n".join(pems)
        date = datetime.now(UTC).strftime("%Y-%m-%d")
        lists = parse_lists(pem, name, purpose, date, source)
        about = {
            "purpose": purpose.value,
            "source": source,
            "sha256": lists[0].sha256,
            "date": date,
            "certificates": sum(len(trust_list.certificates) for trust_list in lists),
        }
        self.path.mkdir(parents=True, exist_ok=True)
        # A folder is filled under another name and then renamed: half a list never takes effect.
        fresh = Path(tempfile.mkdtemp(prefix=".adding-", dir=self.path))
        (fresh / "list.pem").write_bytes(pem)
        (fresh / "about.json").write_text(json.dumps(about, indent=2) + "\n")
        fresh.chmod(0o755)
        os.replace(fresh, self.path / name)
        return lists

    def remove(self, name: str) -> None:
        """Remove list `name`; raises `ConfigError` when there is none."""
        if name not in self.names():
            raise ConfigError(f"no trust list named {name!r}", "see `trustkit trust list`")
        folder = self.path / name
        for file in ("about.json", "list.pem"):
            (folder / file).unlink(missing_ok=True)
        folder.rmdir()


def from_file(path: Path, purpose: Purpose) -> tuple[TrustList, ...]:
    """Return the list in a PEM file, named as the file is and dated by its last change."""
    try:
        stat = path.stat()
        if stat.st_size > MAX_LIST:
            raise ConfigError(f"trust list {path} is larger than {MAX_LIST:,} bytes", "is it PEM?")
        pem = path.read_bytes()
    except OSError as error:
        raise ConfigError(
            f"trust list {path} cannot be read: {error.strerror}", "check the name"
        ) from error
    date = datetime.fromtimestamp(stat.st_mtime, UTC).strftime("%Y-%m-%d")
    return parse_lists(pem, path.name, purpose, date, str(path))
