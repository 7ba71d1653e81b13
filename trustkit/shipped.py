"""Files of rules: those that come with trustkit by their names, a user's own by their paths."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from trustkit.errors import ConfigError


def shipped(package: str) -> list[str]:
    """List the names of the TOML files that come in a package of trustkit."""
    found = (path.name for path in files(package).iterdir())
    return sorted(name.removesuffix(".toml") for name in found if name.endswith(".toml"))


def source(package: str, what: str, name_or_file: str, most: int) -> bytes:
    """Return the text of a shipped file or of a user's own, of `most` bytes; raises `ConfigError`.

    `what` is the word for it, and the plural of it the page that tells of its keys.
    """
    there = shipped(package)
    if name_or_file in there:
        return (files(package) / f"{name_or_file}.toml").read_bytes()
    try:
        with Path(name_or_file).open("rb") as stream:
            text = stream.read(most + 1)
    except OSError as error:
        raise ConfigError(
            f"no {what} {name_or_file!r}: {error.strerror}",
            f"name a file, or one of {', '.join(there)}",
        ) from error
    if len(text) > most:
        raise ConfigError(
            f"{name_or_file} is larger than {most:,} bytes: no {what} is", _PAGES[what]
        )
    return text


_PAGES = {"policy": "see docs/policies.md", "profile": "see docs/profiles.md"}
