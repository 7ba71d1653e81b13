"""Where trustkit keeps what a user has set up."""

from __future__ import annotations

import os
from pathlib import Path

NO_REGISTRY = "none"  # in place of a URL: there is one, perhaps, and it is not to be asked


def home() -> Path:
    """Return TRUSTKIT_HOME, else the folder for trustkit in the user's configuration."""
    if asked := os.environ.get("TRUSTKIT_HOME"):
        return Path(asked)
    base = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(base) / "trustkit"


def registry_url(asked: str = "") -> str:
    """Return where the registry is: as asked, else as named, else the user's own if there is one.

    An empty text where there is none, or `none` was asked for. Opens nothing.
    """
    if asked == NO_REGISTRY:
        return ""
    own = (home() / "registry.db").absolute()
    return asked or named_registry() or (f"sqlite:///{own}" if own.exists() else "")


def named_registry() -> str:
    """Return what TRUSTKIT_REGISTRY names, or an empty text."""
    return os.environ.get("TRUSTKIT_REGISTRY", "")
