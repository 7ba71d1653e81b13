"""Any program as a signer: `cmd:/path/program?chain=CHAIN.pem`.

What is to be signed goes to its standard input, and its standard output is the signature.
"""

from __future__ import annotations

import os
import re
import selectors
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

from trustkit.errors import PublishError
from trustkit.signers import Passphrase
from trustkit.signers.algorithms import algorithm_of, as_raw
from trustkit.signers.uri import parse

SECONDS = 30.0
MAX_SIGNATURE_BYTES = 4096  # an RSA key of 16384 bits signs with 2048
# What a program needs to find its files and its language. The rest stays with us: keys to clouds
# and passphrases stand in environments, and whatever it starts would inherit them.
PASSED_ON = ("PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TZ", "TMPDIR", "SYSTEMROOT")
ALGORITHM = "TRUSTKIT_ALGORITHM"  # told to the program
_OPTIONS = ("chain", "arg", "alg", "env", "timeout")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True)
class CommandSigner:
    """A program that is started once for every signature."""

    algorithm: str
    chain: bytes
    _key: PublicKeyTypes = field(repr=False)
    _words: tuple[str, ...] = field(repr=False)
    _environment: Mapping[str, str] = field(repr=False)
    _seconds: float

    def __repr__(self) -> str:
        return f"CommandSigner({self.algorithm}, {Path(self._words[0]).name})"

    def sign(self, data: bytes) -> bytes:
        """See `Signer`; raises `PublishError` for a program that gives no signature in time."""
        name = Path(self._words[0]).name
        code, output = _run(self._words, self._environment, data, self._seconds)
        if code is None:
            raise PublishError(
                f"the signing program {name} gave no answer within {self._seconds:g} s",
                "it was ended; timeout=SECONDS in the key's URI gives it more time",
            )
        if len(output) > MAX_SIGNATURE_BYTES:
            raise PublishError(
                f"the signing program {name} wrote more than {MAX_SIGNATURE_BYTES} bytes",
                "its standard output must be the signature and nothing else",
            )
        if code != 0:
            how = f"exit code {code}" if code > 0 else f"signal {-code}"
            # What it says on stderr may name secrets, so nobody reads it.
            raise PublishError(
                f"the signing program {name} failed with {how}",
                "what it said is not shown, as it may hold secrets; run it by hand",
            )
        if not output:
            raise PublishError(
                f"the signing program {name} wrote no signature", "it must write to standard output"
            )
        return as_raw(self._key, output)


def open_command_signer(location: str, _passphrase: Passphrase) -> CommandSigner:
    """Open the program that `location` (the URI after `cmd:`) names; raises `PublishError`."""
    uri = parse("cmd", location, _OPTIONS, repeated=("arg", "env"))
    program = Path(uri.place.removeprefix("//")).expanduser()
    _refuse_unfit(program)
    seconds = uri.seconds(SECONDS)
    chain = uri.chain()
    algorithm = algorithm_of(chain.key, "the certificate's key", uri.get("alg"))
    environment = {**_environment(uri.all("env")), ALGORITHM: algorithm}
    words = (str(program), *uri.all("arg"))
    return CommandSigner(algorithm, chain.pem, chain.key, words, environment, seconds)


def _refuse_unfit(program: Path) -> None:
    if not program.is_absolute():
        raise PublishError(
            f"the signing program {program} is not named by its whole path",
            "write cmd:/path/to/program; no folder is searched for it",
        )
    try:
        mode = program.stat().st_mode
    except OSError as error:
        raise PublishError(
            f"there is no signing program {program}: {error.strerror}", "check the key's URI"
        ) from error
    if not (stat.S_ISREG(mode) and os.access(program, os.X_OK)):
        raise PublishError(f"{program} is no program", "check its permissions: chmod +x")


def _environment(named: tuple[str, ...]) -> dict[str, str]:
    for name in named:
        if not _VARIABLE.fullmatch(name):
            raise PublishError(
                f"env={name.partition('=')[0]} names no variable",
                "write env=NAME: the value comes from the environment, never from the URI",
            )
        if name not in os.environ:
            raise PublishError(f"the variable {name} is not set", "set it, or leave env= out")
    return {name: os.environ[name] for name in (*PASSED_ON, *named) if name in os.environ}


def _run(
    words: tuple[str, ...], environment: Mapping[str, str], data: bytes, seconds: float
) -> tuple[int | None, bytes]:
    """Return the exit code, None for a program that had to be ended, and what it wrote."""
    with tempfile.TemporaryFile() as given:
        # A file, so that a program that does not read all of it cannot hold us up.
        given.write(data)
        given.seek(0)
        try:
            child = subprocess.Popen(  # noqa: S603  # no shell; the user named the program
                words,
                stdin=given,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=environment,
                start_new_session=True,
            )
        except OSError as error:
            raise PublishError(
                f"the signing program {words[0]} cannot be started: {error.strerror}",
                "check that it runs by hand",
            ) from error
    deadline = time.monotonic() + seconds
    with child:
        try:
            output = _answer(child.stdout, deadline) if child.stdout else b""
            if len(output) > MAX_SIGNATURE_BYTES:
                _end(child)
            return child.wait(max(0.0, deadline - time.monotonic())), output
        except (TimeoutError, subprocess.TimeoutExpired):
            _end(child)
            return None, b""
        except BaseException:
            _end(child)  # interrupted: nothing of it outlives us
            raise


def _answer(stream: IO[bytes], deadline: float) -> bytes:
    """Return what the program writes, up to a byte too many; raises `TimeoutError`."""
    # Never a plain read: what it has started may have left its group, where nothing of ours ends
    # it, and hold the output open for ever.
    output = b""
    with selectors.DefaultSelector() as waiting:
        waiting.register(stream, selectors.EVENT_READ)
        while len(output) <= MAX_SIGNATURE_BYTES:
            if not waiting.select(max(0.0, deadline - time.monotonic())):
                raise TimeoutError
            part = os.read(stream.fileno(), 2**16)
            if not part:
                break
            output += part
    return output


def _end(child: subprocess.Popen[bytes]) -> None:
    # With all it has started: one of them could hold its output open for ever.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
