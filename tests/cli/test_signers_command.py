"""Any program as a signer, through the command: what it may do wrong, and what it is told."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import pytest

from tests.command import KEYS, MEDIA, Answer
from tests.conftest import Run, Verify
from tests.signers.places import PROGRAM, program_uri
from trustkit.signers import ALGORITHMS

PHOTO = MEDIA / "scene.jpg"
PLAIN = ("--source-type", "digitalCapture", "--no-soft-binding")
CHAIN = KEYS / "signer/es256/chain.pem"
SECRET = "correct horse battery staple"


def sign(run: Run, key: str, out: Path, **env: str) -> Answer:
    return run("sign", PHOTO, "-o", out, "--key", key, *PLAIN, "-q", env=env)


def refusal(run: Run, key: str, tmp_path: Path) -> str:
    out = tmp_path / "out"
    out.mkdir()
    answer = sign(run, key, out / "out.jpg")
    assert answer.code == 40, answer.stderr
    assert list(out.iterdir()) == []
    assert "hint: " in answer.stderr
    assert "hunter2" not in answer.stderr, "what a program says on stderr may hold secrets"
    print(f"\n{answer.stderr}")
    return answer.stderr


@pytest.mark.parametrize(
    ("algorithm", "way"),
    [*((algorithm, "raw") for algorithm in ALGORITHMS), ("es256", "der"), ("es512", "der")],
)
def test_what_a_program_signs_is_trusted(
    algorithm: str, way: str, quick: Run, verify: Verify, tmp_path: Path
) -> None:
    out = tmp_path / "out.jpg"

    answer = sign(quick, program_uri(algorithm, way), out)

    assert (answer.code, answer.stderr) == (0, "")
    assert verify(out)["out.jpg"]["verdict"] == "trusted"


@pytest.mark.parametrize(
    ("way", "said"),
    [
        ("nothing", "wrote no signature"),
        ("fail", "failed with exit code 3"),
        ("garbage", "gave 19 bytes, where a signature with es256"),
        ("short", "gave 63 bytes, where a signature with es256"),
        ("flipped", "do not belong together"),
        ("loud", "wrote more than 4096 bytes"),
    ],
)
def test_a_program_that_gives_no_signature_is_said(
    way: str, said: str, quick: Run, tmp_path: Path
) -> None:
    assert said in refusal(quick, program_uri("es256", way), tmp_path)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="threads are counted in /proc")
def test_looking_for_marks_starts_no_threads_that_spin(run: Run, tmp_path: Path) -> None:
    program, said = tmp_path / "program.sh", tmp_path / "threads"
    program.write_text(
        f'#!/bin/sh\ngrep Threads /proc/$PPID/status >> {said}\nexec {sys.executable} "$@"\n'
    )
    program.chmod(0o755)
    words = f"&arg={PROGRAM}&arg={KEYS / 'signer/es256/key.pem'}&arg=raw"
    marks = ("--key", f"cmd:{program}?chain={CHAIN}{words}", *PLAIN[:2], "-q")
    free = {"OPENBLAS_NUM_THREADS": "", "OMP_NUM_THREADS": ""}  # the tests' own set-up

    answer = run("sign", PHOTO, "-o", tmp_path / "out.jpg", *marks, env=free)

    assert answer.code == 0, answer.stderr
    assert int(said.read_text().split()[-1]) <= 2, "our own, and an idle one"


@pytest.mark.parametrize("way", ["hang", "fork", "daemon"])
def test_a_program_that_hangs_is_ended_with_all_it_started(
    way: str, quick: Run, tmp_path: Path
) -> None:
    start = time.monotonic()

    said = refusal(quick, program_uri("es256", way, "&timeout=1.5"), tmp_path)

    assert "no answer within 1.5 s" in said
    assert time.monotonic() - start < 15


@pytest.mark.parametrize(
    ("key", "said"),
    [
        (f"cmd:program.py?chain={CHAIN}", "whole path"),
        (f"cmd:/no/such/program?chain={CHAIN}", "no signing program"),
        (f"cmd:{CHAIN}?chain={CHAIN}", "is no program"),
        (f"cmd:{KEYS}?chain={CHAIN}", "is no program"),
        (f"cmd:{sys.executable}", "need their certificates"),
        (f"cmd:{sys.executable}?chain={PROGRAM}", "holds no readable certificate"),
        (f"cmd:{sys.executable}?chain={CHAIN}&shell=1", "no option 'shell'"),
        (f"cmd:{sys.executable}?chain={CHAIN}&chain={CHAIN}", "given twice"),
        (f"cmd:{sys.executable}?chain={CHAIN}&timeout=nan", "no time to wait"),
        (f"cmd:{sys.executable}?chain={CHAIN}&timeout=-1", "no time to wait"),
        (f"cmd:{sys.executable}?chain={CHAIN}&env=A=secret-value", "names no variable"),
        (f"cmd:{sys.executable}?chain={CHAIN}&env=NOT_SET_ANYWHERE", "is not set"),
        (f"cmd:{sys.executable}?chain={CHAIN}&arg", "is no option"),
        (f"cmd:{sys.executable}?chain={CHAIN}&arg=", "is empty"),
        (f"cmd:{sys.executable}?chain={CHAIN}&alg=ps256", "cannot sign with alg=ps256"),
    ],
)
def test_a_uri_that_makes_no_sense_is_said(key: str, said: str, quick: Run, tmp_path: Path) -> None:
    shown = refusal(quick, key, tmp_path)

    assert said in shown
    assert "secret-value" not in shown


def test_no_shell_reads_the_words(quick: Run, tmp_path: Path) -> None:
    touched = tmp_path / "touched"
    key = program_uri("es256", "raw", f"&arg=;touch%20{touched}&arg=$(touch%20{touched})")

    assert sign(quick, key, tmp_path / "out.jpg").code == 0
    assert not touched.exists()


def test_the_program_sees_its_algorithm_and_nothing_of_our_secrets(
    quick: Run, tmp_path: Path
) -> None:
    seen = tmp_path / "seen.json"
    key = program_uri("es256", "env", f"&arg={seen}&env=HSM_SLOT")
    ours = {"TRUSTKIT_KEY_PASSPHRASE": SECRET, "AWS_SECRET_ACCESS_KEY": SECRET, "HSM_SLOT": "3"}

    assert sign(quick, key, tmp_path / "out.jpg", **ours).code == 0
    environment = json.loads(seen.read_text())

    assert environment["TRUSTKIT_ALGORITHM"] == "es256"
    assert environment["HSM_SLOT"] == "3"
    assert environment["PATH"] == os.environ["PATH"]
    assert SECRET not in environment.values()
    # LC_CTYPE is of Python's own making (PEP 538).
    allowed = {"PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR"}
    assert set(environment) <= allowed | {"TRUSTKIT_ALGORITHM", "HSM_SLOT"}
