"""What the engine is handed to sign with and to write to, and what its complaints mean.

It swallows every exception of ours, a signer's as a full disk's, so the first is kept here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from c2pa import C2paError, C2paSigningAlg
from c2pa import Signer as EngineSigner

from trustkit.errors import PublishError, TrustkitError


class Signer(Protocol):
    """What sealing needs of a key; every backend in `trustkit.signers` has it."""

    @property
    def algorithm(self) -> str:
        """One of C2PA's, in lower case."""

    @property
    def chain(self) -> bytes:
        """The certificates as PEM, the leaf first."""

    def sign(self, data: bytes) -> bytes:
        """Sign all of `data`."""


class Stamper(Protocol):
    """What sealing needs of time-stamp authorities: `trustkit.timestamps.relay` has it."""

    @property
    def url(self) -> str:
        """Where the engine is to send its queries."""

    @property
    def host(self) -> str:
        """Host and port of `url`, for the engine's list of those it may ask."""

    @property
    def failure(self) -> PublishError | None:
        """Why the last query got no stamp."""

    def start(self) -> None:
        """Forget the file before."""

    def answer(self, query: bytes) -> bytes | None:
        """Return an authority's reply to an RFC 3161 query, or None, and then `failure` is why."""


@contextmanager
def engine_signer(signer: Signer, tsa: str, failed: list[Exception]) -> Iterator[EngineSigner]:
    """Make the engine's signer out of ours; what ours raises is added to `failed`."""

    def sign(data: bytes) -> bytes:
        # The engine would swallow the reason and say only that a signature is invalid.
        try:
            return signer.sign(data)
        except Exception as error:
            failed.append(error)
            raise

    algorithm = C2paSigningAlg[signer.algorithm.upper()]
    with EngineSigner.from_callback(sign, algorithm, signer.chain.decode(), tsa or None) as made:
        yield made


class Watched:
    """A stream for the engine to write to; what it raises is added to `failed`."""

    def __init__(self, stream: BinaryIO, failed: list[Exception]) -> None:
        self._stream = stream
        self._failed = failed

    def __getattr__(self, name: str) -> Any:
        asked = getattr(self._stream, name)
        return self._remembering(asked) if name in {"write", "flush", "seek"} else asked

    def _remembering(self, asked: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            try:
                return asked(*arguments)
            except OSError as error:
                self._failed.append(error)
                raise

        return call


def unwritable(output: Path, error: OSError) -> PublishError:
    """Return the error for an output that cannot be written."""
    return PublishError(
        f"{output} cannot be written: {error.strerror or error}",
        "nothing was changed; check the folder and the space left",
    )


def explained(
    error: C2paError, failed: Sequence[Exception], output: Path, media_type: str
) -> PublishError:
    """Return in plain words why the engine could not sign."""
    if failed:
        return _ours(failed[0], output)
    text = str(error)
    if "XMP is not supported" in text:
        return PublishError(
            f"{media_type} cannot carry the address of a remote manifest", "use --sidecar"
        )
    if isinstance(error, C2paError.NotSupported):
        return PublishError(f"{media_type} cannot carry this manifest", "use --sidecar")
    return PublishError(f"signing failed: {text}", "nothing was written")


def _ours(first: Exception, output: Path) -> PublishError:
    if isinstance(first, OSError):
        return unwritable(output, first)
    if isinstance(first, PublishError):
        return first
    if isinstance(first, TrustkitError):
        return PublishError(first.message, first.hint)
    return PublishError(f"the key could not sign: {type(first).__name__}", "see its docs")
