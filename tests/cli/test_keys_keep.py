"""`trustkit keys request`, `import`, `list`, `show`, `rotate`: from a request to a key in use."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from cryptography.x509.oid import NameOID

from tests.command import AI, KEYS, MEDIA, REPOSITORY, Answer, environment
from tests.conftest import Run
from trustkit.errors import PublishError
from trustkit.signers import ALGORITHMS
from trustkit.signers.keep import KeyFolder

PICTURE = MEDIA / "scene.jpg"
SECRET = "correct horse battery staple"
ENV = "TRUSTKIT_KEY_PASSPHRASE"
HOUSE = ("--organisation", "Example Press")
Keys = Callable[..., Answer]


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A home of its own, so that no name is taken."""
    return tmp_path / "house"


@pytest.fixture
def keys(quick: Run, house: Path) -> Keys:
    def call(*arguments: object, env: dict[str, str] | None = None) -> Answer:
        return quick("keys", *arguments, env={"TRUSTKIT_HOME": str(house), **(env or {})})

    return call


class Authority:
    """A CA as a publisher meets it: a request in, a chain out."""

    def __init__(self) -> None:
        self.root = self._certify("root", ec.generate_private_key(ec.SECP384R1()), None)
        self.middle = self._certify("issuing", ec.generate_private_key(ec.SECP384R1()), self.root)

    @staticmethod
    def _certify(name: str, key: Any, above: Any) -> tuple[x509.Certificate, Any]:
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"TEST ONLY {name}")])
        builder = Authority._builder(
            subject, key.public_key(), above[0].subject if above else subject
        )
        builder = builder.add_extension(x509.BasicConstraints(True, None), True)
        return builder.sign(above[1] if above else key, hashes.SHA384()), key

    @staticmethod
    def _builder(
        subject: x509.Name, key: Any, issuer: x509.Name, days: int = 300
    ) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(days=days))
        )

    def answer(
        self, request: Path, *, drop: type | None = None, days: int = 300
    ) -> list[x509.Certificate]:
        """Certify what `request` asks for, without the extension `drop`."""
        asked = x509.load_pem_x509_csr(request.read_bytes())
        assert asked.is_signature_valid
        issuer, key = self.middle
        builder = self._builder(asked.subject, asked.public_key(), issuer.subject, days)
        for extension in asked.extensions:
            if drop is None or not isinstance(extension.value, drop):
                builder = builder.add_extension(extension.value, extension.critical)
        if drop is not x509.AuthorityKeyIdentifier:
            own = x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())
            builder = builder.add_extension(own, False)
        return [builder.sign(key, hashes.SHA384()), issuer, self.root[0]]


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


def pem(*certificates: x509.Certificate) -> bytes:
    return b"".join(c.public_bytes(Encoding.PEM) for c in certificates)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def signs(quick: Run, house: Path, key: object, out: Path, **env: str) -> Answer:
    return quick("sign", PICTURE, "-o", out, "--key", key, *AI, "--no-soft-binding", "-q",
                 env={"TRUSTKIT_HOME": str(house), **env})  # fmt: skip


def rows(keys: Keys) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in keys("list", "-f", "json").json()["keys"]}


def request_of(house: Path, name: str) -> Path:
    (found,) = (house / "keys" / name).glob("*/request.pem")
    return found


