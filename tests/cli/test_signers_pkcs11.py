"""Keys on a token, through the command: SoftHSM, with every algorithm of C2PA's."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import encypher_c2pa
import pytest
from cryptography.hazmat.primitives import serialization

from tests.command import KEYS, MEDIA, TRUST, Answer
from tests.conftest import Run, Verify
from tests.signers import softhsm
from tests.signers.certify import certify
from tests.signers.softhsm import MODULE, PIN, SO_PIN, Token, full_token
from trustkit.signers import ALGORITHMS

PHOTO = MEDIA / "scene.jpg"
PLAIN = ("--source-type", "digitalCapture", "--no-soft-binding")
SPY = next((p for p in ("/usr/lib/x86_64-linux-gnu/pkcs11-spy.so",) if Path(p).exists()), "")
PIN_ENV = {"TRUSTKIT_PKCS11_PIN": PIN}


@pytest.fixture(scope="module")
def token() -> Token:
    return full_token()


@pytest.fixture
def fresh(tmp_path: Path) -> Token:
    """A token of its own, for processes of their own."""
    return softhsm.make(tmp_path / "hsm", "fresh")


def sign(run: Run, key: str, out: Path, env: dict[str, str] | None = None, *more: object) -> Answer:
    return run("sign", PHOTO, "-o", out, "--key", key, *PLAIN, "-q", *more, env=env or PIN_ENV)


def refusal(run: Run, key: str, tmp_path: Path, env: dict[str, str] | None = None) -> Answer:
    """Sign and be refused: exit 40, a hint, nothing written, no PIN shown."""
    out = tmp_path / "out"
    out.mkdir()
    answer = sign(run, key, out / "out.jpg", env)
    assert answer.code == 40, answer.stderr
    assert "hint: " in answer.stderr
    assert list(out.iterdir()) == []
    assert PIN not in answer.stdout + answer.stderr
    print(f"\n{answer.stderr}")
    return answer


@pytest.fixture
def second_opinion(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("ENCYPHER_C2PA_TELEMETRY", "off")

    def ask(path: Path) -> tuple[str, ...]:
        report = encypher_c2pa.verify(
            str(path), mime_type="image/jpeg", trust_pem=TRUST.read_text(),
            no_default_trust=True, online=False,
        )  # fmt: skip
        return tuple(
            report[axis] for axis in ("integrity", "signature", "hard_binding", "validation_state")
        )

    return ask


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("scheme", ["file", "pkcs11"])
def test_what_each_key_signs_is_trusted_by_us_and_by_another_engine(
    scheme: str, algorithm: str, quick: Run, verify: Verify, tmp_path: Path, second_opinion: Any
) -> None:
    key = f"file:{KEYS / 'signer' / algorithm}"
    if scheme == "pkcs11":
        key = full_token().uri(algorithm)
    out = tmp_path / "out.jpg"

    answer = sign(quick, key, out)

    assert (answer.code, answer.stderr) == (0, "")
    assert verify(out)["out.jpg"]["verdict"] == "trusted"
    assert second_opinion(out) == ("valid", "valid", "match", "Trusted")


def test_a_wrong_pin_is_said_and_tried_once(run: Run, token: Token, tmp_path: Path) -> None:
    answer = refusal(run, token.uri("es256"), tmp_path, {"TRUSTKIT_PKCS11_PIN": "9999-no"})

    assert "the PIN does not open the token" in answer.stderr
    assert "tried once" in answer.stderr
    assert "9999-no" not in answer.stderr


def test_a_pin_in_the_uri_is_refused_and_not_repeated(
    run: Run, token: Token, tmp_path: Path
) -> None:
    answer = refusal(run, token.uri("es256", f"&pin-value={PIN}"), tmp_path)

    assert "can be read by everybody" in answer.stderr


def test_a_token_that_is_not_there_is_said(run: Run, token: Token, tmp_path: Path) -> None:
    key = token.uri("es256").replace("token=trustkit%20test", "token=other")

    assert "no token matches token=other" in refusal(run, key, tmp_path).stderr


def test_a_key_that_is_not_there_is_said(run: Run, token: Token, tmp_path: Path) -> None:
    assert "no private key that matches" in refusal(run, token.uri("nobody"), tmp_path).stderr


def test_two_keys_that_match_are_one_too_many(run: Run, fresh: Token, tmp_path: Path) -> None:
    softhsm.put_key(fresh, "es256", label="press", identifier="01")
    softhsm.put_key(fresh, "es384", label="press", identifier="02")

    answer = refusal(run, fresh.uri("press"), tmp_path, {**PIN_ENV, **fresh.env})

    assert "2 private keys match" in answer.stderr


def test_two_tokens_that_match_are_one_too_many(run: Run, fresh: Token, tmp_path: Path) -> None:
    softhsm.util(
        fresh, "--init-token", "--free", "--label", "fresh", "--pin", PIN, "--so-pin", SO_PIN
    )

    answer = refusal(run, fresh.uri("es256"), tmp_path, {**PIN_ENV, **fresh.env})

    assert "2 tokens match" in answer.stderr


def test_a_token_without_a_user_pin_is_said(run: Run, tmp_path: Path) -> None:
    tool = shutil.which("pkcs11-tool")
    if not tool:
        pytest.skip("apt install opensc")
    made = softhsm.make(tmp_path / "hsm", "used")
    words = (tool, "--module", MODULE, "--slot-index", "1", "--init-token", "--label", "new",
             "--so-pin", SO_PIN)  # fmt: skip
    subprocess.run(words, env={"PATH": "/usr/bin", **made.env}, check=True, capture_output=True)
    key = f"pkcs11:token=new;object=es256?module-path={MODULE}"

    assert "no user PIN yet" in refusal(run, key, tmp_path, {**PIN_ENV, **made.env}).stderr


def test_a_token_without_certificates_needs_a_chain(run: Run, fresh: Token, tmp_path: Path) -> None:
    softhsm.put_key(fresh, "es256")
    env = {**PIN_ENV, **fresh.env}

    answer = refusal(run, fresh.uri("es256"), tmp_path, env)
    chain = f"&chain={KEYS / 'signer/es256/chain.pem'}"

    assert "?chain=CHAIN.pem" in answer.stderr
    assert sign(run, fresh.uri("es256", chain), tmp_path / "out.jpg", env).code == 0


def test_the_certificate_of_another_key_on_the_token_is_refused(
    run: Run, fresh: Token, tmp_path: Path
) -> None:
    softhsm.put_key(fresh, "es256", identifier=softhsm.identifier_of("es384"))
    softhsm.put_certificates(fresh, ("es384",))

    answer = refusal(run, fresh.uri("es256"), tmp_path, {**PIN_ENV, **fresh.env})

    assert "do not belong together" in answer.stderr or "bytes, where" in answer.stderr


@pytest.mark.parametrize("way", ["pin-source", "pin-source without file:", "--passphrase-file",
                                 "TRUSTKIT_KEY_PASSPHRASE", "TRUSTKIT_PKCS11_MODULE"])  # fmt: skip
def test_a_pin_and_a_module_may_come_from_files_and_variables(
    way: str, run: Run, token: Token, tmp_path: Path
) -> None:
    pin = tmp_path / "pin"
    pin.write_text(f"{PIN}\n")
    key, env, more = token.uri("es256"), {"NO_COLOR": "1"}, ()
    match way:
        case "pin-source":
            key += f"&pin-source=file:{pin}"
        case "pin-source without file:":
            key += f"&pin-source={pin}"
        case "--passphrase-file":
            more = ("--passphrase-file", str(pin))
        case "TRUSTKIT_KEY_PASSPHRASE":
            env = {way: PIN}
        case _:
            key, env = key.partition("?")[0], {way: MODULE, **PIN_ENV}

    assert sign(run, key, tmp_path / "out.jpg", env, *more).code == 0


def test_without_a_pin_the_command_says_how_to_give_one(
    run: Run, token: Token, tmp_path: Path
) -> None:
    answer = refusal(run, token.uri("es256"), tmp_path, {"NO_COLOR": "1"})

    assert "passphrase or PIN" in answer.stderr


@pytest.mark.parametrize(
    ("source", "said"),
    [("file:/no/such/pin", "cannot be read"), ("|/bin/cat", "may not name a program")],
)
def test_a_pin_source_that_gives_none_is_said(
    source: str, said: str, run: Run, token: Token, tmp_path: Path
) -> None:
    assert said in refusal(run, token.uri("es256", f"&pin-source={source}"), tmp_path).stderr


def test_a_module_is_found_by_its_name(quick: Run, token: Token, tmp_path: Path) -> None:
    key = f"{token.uri('es256').partition('?')[0]}?module-name=softhsm2"

    assert sign(quick, key, tmp_path / "out.jpg").code == 0
    assert "no PKCS#11 module called other" in (
        refusal(quick, key.replace("softhsm2", "other"), tmp_path).stderr
    )


def test_a_key_is_found_by_its_id_and_a_token_by_its_serial(
    quick: Run, token: Token, tmp_path: Path
) -> None:
    identifier = softhsm.identifier_of("es384")
    plain = f"pkcs11:model=SoftHSM%20v2;id=%{identifier}?module-path={MODULE}"

    assert sign(quick, plain, tmp_path / "out.jpg").code == 0
    wrong = plain.replace("model=", "serial=0123;model=")
    assert "no token matches" in refusal(quick, wrong, tmp_path).stderr


def test_a_key_that_asks_for_its_pin_each_time_gets_it(
    run: Run, fresh: Token, verify: Verify, tmp_path: Path
) -> None:
    words = (sys.executable, "-c", _MAKE_CAREFUL, MODULE, fresh.label)
    env = {**os.environ, **fresh.env, "PIN": PIN}
    made = subprocess.run(words, env=env, check=True, capture_output=True)
    certify(serialization.load_der_public_key(made.stdout), tmp_path)
    key = fresh.uri("careful", f"&chain={tmp_path}/chain.pem")
    env = {**PIN_ENV, **fresh.env}

    answer = run("sign", PHOTO, MEDIA / "scene.png", "-o", tmp_path / "out", "--key", key, *PLAIN,
                 "-q", env=env)  # fmt: skip

    assert (answer.code, answer.stderr) == (0, "")
    rows = verify(tmp_path / "out", "-r", trust=tmp_path / "root.pem")
    assert {row["verdict"] for row in rows.values()} == {"trusted"}


_MAKE_CAREFUL = """
import os, sys
import pkcs11
from pkcs11 import Attribute as A, KeyType
from pkcs11.util.ec import encode_named_curve_parameters, encode_ec_public_key
token = pkcs11.lib(sys.argv[1]).get_token(token_label=sys.argv[2])
with token.open(user_pin=os.environ["PIN"], rw=True) as session:
    curve = {A.EC_PARAMS: encode_named_curve_parameters("secp256r1")}
    made = session.create_domain_parameters(KeyType.EC, curve, local=True)
    public, _ = made.generate_keypair(
        store=True, label="careful", private_template={A.ALWAYS_AUTHENTICATE: True}
    )
    sys.stdout.buffer.write(encode_ec_public_key(public))
