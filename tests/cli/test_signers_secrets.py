"""No secret in anything: every backend, at the highest verbosity, signing well and failing.

What is searched: all that was printed and logged, every file in the working folder and the output
folder, and the arguments of the command and of every process it started while it ran.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.command import COMMAND, KEYS, MEDIA, PATIENCE, environment
from tests.conftest import Run
from tests.signers.places import needed, places, program_uri
from tests.signers.services import ENV, SECRETS, Services, serving
from tests.signers.softhsm import PIN, full_token

PHOTO = MEDIA / "scene.jpg"
PASSPHRASE = "correct horse battery staple"
WRONG = "Wrong-Secret-20261126"
PROC = Path("/proc")
# As loud as our command and the libraries of the vendors can be made from outside.
LOUD = {
    "TRUSTKIT_LOG": "debug",
    "PYTHONWARNINGS": "default",
    "GOOGLE_SDK_PYTHON_LOGGING_SCOPE": "google",
    "AZURE_LOG_LEVEL": "debug",
    "BOTO_DEBUG": "1",
}
BACKENDS = ("file", "cmd", "pkcs11", "awskms", "azure", "gcpkms")
# How each is made to fail with a secret in its hands.
FAILURES = ("file", "cmd", "pkcs11", "awskms", "azure", "gcpkms", "awskms-echo", "azure-echo",
            "gcpkms-echo", "cmd-mismatch")  # fmt: skip


@dataclass
class Heard:
    """All that came out of one call."""

    code: int
    said: str
    arguments: set[str] = field(default_factory=set)


@pytest.fixture(scope="module")
def services() -> Iterator[Services]:
    with serving() as running:
        yield running


@pytest.fixture(scope="module")
def encrypted(tmp_path_factory: pytest.TempPathFactory, quick: Run) -> Path:
    folder = tmp_path_factory.mktemp("encrypted") / "key"
    made = quick("keys", "generate", "-o", folder, "--encrypt",
                 env={"TRUSTKIT_KEY_PASSPHRASE": PASSPHRASE})  # fmt: skip
    assert made.code == 0, made.stderr
    return folder


def key_lines() -> set[str]:
    """Return a piece of every line of every private key that is used here."""
    found = set()
    for pem in (KEYS / "signer").glob("*/key.pem"):
        lines = pem.read_text().splitlines()
        found |= {line for line in lines if len(line) > 40 and " " not in line}
    assert found
    return found


def listen(home: Path, folder: Path, key: str, env: dict[str, str]) -> Heard:
    """Run the installed command and note what it says and what it starts."""
    words = [COMMAND, "sign", PHOTO, "-o", folder / "out" / "out.jpg", "--key", key,
             "--source-type", "digitalCapture", "--no-soft-binding"]  # fmt: skip
    (folder / "out").mkdir()
    whole = {**environment(home, {**LOUD, **env}), "TMPDIR": str(folder)}
    with (folder / "heard").open("w+b") as stream:
        child = subprocess.Popen(
            words, cwd=folder, env=whole, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream
        )
        seen: set[str] = set()
        until = time.monotonic() + PATIENCE
        while child.poll() is None:
            assert time.monotonic() < until
            seen |= arguments_of(child.pid)
            time.sleep(0.03)
        stream.seek(0)
        return Heard(child.returncode, stream.read().decode("utf-8", "replace"), seen)


def arguments_of(root: int) -> set[str]:
    """Return the arguments of a process and of all below it, while they run."""
    parents, lines = {}, {}
    for place in PROC.glob("[0-9]*"):
        try:
            parents[int(place.name)] = int(
                (place / "stat").read_text().rpartition(")")[2].split()[1]
            )
            lines[int(place.name)] = (place / "cmdline").read_bytes().decode("utf-8", "replace")
        except (OSError, ValueError):
            continue
    ours = {root}
    while more := {pid for pid, parent in parents.items() if parent in ours} - ours:
        ours |= more
    return {lines[pid] for pid in ours if pid in lines}


def search(heard: Heard, folder: Path, secrets: set[str]) -> None:
    """Look for every secret in all that came out."""
    places = {"what it said": heard.said, "its arguments": "\n".join(heard.arguments)}
    for path in folder.rglob("*"):
        if path.is_file():
            places[str(path)] = path.read_bytes().decode("utf-8", "replace")
    for where, text in places.items():
        for secret in secrets:
            assert secret not in text, f"a secret is in {where}"


def secrets_of() -> set[str]:
    return {PIN, PASSPHRASE, WRONG, *SECRETS, *key_lines(), "hunter2", "BEGIN PRIVATE KEY"}


def means(backend: str, services: Services, encrypted: Path) -> tuple[str, dict[str, str]]:
    """Return a key and what opens it."""
    needed(backend)
    env = {**ENV, "TRUSTKIT_KEY_PASSPHRASE": PASSPHRASE, "TRUSTKIT_PKCS11_PIN": PIN}
    if backend == "file":
        return f"file:{encrypted}", env
    if backend == "pkcs11":
        env |= full_token().env
    return places(services)[backend].uri("es256"), env


@pytest.mark.skipif(not PROC.is_dir(), reason="the arguments of processes are read from /proc")
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_signature_leaves_no_secret_anywhere(
    backend: str, home: Path, services: Services, encrypted: Path, tmp_path: Path
) -> None:
    services.heal()
    key, env = means(backend, services, encrypted)

    heard = listen(home, tmp_path, key, env)

    assert heard.code == 0, heard.said
    assert any(str(COMMAND) in line for line in heard.arguments), "it was watched"
    search(heard, tmp_path, secrets_of())


@pytest.mark.skipif(not PROC.is_dir(), reason="the arguments of processes are read from /proc")
@pytest.mark.parametrize("failure", FAILURES)
def test_a_failure_leaves_no_secret_anywhere(
    failure: str, home: Path, services: Services, encrypted: Path, tmp_path: Path
) -> None:
    backend, _, way = failure.partition("-")
    key, env = means(backend, services, encrypted)
    services.heal()
    if way == "echo":
        services.fail("unauthorized")  # and its answer quotes the token
    elif way == "mismatch":
        key = program_uri("es256", "flipped")
    elif backend == "cmd":
        key = program_uri("es256", "fail")
    else:
        wrong = ("TRUSTKIT_KEY_PASSPHRASE", "TRUSTKIT_PKCS11_PIN", "TRUSTKIT_AZURE_TOKEN",
                 "TRUSTKIT_GCP_TOKEN", "AWS_ACCESS_KEY_ID")  # fmt: skip
        env = {**env, **dict.fromkeys(wrong, WRONG)}

    heard = listen(home, tmp_path, key, env)

    services.heal()
    assert heard.code == 40, heard.said
    assert list((tmp_path / "out").iterdir()) == []
    search(heard, tmp_path, secrets_of() | {env.get("AWS_SESSION_TOKEN", WRONG)})


@pytest.mark.parametrize("vendor", ["awskms", "azure", "gcpkms"])
def test_a_programs_own_log_at_its_loudest_holds_no_token(
    vendor: str, services: Services, tmp_path: Path, home: Path
) -> None:
    needed(vendor)
    services.heal()
    key = services.uri(vendor, "es256")
    script = (
        "import logging, sys\n"
        "logging.basicConfig(level=1, stream=sys.stderr)\n"
        "from trustkit.toolbox import open_signer\n"
        f"open_signer({key!r}, str).sign(b'a claim')\n"
    )
    done = subprocess.run(
        [COMMAND.with_name("python"), "-c", script], env={**environment(home, ENV), **LOUD},
        cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    search(Heard(0, done.stdout + done.stderr, {os.fspath(COMMAND)}), tmp_path, secrets_of())
    assert "Authorization" not in done.stderr