# Refusals.


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("generate",), 2),
        (("generate", "-o", "a", "--keep", "b"), 2),
        (("generate", "--keep", "../press"), 40),
        (("generate", "--keep", "Press"), 40),
        (("generate", "--keep", ""), 2),
        (("request", "--keep", "press"), 2),
        (("request", *HOUSE), 2),
        (("request", *HOUSE, "--keep", "press", "-o", "dir"), 2),
        (("request", "--organisation", " ", "--keep", "press"), 40),
        (("request", "--organisation", "x" * 65, "--keep", "press"), 40),
        (("request", "--organisation", "a\nb", "--keep", "press"), 40),
        (("request", *HOUSE, "--country", "Germany", "--keep", "press"), 40),
        (("request", *HOUSE, "--country", "1é", "--keep", "press"), 40),
        (("request", *HOUSE, "--email", "desk", "--keep", "press"), 40),
        (("request", *HOUSE, "--key", "no-such-key"), 40),
        (("request", *HOUSE, "--keep", "press", "--encrypt"), 2),
        (("import", "no-such-file", "--key", "press"), 40),
        (("import", str(KEYS / "signer/es256/chain.pem"), "--key", "no-such-key"), 40),
        (("import", str(PICTURE), "--key", str(KEYS / "signer/es256")), 40),
        (("rotate", "no-such-key"), 40),
        (("show", "no-such-key"), 33),
    ],
)
def test_what_makes_no_sense_is_refused_and_leaves_nothing(
    keys: Keys, house: Path, arguments: tuple[str, ...], code: int
) -> None:
    answer = keys(*arguments)
    assert answer.code == code, answer.stderr
    assert len(answer.stderr.splitlines()) == 2
    assert not house.exists()


@pytest.mark.parametrize("kind", ["generate", "request"])
def test_a_name_is_given_once(keys: Keys, house: Path, kind: str) -> None:
    assert keys("generate", "--keep", "press").code == 0
    before = contents(house)
    assert keys(kind, *HOUSE, "--keep", "press").code == 40
    assert contents(house) == before


def test_a_request_never_overwrites_a_key(keys: Keys, tmp_path: Path) -> None:
    folder = tmp_path / "key"
    assert keys("request", *HOUSE, "-o", folder).code == 0
    before = contents(folder)
    assert keys("request", *HOUSE, "-o", folder).code == 40
    assert keys("generate", "-o", folder).code == 40
    assert contents(folder) == before


def test_a_key_without_its_certificate_does_not_sign(
    keys: Keys, quick: Run, house: Path, tmp_path: Path
) -> None:
    assert keys("request", *HOUSE, "--keep", "press").code == 0
    answer = signs(quick, house, "press", tmp_path / "out.jpg")
    assert answer.code == 40
    assert "keys import" in answer.stderr
    assert keys("rotate", "press").code == 40
    assert keys("check", "press").code == 33
    assert keys("show", "press").code == 0
    assert rows(keys)["press"]["state"] == "request pending"


@pytest.mark.parametrize(
    "wrong", ["another key", "may not sign", "no issuer key", "expired soon", "garbage"]
)
def test_an_answer_that_may_not_sign_changes_nothing(
    keys: Keys, house: Path, tmp_path: Path, authority: Authority, wrong: str
) -> None:
    assert keys("request", *HOUSE, "--keep", "press").code == 0
    request, file = request_of(house, "press"), tmp_path / "answer.pem"
    match wrong:
        case "another key":
            file.write_bytes((KEYS / "signer/es256/chain.pem").read_bytes())
        case "may not sign":
            file.write_bytes(pem(*authority.answer(request, drop=x509.ExtendedKeyUsage)))
        case "no issuer key":
            file.write_bytes(pem(*authority.answer(request, drop=x509.AuthorityKeyIdentifier)))
        case "expired soon":
            file.write_bytes(pem(*authority.answer(request, days=0)))
        case _:
            file.write_bytes(pem(*authority.answer(request))[:300])
    before = contents(house)

    answer = keys("import", file, "--key", "press")

    assert answer.code == 40, answer.stderr
    assert contents(house) == before
    if wrong == "may not sign":
        assert "eku.missing" in answer.stderr


