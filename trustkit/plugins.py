"""Backends by name. A backend's module is imported only when it is asked for."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Any

from trustkit.errors import MissingBackendError


def names(role: str) -> list[str]:
    """List the installed backends of a role such as `signers`."""
    return sorted(entry_points(group=f"trustkit.{role}").names)


def load(role: str, name: str) -> Any:
    """Import the backend `name` of `role`, or say what to install."""
    found = entry_points(group=f"trustkit.{role}", name=name)
    if not found:
        there = ", ".join(names(role)) or "none"
        raise MissingBackendError(f"no {role} named {name!r}", f"installed: {there}")
    entry = next(iter(found))
    try:
        return entry.load()
    except ModuleNotFoundError as error:
        raise MissingBackendError(
            f"{name} needs {error.name}", f"pip install 'trustkit[{name}]'"
        ) from error
