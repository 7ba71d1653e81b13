"""What a CA answered, put beside the key it was asked for: one recipe, nothing half done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from trustkit.c2pa.certificates import Certificate
from trustkit.c2pa.profiles import Candidate, Profile, Severity, is_issuer, ordered
from trustkit.c2pa.profiles.lint import MAX_CHAIN, check, read_chain
from trustkit.c2pa.trust import pem
from trustkit.errors import ConfigError, PublishError
from trustkit.signers.keep import KeyFolder
from trustkit.signers.pem import load_key
from trustkit.signers.request import requested_key, spki
from trustkit.signers.whole import PUBLIC, put, set_aside


@dataclass(frozen=True)
class Taken:
    """What was put in place: the chain's file, whom it names, until when, what to be told."""

    chain: Path
    name: str
    until: datetime
    notes: tuple[str, ...]


def take_answer(
    file: Path,
    key: str,
    kept: KeyFolder,
    profile: str | None,
    passphrase: Callable[[], str | None],
) -> Taken:
    """Put the chain in `file` beside `key`, a kept name or a folder; raises `PublishError`."""
    # (1) Find the key, and among the certificates the one that was issued for it.
    certificates = _read(file)
    places = _places(key, kept)
    place, leaf = _pair(places, certificates, file, key, passphrase)
    # (2) Put the chain in order, without the root.
    path = ordered(leaf, certificates)
    root = path[-1] if len(path) > 1 and is_issuer(path[-1], path[-1]) else None
    chain = path[:-1] if root else path
    # (3) Hold it against the rules.
    asked = Profile(profile or (kept.about(key).profile if kept.is_kept(key) else "c2pa"))
    anchors = (root,) if root else ()
    problems = check(Candidate(chain, asked, datetime.now(UTC), anchors, belongs=True))
    for problem in problems:
        if problem.rule.severity is Severity.REFUSED:
            raise PublishError(
                f"the certificate of {leaf.name} may not sign: {problem.has}",
                f"{problem.rule.remedy} (rule {problem.rule.id}); nothing was changed",
            )
    # (4) Put it in place, the old one kept, and only then use it.
    target, data = place / "chain.pem", pem(chain).encode()
    notes = [f"{p.rule.severity.value}: {p.rule.id}: {p.has}" for p in problems]
    notes += [f"left out: {c.name}" for c in certificates if c not in chain]
    if target.exists() and target.read_bytes() != data and (aside := set_aside(target)):
        notes.append(f"the chain that was there is kept as {aside}")
    put(target, data, PUBLIC)
    if root and not (place / "root.pem").exists():
        put(place / "root.pem", pem((root,)).encode(), PUBLIC)
    if kept.is_kept(key):
        kept.switch(key, place.name)
    return Taken(target, leaf.name, leaf.parsed.not_valid_after_utc, tuple(notes))


def _read(file: Path) -> tuple[Certificate, ...]:
    try:
        with file.open("rb") as stream:
            return read_chain(stream.read(MAX_CHAIN + 1), str(file))
    except OSError as error:
        raise PublishError(f"{file} cannot be read: {error.strerror}", "check its name") from error
    except ConfigError as error:
        raise PublishError(error.message, error.hint) from error


def _places(key: str, kept: KeyFolder) -> tuple[Path, ...]:
    if kept.is_kept(key):
        about = kept.about(key)
        # What is waited for comes first; the same key may also be certified anew.
        return tuple(kept.path / key / f for f in (about.pending, about.current) if f)
    return (Path(key).expanduser(),)


def _pair(
    places: tuple[Path, ...],
    certificates: tuple[Certificate, ...],
    file: Path,
    key: str,
    passphrase: Callable[[], str | None],
) -> tuple[Path, Certificate]:
    for place in places:
        public = _public_key(place, passphrase)
        for certificate in certificates:
            if _key(certificate) == public:
                return place, certificate
    raise PublishError(
        f"no certificate in {file} belongs to the key {key}",
        "the CA must certify the key of request.pem; nothing was changed",
    )


def _key(certificate: Certificate) -> bytes | None:
    try:
        return spki(certificate.parsed.public_key())
    except (ValueError, TypeError):
        return None


def _public_key(place: Path, passphrase: Callable[[], str | None]) -> bytes:
    path = place / "key.pem"
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_CHAIN)
    except OSError as error:
        raise PublishError(
            f"the private key {path} cannot be read: {error.strerror}",
            "name the folder of the key, or the name it is kept under",
        ) from error
    if b"ENCRYPTED" not in data:
        return spki(load_key(data, path, str).public_key())
    # The request was signed by this key and lies beside it, so the key can stay shut.
    if (public := requested_key(place)) is not None:
        return public
    secret = passphrase()
    if secret is None:
        raise PublishError(
            "the key is encrypted and no passphrase was given",
            "use --passphrase-file FILE or set TRUSTKIT_KEY_PASSPHRASE",
        )
    return spki(load_key(data, path, lambda: secret).public_key())
