"""What `keys check` and `keys show` look at: a kept key, a folder, a chain, or a key by URI."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from trustkit import plugins
from trustkit.c2pa.certificates import Certificate
from trustkit.c2pa.profiles import leaf_of
from trustkit.c2pa.profiles.leaf import key_of
from trustkit.c2pa.profiles.lint import MAX_CHAIN, read_chain
from trustkit.errors import ConfigError, MissingBackendError, PublishError
from trustkit.signers import Signer
from trustkit.signers.algorithms import PublicKey, fits
from trustkit.signers.checked import PROBE
from trustkit.signers.keep import KeyFolder
from trustkit.signers.pem import key_files, load_key
from trustkit.signers.request import spki

Passphrase = Callable[[], str | None]  # None where nobody can be asked


@dataclass(frozen=True)
class Target:
    """A chain with what is known beside it; `why` says why the key was not tried against it."""

    name: str
    chain: tuple[Certificate, ...]
    anchors: tuple[Certificate, ...] = ()
    belongs: bool | None = None
    why: str = ""


def open_target(word: str, passphrase: Passphrase, kept: KeyFolder) -> Target:
    """Read what `word` names; raises `ConfigError` where that is not possible.

    A name of a kept key comes before a file or folder of that name: write ./NAME for the latter.
    """
    try:
        if kept.is_kept(word):
            return _folder(word, kept.in_use(word), passphrase)
        scheme, colon, location = word.partition(":")
        if colon and scheme == "file":
            key, chain = key_files(location)
            return _pair(word, key, chain, chain.with_name("root.pem"), passphrase)
        if colon and scheme in plugins.names("signers") and not Path(word).exists():
            return _signer(word, scheme, location, passphrase)
    except PublishError as error:
        raise ConfigError(error.message, error.hint) from error
    path = Path(word).expanduser()
    if path.is_dir():
        return _folder(word, path, passphrase)
    return Target(word, _certificates(path), why="no key was given")


def _folder(word: str, folder: Path, passphrase: Passphrase) -> Target:
    # Authorities keep theirs as cert.pem.
    chain = folder / "chain.pem"
    if not chain.exists() and (folder / "cert.pem").exists():
        chain = folder / "cert.pem"
    return _pair(word, folder / "key.pem", chain, folder / "root.pem", passphrase)


def _pair(word: str, key: Path, chain: Path, root: Path, passphrase: Passphrase) -> Target:
    certificates = _certificates(chain)
    anchors = _certificates(root) if root.is_file() else ()
    if not key.exists():
        return Target(word, certificates, anchors, why=f"there is no {key}")
    if b"-----BEGIN CERTIFICATE-----" not in _read(chain):
        raise ConfigError(
            f"{chain} is not PEM, which signing needs", "`trustkit keys import` makes it so"
        )
    public, why = _public_key(key, passphrase)
    if public is None:
        return Target(word, certificates, anchors, why=why)
    try:
        belongs = spki(leaf_of(certificates).parsed.public_key()) == public
    except ValueError:
        belongs = False  # a key nobody can read is not the one beside it
    return Target(word, certificates, anchors, belongs)


def _public_key(path: Path, passphrase: Passphrase) -> tuple[bytes | None, str]:
    pem = _read(path)
    secret = passphrase() if b"ENCRYPTED" in pem else ""
    if secret is None:
        return None, "the key is encrypted and no passphrase was given"
    try:
        return spki(load_key(pem, path, lambda: secret).public_key()), ""
    except PublishError as error:
        if b"ENCRYPTED" in pem:
            return None, error.message
        raise ConfigError(error.message, error.hint) from error


def _signer(uri: str, scheme: str, location: str, passphrase: Passphrase) -> Target:
    # Not through the toolbox, which opens no key that is expired or not of its certificate: here
    # these are the answer.
    try:
        signer: Signer = plugins.load("signers", scheme)(location, lambda: passphrase() or "")
    except MissingBackendError as error:
        raise ConfigError(error.message, error.hint) from error
    chain = read_chain(signer.chain, f"the chain of {uri}")
    key = key_of(leaf_of(chain))
    if not isinstance(key, PublicKey):
        return Target(uri, chain, why="no key of that kind can be tried")
    try:
        signature = signer.sign(PROBE)
    except PublishError as error:
        return Target(uri, chain, why=error.message)
    return Target(uri, chain, belongs=fits(key, signer.algorithm, signature, PROBE))


def _certificates(path: Path) -> tuple[Certificate, ...]:
    return read_chain(_read(path), str(path))


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(MAX_CHAIN + 1)
    except (OSError, ValueError) as error:  # a name with a NUL in it is a ValueError
        why = getattr(error, "strerror", None) or "no such name"
        raise ConfigError(
            f"{path} cannot be read: {why}", "name a chain or a key folder"
        ) from error