# What works.


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_from_a_request_to_a_signed_file(
    keys: Keys, quick: Run, house: Path, tmp_path: Path, authority: Authority, algorithm: str
) -> None:
    asked = keys("request", *HOUSE, "--keep", "press", "--algorithm", algorithm)
    assert asked.code == 0, asked.stderr
    answer = tmp_path / "answer.pem"
    answer.write_bytes(pem(*reversed(authority.answer(request_of(house, "press")))))

    taken = keys("import", answer, "--key", "press")

    assert taken.code == 0, taken.stderr
    assert "left out: TEST ONLY root" in taken.stderr
    out = tmp_path / "out.jpg"
    signed = signs(quick, house, "press", out)
    assert signed.code == 0, signed.stderr
    row = rows(keys)["press"]
    assert (row["state"], row["algorithm"], row["pending"]) == ("ok", algorithm, False)
    assert row["days_left"] == 299
    assert "O=Example Press" in row["subject"]
    (chain,) = (house / "keys/press").glob("*/chain.pem")
    kept = x509.load_pem_x509_certificates(chain.read_bytes())
    assert [c.subject.rfc4514_string() for c in kept] == ["CN=Example Press,O=Example Press",
                                                          "CN=TEST ONLY issuing"]  # fmt: skip
    assert keys("check", "press").code == 0


def test_a_request_names_whom_it_should_and_asks_what_the_profile_wants(
    keys: Keys, tmp_path: Path
) -> None:
    options = ("--name", "Night Desk", "--country", "de", "--email", "desk@example.org")
    for profile, uses in (("c2pa", 1), ("c2pa-al1", 2), ("cawg", 1), ("tsa", 1)):
        folder = tmp_path / profile
        assert keys("request", *HOUSE, *options, "--profile", profile, "-o", folder).code == 0
        request = x509.load_pem_x509_csr((folder / "request.pem").read_bytes())
        assert request.is_signature_valid
        assert request.subject.rfc4514_string() == "CN=Night Desk,O=Example Press,C=DE"
        extended = request.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
        assert len(extended.value) == uses
        assert extended.critical == (profile == "tsa")
        names = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert names.get_values_for_type(x509.RFC822Name) == ["desk@example.org"]


@pytest.mark.parametrize("form", ["der", "pem"])
def test_an_answer_in_pkcs_7_is_taken_too(
    keys: Keys, quick: Run, house: Path, tmp_path: Path, authority: Authority, form: str
) -> None:
    folder, file = tmp_path / "key", tmp_path / "answer.p7b"
    assert keys("request", *HOUSE, "-o", folder).code == 0
    encoding = Encoding.DER if form == "der" else Encoding.PEM
    chain = authority.answer(folder / "request.pem")
    file.write_bytes(pkcs7.serialize_certificates(chain, encoding))
    assert keys("import", file, "--key", folder).code == 0
    assert signs(quick, house, f"file:{folder}", tmp_path / "out.jpg").code == 0


def test_a_renewed_certificate_of_the_same_key_keeps_the_old_one_beside_it(
    keys: Keys, tmp_path: Path, authority: Authority
) -> None:
    folder, file = tmp_path / "key", tmp_path / "answer.pem"
    assert keys("request", *HOUSE, "-o", folder).code == 0
    for number in range(3):
        file.write_bytes(pem(*authority.answer(folder / "request.pem", days=100 + number)[:2]))
        before = (folder / "chain.pem").read_bytes() if number else b""
        assert keys("import", file, "--key", folder).code == 0
        if number:
            assert (folder / f"chain.{number}.pem").read_bytes() == before
    assert keys("import", file, "--key", folder).code == 0  # once more: nothing new, nothing kept
    assert len(list(folder.glob("chain*.pem"))) == 3


def test_a_new_request_for_an_existing_key_leaves_the_key_alone(keys: Keys, tmp_path: Path) -> None:
    folder = tmp_path / "key"
    assert keys("request", *HOUSE, "-o", folder).code == 0
    before = contents(folder)
    assert keys("request", "--organisation", "Example Times", "--key", folder).code == 0
    after = contents(folder)
    assert after["key.pem"] == before["key.pem"]
    assert after["request.1.pem"] == before["request.pem"]
    old, new = (x509.load_pem_x509_csr(after[n]) for n in ("request.1.pem", "request.pem"))
    assert old.public_key() == new.public_key()
    assert "Example Times" in new.subject.rfc4514_string()