"""


@pytest.mark.parametrize("module", ["/no/such.so", str(PHOTO), str(KEYS)])
def test_a_module_that_is_none_is_said(module: str, run: Run, tmp_path: Path) -> None:
    pytest.importorskip("pkcs11")
    answer = refusal(run, f"pkcs11:token=x?module-path={module}", tmp_path)

    assert "module" in answer.stderr


def test_a_token_that_is_removed_in_the_middle_is_said(fresh: Token) -> None:
    softhsm.put_key(fresh, "es256")
    softhsm.put_certificates(fresh, ("es256",))
    words = (sys.executable, "-c", _SIGN_TWICE, fresh.uri("es256"))
    env = {**os.environ, **fresh.env, **PIN_ENV}
    pipe = subprocess.PIPE
    with subprocess.Popen(words, stdin=pipe, stdout=pipe, stderr=pipe, env=env, text=True) as child:
        assert child.stdout
        assert child.stdout.readline() == "signed\n"
        shutil.rmtree(fresh.folder / "tokens")
        said, noted = child.communicate("go on\n", timeout=60)

    print(f"\n{said}{noted}")
    assert child.returncode == 40
    assert "token" in said
    assert noted == ""


_SIGN_TWICE = """
import sys
from trustkit.errors import PublishError
from trustkit.toolbox import open_signer
signer = open_signer(sys.argv[1], str)
signer.sign(b"while it is there")
print("signed", flush=True)
input()
try:
    signer.sign(b"when it is gone")
