"""Build the test PKI in this folder, byte for byte the same on every machine.

    python keys/make.py            write every file
    python keys/make.py --check    rebuild apart, compare the bytes, name each file that differs

TEST ONLY: the private keys follow from the source of `derive.py`, so they protect nothing.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from certify import (
    AUTHORITY_YEARS,
    RECIPE,
    Authority,
    Profile,
    Validity,
    impostor,
    intermediate,
    leaf,
    root,
    self_signed_leaf,
)
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID as Eku
from derive import PrivateKey, ec_key, ed25519_key, rsa_key
from leaves import KEY_VARIANTS, VARIANTS

HERE = Path(__file__).resolve().parent
WARNING = "TEST ONLY, never trust this"

TSA_KEY_BITS = 3072
TSA_PROFILE = Profile(
    extended_usages=(Eku.TIME_STAMPING,),
    extended_usage_critical=True,
    validity=AUTHORITY_YEARS,  # so that there are stamps from when an expired signer was valid
)

es256_key = partial(ec_key, ec.SECP256R1())

ALGORITHMS: dict[str, Callable[[str], PrivateKey]] = {
    "es256": es256_key,
    "es384": partial(ec_key, ec.SECP384R1()),
    "es512": partial(ec_key, ec.SECP521R1()),
    "ps256": partial(rsa_key, 2048),
    "ps384": partial(rsa_key, 3072),
    "ps512": partial(rsa_key, 4096),
    "ed25519": ed25519_key,
}


@dataclass(frozen=True, slots=True)
class Document:
    """One PEM file: where it goes, what it shows, and its blocks."""

    path: str
    shows: str
    blocks: tuple[str, ...]

    @property
    def text(self) -> str:
        """The file's content: readers of PEM skip the line before each block (RFC 7468, 2)."""
        return "".join(f"{WARNING}: {self.shows}\n{block}" for block in self.blocks)


def documents() -> Iterator[Document]:
    """Give every PEM file of the test PKI."""
    signer_root = root("signer root")
    signers = intermediate(signer_root, "signer intermediate")
    yield from _authorities("signer", signer_root, signers)
    for algorithm, make_key in ALGORITHMS.items():
        yield from _signer(f"signer/{algorithm}", signers, make_key, f"a good {algorithm} signer")
    yield from _variants(signers, signer_root)

    stranger_root = root("untrusted root")
    strangers = intermediate(stranger_root, "untrusted intermediate")
    yield from _authorities("untrusted", stranger_root, strangers)
    yield from _signer("untrusted", strangers, es256_key, "a sound signer on no trust list")

    yield from _time_stamper("tsa", "the time-stamping authority")
    yield from _time_stamper("tsa-untrusted", "a time-stamping authority on no trust list")
    yield from _trust_lists()


def _authorities(folder: str, top: Authority, issuing: Authority) -> Iterator[Document]:
    yield _certificates(f"{folder}/root.pem", f"root of the {folder} PKI", top.certificate)
    shows = f"intermediate authority of the {folder} PKI"
    yield _certificates(f"{folder}/intermediate.pem", shows, issuing.certificate)


def _signer(
    folder: str,
    issuer: Authority,
    make_key: Callable[[str], PrivateKey],
    who: str,
    profile: Profile = RECIPE,
) -> Iterator[Document]:
    key = make_key(folder)
    certificate = leaf(issuer, folder, key, profile)
    yield _private_key(f"{folder}/key.pem", f"private key of {who}", key)
    shows = f"leaf and intermediate of {who}"
    yield _certificates(f"{folder}/chain.pem", shows, certificate, issuer.certificate)


def _variants(issuer: Authority, top: Authority) -> Iterator[Document]:
    for name, (who, profile) in VARIANTS.items():
        yield from _signer(f"variants/{name}", issuer, es256_key, who, profile)
    for name, (who, make_key) in KEY_VARIANTS.items():
        yield from _signer(f"variants/{name}", issuer, make_key, who)

    folder = "variants/self-signed"
    key = es256_key(folder)
    yield _private_key(f"{folder}/key.pem", "private key of a self-signed leaf", key)
    certificate = self_signed_leaf(folder, key)
    yield _certificates(f"{folder}/chain.pem", "a leaf that signed itself", certificate)

    folder = "variants/missing-intermediate"
    key = es256_key(folder)
    yield _private_key(f"{folder}/key.pem", "private key of a signer with a broken chain", key)
    certificate = leaf(issuer, folder, key, RECIPE)
    yield _certificates(f"{folder}/chain.pem", "leaf without its intermediate", certificate)

    folder = "variants/key-mismatch"
    other = es256_key(f"{folder} other")
    yield _private_key(f"{folder}/key.pem", "private key of another leaf than the chain's", other)
    certificate = leaf(issuer, folder, es256_key(folder), RECIPE)
    shows = "leaf and intermediate of another key than key.pem"
    yield _certificates(f"{folder}/chain.pem", shows, certificate, issuer.certificate)
    yield from _chains(issuer, top)