def test_rotating_a_requested_key_never_leaves_a_moment_without_one(
    keys: Keys, quick: Run, house: Path, tmp_path: Path, authority: Authority
) -> None:
    file = tmp_path / "answer.pem"
    assert keys("request", *HOUSE, "--keep", "press").code == 0
    old_request = request_of(house, "press")
    file.write_bytes(pem(*authority.answer(old_request)))
    assert keys("import", file, "--key", "press").code == 0
    old = keys("show", "press", "-f", "json").json()

    assert keys("rotate", "press", "--algorithm", "es384").code == 0
    between = keys("show", "press", "-f", "json").json()
    assert between["chain"] == old["chain"]
    assert rows(keys)["press"]["pending"]
    assert signs(quick, house, "press", tmp_path / "between.jpg").code == 0
    assert keys("rotate", "press").code == 40  # one is asked for already

    (new_request,) = set((house / "keys/press").glob("*/request.pem")) - {old_request}
    file.write_bytes(pem(*authority.answer(new_request)))
    assert keys("import", file, "--key", "press").code == 0
    new = keys("show", "press", "-f", "json").json()

    assert new["chain"][0]["key"] == "secp384r1"
    assert rows(keys)["press"]["algorithm"] == "es384"
    assert signs(quick, house, "press", tmp_path / "after.jpg").code == 0
    used = new["kept"]["used"]
    assert [bool(entry["until"]) for entry in used] == [True, False]
    assert (house / "keys/press" / used[0]["folder"] / "chain.pem").is_file()


def test_of_two_rotations_at_once_none_is_forgotten(quick: Run, home: Path) -> None:
    assert quick("keys", "generate", "--keep", "twice").code == 0
    kept = KeyFolder(home / "trustkit/keys")

    def rotate_during_another_rotation() -> None:
        with kept.rotating("twice", kept.about("twice")) as place:
            (place / "key.pem").touch()
            assert quick("keys", "rotate", "twice").code == 0

    with pytest.raises(PublishError, match="changed by another call"):
        rotate_during_another_rotation()
    assert len(kept.about("twice").used) == 2
    assert len([p for p in (kept.path / "twice").iterdir() if p.is_dir()]) == 2


def test_what_a_killed_call_left_is_swept_and_what_is_in_the_making_stays(
    keys: Keys, house: Path
) -> None:
    assert keys("generate", "--keep", "press", *HOUSE).code == 0
    left, fresh = (house / "keys/press" / name for name in (".0a.making", ".0b.making"))
    for folder in (left, fresh):
        folder.mkdir()
        (folder / "key.pem").write_text("unused")
    os.utime(left, (0, 0))

    assert keys("rotate", "press").code == 0
    assert not left.exists()
    assert fresh.exists()


def test_rotating_a_generated_key_takes_effect_at_once_and_keeps_the_old(
    keys: Keys, quick: Run, house: Path, tmp_path: Path
) -> None:
    assert keys("generate", "--keep", "press", *HOUSE, "--days", "40").code == 0
    old = keys("show", "press", "-f", "json").json()
    before = contents(house)
    assert keys("rotate", "press").code == 0
    new = keys("show", "press", "-f", "json").json()
    assert new["chain"][0]["sha256"] != old["chain"][0]["sha256"]
    assert new["chain"][0]["subject"] == old["chain"][0]["subject"]
    kept = {name: data for name, data in before.items() if not name.endswith("about.json")}
    assert kept.items() <= contents(house).items()
    assert signs(quick, house, "press", tmp_path / "out.jpg").code == 0