except PublishError as error:
    print(error.message, "|", error.hint)
    sys.exit(error.exit_code)
"""


def test_a_batch_logs_in_once_and_keeps_its_session(run: Run, token: Token, tmp_path: Path) -> None:
    if not SPY:
        pytest.skip("apt install opensc: its spy counts the calls")
    log = tmp_path / "spy.log"
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        shutil.copy(PHOTO, tmp_path / name)
    key = token.uri("es256").replace(MODULE, SPY)
    env = {**PIN_ENV, "PKCS11SPY": MODULE, "PKCS11SPY_OUTPUT": str(log)}
    files = [tmp_path / name for name in ("a.jpg", "b.jpg", "c.jpg")]

    answer = run("sign", *files, "-o", tmp_path / "out", "--key", key, *PLAIN, "-q", env=env)
    calls = log.read_text("utf-8", "replace")

    assert answer.code == 0, answer.stderr
    assert calls.count("C_Login") == calls.count("C_OpenSession") == 1
    assert calls.count("C_SignInit") == 1 + len(files), "once to try it, once a file"


def test_a_wrong_pin_reaches_the_token_once_however_many_files_there_are(
    run: Run, token: Token, tmp_path: Path
) -> None:
    if not SPY:
        pytest.skip("apt install opensc: its spy counts the calls")
    log = tmp_path / "spy.log"
    key = token.uri("es256").replace(MODULE, SPY)
    env = {"TRUSTKIT_PKCS11_PIN": "9999-no", "PKCS11SPY": MODULE, "PKCS11SPY_OUTPUT": str(log)}
    files = (PHOTO, MEDIA / "scene.png")

    answer = run("sign", *files, "-o", tmp_path / "out", "--key", key, *PLAIN, "-q", env=env)

    assert answer.code == 40
    assert log.read_text("utf-8", "replace").count("C_Login") == 1