def _chains(issuer: Authority, top: Authority) -> Iterator[Document]:
    # Chains of a good leaf that are put together otherwise than C2PA wishes.
    old = intermediate(top, "expired intermediate", Validity(2020, 2025))
    stranger = root("untrusted root")
    of = partial(_chain, issuer=issuer)
    yield from of("root-appended", "leaf, intermediate and root", [issuer, top])
    yield from of("issued-by-root", "a leaf that the root itself signed", [], by=top)
    shows = "a leaf that names the intermediate, signed by another key"
    yield from of("wrong-issuer-key", shows, [issuer], by=impostor(issuer, "impostor"))
    yield from of("chain-reversed", "intermediate before leaf", [issuer], reverse=True)
    yield from of("stray-certificate", "leaf, an unrelated root, intermediate", [stranger, issuer])
    yield from of("expired-issuer", "leaf and an intermediate expired in 2025", [old], by=old)


def _chain(
    name: str,
    shows: str,
    above: list[Authority],
    *,
    issuer: Authority,
    by: Authority | None = None,
    reverse: bool = False,
) -> Iterator[Document]:
    folder = f"variants/{name}"
    key = es256_key(folder)
    certificate = leaf(by or issuer, folder, key, RECIPE)
    chain = [certificate, *(authority.certificate for authority in above)]
    yield _private_key(f"{folder}/key.pem", f"private key of: {shows}", key)
    yield _certificates(f"{folder}/chain.pem", shows, *(reversed(chain) if reverse else chain))


def _time_stamper(folder: str, who: str) -> Iterator[Document]:
    top, key = root(f"{folder} root"), rsa_key(TSA_KEY_BITS, folder)
    yield _certificates(f"{folder}/root.pem", f"root of the {folder} PKI", top.certificate)
    yield _private_key(f"{folder}/key.pem", f"private key of {who}", key)
    certificate = leaf(top, folder, key, TSA_PROFILE)
    yield _certificates(f"{folder}/cert.pem", f"leaf of {who}", certificate)


def _trust_lists() -> Iterator[Document]:
    signer_root = root("signer root")
    shows = "trust list: the root of the good signers"
    yield _certificates("trust/test-signers.pem", shows, signer_root.certificate)
    shows = "trust list: the root of the time-stamping authority"
    yield _certificates("trust/test-tsa.pem", shows, root("tsa root").certificate)
    shows = "trust list: the good es256 leaf and nobody else"
    signers = intermediate(signer_root, "signer intermediate")
    certificate = leaf(signers, "signer/es256", es256_key("signer/es256"), RECIPE)
    yield _certificates("trust/test-leaf-only.pem", shows, certificate)


def _private_key(path: str, shows: str, key: PrivateKey) -> Document:
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return Document(path, shows, (pem.decode(),))


def _certificates(path: str, shows: str, *certificates: x509.Certificate) -> Document:
    return Document(path, shows, tuple(c.public_bytes(Encoding.PEM).decode() for c in certificates))


def readme(made: list[Document]) -> str:
    """Return the list of the files, for people."""
    lines = "\n".join(f"- `{document.path}`: {document.shows}" for document in made)
    return README.format(lines=lines)


README = """# Test keys and certificates: TEST ONLY

Never trust any of these and never sign anything real with them: every private key can be computed
by whoever reads `derive.py`. They exist so that tests have signers, time-stamping authorities and
trust lists, good and bad, without asking anybody. Made by this project; nothing is copied from
elsewhere.

`python keys/make.py` writes every file below, and this one; `python keys/make.py --check` rebuilds
them and names each file that differs. The keys of the authorities are not written: they are
derived when needed. Signers hold from 2026 to 2046 unless the line says otherwise, time-stamping
authorities from 2020 to 2049. Each folder of `variants/` is an es256 signer that differs from the
good one in what its line says; C2PA software accepts some of them all the same, and
`trustkit keys check` says which and why.

{lines}
"""


def write(folder: Path) -> None:
    """Write the whole PKI below `folder`."""
    made = list(documents())
    contents = {document.path: document.text for document in made} | {"README.md": readme(made)}
    for path, text in contents.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text.encode("ascii"))


def differences(folder: Path) -> list[str]:
    """Return one line for each file of `folder` that a rebuild would change, add or drop."""
    with tempfile.TemporaryDirectory() as scratch:
        write(Path(scratch))
        rebuilt = _contents(Path(scratch))
    present = _contents(folder)
    changed = {path for path in rebuilt.keys() & present.keys() if rebuilt[path] != present[path]}
    return sorted(
        [f"{path}: differs" for path in changed]
        + [f"{path}: missing" for path in rebuilt.keys() - present.keys()]
        + [f"{path}: not made by make.py" for path in present.keys() - rebuilt.keys()]
    )


def _contents(folder: Path) -> dict[str, bytes]:
    files = [*folder.rglob("*.pem"), *folder.glob("README.md")]
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in files}


def main() -> int:
    """Write the PKI, or with --check compare it; return the exit code."""
    parser = argparse.ArgumentParser(description="Build the test PKI (TEST ONLY keys).")
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    if not parser.parse_args().check:
        write(HERE)
        return 0
    found = differences(HERE)
    for line in found:
        print(f"keys/{line}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
