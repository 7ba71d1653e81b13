"""Where a key's passphrase comes from: a file, the environment, or whoever sits at the terminal.

There is no option for the passphrase itself: others on the machine could read it.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from trustkit.errors import PublishError, UsageError

ENV = "TRUSTKIT_KEY_PASSPHRASE"
IDENTITY_ENV = "TRUSTKIT_IDENTITY_PASSPHRASE"
HELP = f"The key's passphrase; else {ENV}, else a prompt."


def to_open(file: str | None, env: str = ENV) -> str | None:
    """Return the passphrase of an existing key, or None where nobody is there to be asked."""
    if file:
        try:
            return Path(file).read_text().rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise PublishError(f"the passphrase file {file} cannot be read", "check it") from error
    if env in os.environ:
        return read_env(env)
    if not sys.stdin.isatty():
        return None
    typed: str = click.prompt("Passphrase of the key", hide_input=True, err=True)
    return typed


def read_env(name: str) -> str:
    """Return a secret from the environment; raises `PublishError`, which does not quote it."""
    given = os.environ[name]
    try:
        given.encode()
    except UnicodeEncodeError as error:
        raise PublishError(f"the variable {name} is no UTF-8 text", "check it") from error
    return given


def to_sign(file: str | None, env: str = ENV, option: str = "--passphrase-file") -> str:
    """Return the passphrase of a key that has to sign; raises `PublishError` where there is none.

    `env` and `option` are where it could have come from, for the key that is asked about.
    """
    given = to_open(file, env)
    if given is None:
        raise PublishError(
            "the key asks for a passphrase or PIN and none was given",
            f"use {option} FILE or set {env}",
        )
    return given


def to_set(file: str | None = None) -> str:
    """Return the passphrase for a new key; raises `UsageError` where there is none."""
    if file or ENV in os.environ:
        given = to_open(file)
    elif sys.stdin.isatty():
        given = click.prompt("Passphrase", hide_input=True, confirmation_prompt=True, err=True)
    else:
        raise UsageError("no passphrase was given", f"set {ENV}")
    if not given:
        raise UsageError("the passphrase is empty", "leave --encrypt out for a key in clear")
    return given