def test_what_was_encrypted_stays_encrypted(
    keys: Keys, quick: Run, house: Path, tmp_path: Path
) -> None:
    env = {ENV: SECRET}
    assert keys("generate", "--keep", "press", "--encrypt", env=env).code == 0
    assert keys("rotate", "press").code == 2  # nobody is there to be asked
    assert keys("rotate", "press", env=env).code == 0
    files = list((house / "keys/press").glob("*/key.pem"))
    assert len(files) == 2
    assert all(b"ENCRYPTED" in file.read_bytes() for file in files)
    assert signs(quick, house, "press", tmp_path / "a.jpg").code == 40
    assert signs(quick, house, "press", tmp_path / "b.jpg", **env).code == 0


def test_an_encrypted_key_is_requested_and_certified_without_being_opened_again(
    keys: Keys, tmp_path: Path, authority: Authority
) -> None:
    folder, file = tmp_path / "key", tmp_path / "answer.pem"
    env = {ENV: SECRET}
    assert keys("request", *HOUSE, "-o", folder, "--encrypt", env=env).code == 0
    file.write_bytes(pem(*authority.answer(folder / "request.pem")))
    assert keys("import", file, "--key", folder).code == 0
    assert keys("check", folder, env=env).code == 0


def test_list_tells_how_each_key_stands(keys: Keys, house: Path) -> None:
    assert "no key is kept" in keys("list").stdout
    assert keys("generate", "--keep", "a").code == 0
    assert keys("generate", "--keep", "b", "--days", "10").code == 0
    assert keys("generate", "--keep", "c").code == 0
    assert keys("generate", "--keep", "d").code == 0
    (used,) = (house / "keys/c").glob("*/chain.pem")
    used.write_bytes((KEYS / "variants/expired/chain.pem").read_bytes())
    (house / "keys/d/about.json").write_text('{"kind": ')
    states = {name: row["state"] for name, row in rows(keys).items()}
    assert states == {"a": "ok", "b": "expires soon", "c": "expired", "d": "damaged"}
    text = keys("list")
    assert text.code == 0
    assert len(text.stdout.splitlines()) == 4


@pytest.mark.parametrize("current", ["../../elsewhere", "/etc", "..", "a/b", ".x"])
def test_a_changed_about_never_leads_out_of_the_folder(
    keys: Keys, quick: Run, house: Path, tmp_path: Path, current: str
) -> None:
    assert keys("generate", "--keep", "press").code == 0
    about = house / "keys/press/about.json"
    about.write_text(json.dumps({**json.loads(about.read_text()), "current": current}))
    assert signs(quick, house, "press", tmp_path / "out.jpg").code == 40
    assert keys("show", "press").code == 40


def test_files_are_for_their_owner_alone(keys: Keys, house: Path, tmp_path: Path) -> None:
    folder = tmp_path / "key"
    assert keys("request", *HOUSE, "-o", folder).code == 0
    assert keys("generate", "--keep", "press").code == 0
    assert keys("rotate", "press").code == 0
    assert keys("request", *HOUSE, "--keep", "desk").code == 0
    for place in (folder, house / "keys", *(house / "keys").rglob("*")):
        if place.is_dir():
            assert stat.S_IMODE(place.stat().st_mode) == 0o700, place
    secrets = [*house.rglob("key.pem"), *house.rglob("about.json"), folder / "key.pem"]
    assert len(secrets) == 6
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in secrets)


