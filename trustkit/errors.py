"""What trustkit raises: one sentence of what happened, a hint of what to do, an exit code."""

from __future__ import annotations


class TrustkitError(Exception):
    """Base of all our errors; `exit_code` is the contract's, `code` its word in JSON."""

    code = "internal"
    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __reduce__(self) -> tuple[type[TrustkitError], tuple[str, str]]:
        """Cross a process boundary whole: the default would drop the hint."""
        return type(self), (self.message, self.hint)


class UsageError(TrustkitError):
    """The caller asked for something that makes no sense."""

    code, exit_code = "usage", 2


class NoInputError(TrustkitError):
    """A name, glob or folder that matched no file."""

    code, exit_code = "no_input", 3


class UnreadableError(TrustkitError):
    """A file could not be opened, recognised, or read within its limits."""

    code, exit_code = "unreadable", 30


class UnreachableError(TrustkitError):
    """A service that was asked for did not answer, or was not allowed to be asked."""

    code, exit_code = "unreachable", 30


class MissingBackendError(TrustkitError):
    """A part that was asked for is not installed."""

    code, exit_code = "missing_part", 30


class ConfigError(TrustkitError):
    """A policy, configuration or trust file is wrong."""

    code, exit_code = "configuration", 33


class PublishError(TrustkitError):
    """Signing or marking failed; nothing was written."""

    code, exit_code = "publish", 40


class RejectedError(TrustkitError):
    """A verdict is not among those the caller accepts."""

    code, exit_code = "rejected", 10