def test_no_part_of_a_key_or_passphrase_is_ever_shown(
    keys: Keys, house: Path, tmp_path: Path, authority: Authority
) -> None:
    env = {ENV: SECRET, "TRUSTKIT_LOG": "debug"}
    file = tmp_path / "answer.pem"
    answers = [
        keys("generate", "--keep", "press", env=env),
        keys("request", *HOUSE, "--keep", "desk", "--encrypt", env=env),
    ]
    file.write_bytes(pem(*authority.answer(request_of(house, "desk"))))
    answers += [keys("import", file, "--key", "desk", env=env)]
    for form in ("text", "json"):
        answers += [keys("list", "-f", form, env=env)]
        answers += [keys(verb, name, "-f", form, env=env)
                    for verb in ("show", "check") for name in ("press", "desk")]  # fmt: skip
    answers += [keys("rotate", name, env=env) for name in ("press", "desk")]
    assert all(answer.code == 0 for answer in answers)
    said = "".join(answer.stdout + answer.stderr for answer in answers)
    lines = [line for path in house.rglob("key.pem") for line in path.read_text().splitlines()
             if len(line) > 40 and " " not in line]  # fmt: skip
    assert len(lines) >= 8
    assert not any(line in said for line in lines)
    written = b"".join(contents(house).values())
    assert SECRET not in said
    assert SECRET.encode() not in written


# Runs a command again and again, and each time it dies one change to the disk later; the audit
# event comes before the change. Gives each time its exit code, and that of `keys check press`.
_DIE = """
import json, os, signal, sys
from trustkit.cli.main import main
import trustkit.cli.keys

def changes(event, arguments):
    if event == "open":
        flags = arguments[2]
        return isinstance(flags, int) and flags & os.O_CREAT and "making" in str(arguments[0])
    return event in {"os.rename", "os.mkdir"}

def run(words, left=None):
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    def hook(event, arguments):
        nonlocal left
        if changes(event, arguments):
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            left -= 1
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.argv = ["trustkit", *words]
    if left is not None:
        sys.addaudithook(hook)
    try:
        main()
    except SystemExit as stop:
        os._exit(stop.code)

told = []
while not told or told[-1][0]:
    told.append((run(sys.argv[1:], len(told)), run(["keys", "check", "press"])))
    assert len(told) < 60, told
print(json.dumps(told))
"""


def killed(house: Path, *words: str) -> list[tuple[int, int]]:
    """Kill a command at each of its moments; the last time it comes through."""
    env = environment(house.parent, {"TRUSTKIT_HOME": str(house)})
    done = subprocess.run(
        [sys.executable, "-c", _DIE, "keys", *words],
        env=env, cwd=REPOSITORY, capture_output=True, check=True, timeout=60,
    )  # fmt: skip
    told = [(int(code), int(after)) for code, after in json.loads(done.stdout)]
    assert [code for code, _ in told] == [-signal.SIGKILL] * (len(told) - 1) + [0]
    return told


def test_killed_at_any_moment_a_new_name_is_there_whole_or_not_at_all(
    keys: Keys, house: Path
) -> None:
    told = killed(house, "generate", "--keep", "press")
    assert len(told) >= 10
    assert {after for _, after in told[:-1]} == {33}
    assert told[-1][1] == 0
    assert list(rows(keys)) == ["press"]


@pytest.mark.parametrize("verb", ["rotate", "rotate generated", "import"])
def test_killed_at_any_moment_there_is_the_old_key_or_the_new_whole(
    keys: Keys, quick: Run, house: Path, tmp_path: Path, authority: Authority, verb: str
) -> None:
    file = tmp_path / "answer.pem"
    if verb == "rotate generated":
        assert keys("generate", "--keep", "press").code == 0
    else:
        assert keys("request", *HOUSE, "--keep", "press").code == 0
        first = request_of(house, "press")
        file.write_bytes(pem(*authority.answer(first)))
        assert keys("import", file, "--key", "press").code == 0
    words = ("rotate", "press")
    if verb == "import":
        assert keys("rotate", "press").code == 0
        (second,) = set((house / "keys/press").glob("*/request.pem")) - {first}
        file.write_bytes(pem(*authority.answer(second)))
        words = ("import", str(file), "--key", "press")

    told = killed(house, *words)

    assert len(told) >= 5
    assert {after for _, after in told} == {0}
    assert rows(keys)["press"]["state"] == "ok"
    assert signs(quick, house, "press", tmp_path / "out.jpg").code == 0
