"""`trustkit trust`: named lists, whole or not at all, and never what was not added."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from tests.command import KEYS, MEDIA, REPOSITORY, TRUST, TSA_TRUST
from tests.conftest import Run
from tests.trustlists import entity, iptc, lote, pem, some, thumbprint, whole

LEAF = KEYS / "trust/test-leaf-only.pem"
PUBLISHED = REPOSITORY.parent / "shared/trust"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where this test's lists are kept."""
    return tmp_path / "mine"


@pytest.fixture
def here(quick: Run, place: Path) -> Run:
    return partial(quick, env={"TRUSTKIT_HOME": str(place)})


def installed(here: Run) -> list[str]:
    return [entry["name"] for entry in here("trust", "list", "--format", "json").json()]


@pytest.mark.parametrize("content", [b"", b"not PEM", b"\xff\xd8\xff", None])
def test_a_file_without_certificates_is_refused(
    here: Run, tmp_path: Path, content: bytes | None
) -> None:
    file = tmp_path / "list.pem"
    if content is not None:
        file.write_bytes(content)
    assert here("trust", "add", file).code == 33
    assert installed(here) == []


def test_the_name_of_the_list_that_vouches_for_nobody_is_not_given_to_another(here: Run) -> None:
    answer = here("trust", "add", TRUST, "--name", "products")

    assert answer.code == 33
    assert "vouches for nobody" in answer.stderr
    assert installed(here) == []


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="a device without end")
@pytest.mark.parametrize(
    "command",
    [
        ("trust", "add", "/dev/zero"),
        ("verify", MEDIA / "scene.jpg", "--only", "manifest", "--crl", "/dev/zero"),
    ],
    ids=["list", "revocation list"],
)
def test_a_device_without_end_is_no_list(here: Run, command: tuple[str | Path, ...]) -> None:
    answer = here(*command)
    assert answer.code == 33
    assert "larger than" in answer.stderr


def test_a_list_is_not_added_from_an_address_anybody_could_answer_for(here: Run) -> None:
    answer = here("trust", "add", "http://press.example/list.pem")
    assert answer.code == 2
    assert "https" in answer.stderr


def test_one_bad_file_refuses_the_whole_list(here: Run, tmp_path: Path) -> None:
    (tmp_path / "bad.pem").write_bytes(TRUST.read_bytes().replace(b"MII", b"MIX"))
    assert here("trust", "add", TRUST, tmp_path / "bad.pem", "--name", "house").code == 33
    assert here("trust", "add", TRUST, tmp_path / "gone.pem", "--name", "house").code == 33
    assert installed(here) == []


@pytest.mark.parametrize("name", ["..", "../evil", "a/b", ".hidden", "A b", "x" * 65, "-x"])
def test_a_name_that_could_lead_elsewhere_is_refused(here: Run, place: Path, name: str) -> None:
    assert here("trust", "add", TRUST, f"--name={name}").code in {33, 2}
    assert installed(here) == []
    assert not list(place.parent.rglob("list.pem"))


def test_a_name_that_is_taken_is_refused_and_kept(here: Run, place: Path) -> None:
    assert here("trust", "add", TRUST, "--name", "house").code == 0
    before = {path: path.read_bytes() for path in (place / "trust/house").iterdir()}
    answer = here("trust", "add", LEAF, "--name", "house")
    assert answer.code == 33
    assert "remove" in answer.stderr
    assert {path: path.read_bytes() for path in (place / "trust/house").iterdir()} == before


@pytest.mark.parametrize("command", [("show", "none"), ("remove", "none"), ("remove", "..")])
def test_a_list_that_is_not_there_is_said(here: Run, command: tuple[str, str]) -> None:
    assert here("trust", *command).code == 33


def only_document(folder: Path) -> Path:
    (document,) = folder.glob("*.pem")
    return document


def swap(folder: Path) -> None:
    shutil.copy(KEYS / "untrusted/root.pem", only_document(folder))


def cut(folder: Path) -> None:
    only_document(folder).write_bytes(only_document(folder).read_bytes()[:-200])


def gone(folder: Path) -> None:
    only_document(folder).unlink()


def elsewhere(folder: Path) -> None:
    about = json.loads((folder / "about.json").read_text())
    about["documents"][0]["file"] = "../../../elsewhere.pem"
    (folder / "about.json").write_text(json.dumps(about))


def other_words(folder: Path) -> None:
    (folder / "about.json").write_text('["words"]')


def empty(folder: Path) -> None:
    (folder / "about.json").write_text("")


def other_purpose(folder: Path) -> None:
    about = json.loads((folder / "about.json").read_text())
    (folder / "about.json").write_text(json.dumps({**about, "purpose": "everything"}))


def keyless(folder: Path) -> None:
    (folder / "about.json").write_text("{}")


@pytest.mark.parametrize(
    "damage", [swap, cut, gone, elsewhere, empty, other_purpose, keyless, other_words]
)
def test_a_list_that_is_not_what_was_added_is_never_used(
    here: Run, place: Path, signed_folder: Path, damage: Callable[[Path], None]
) -> None:
    assert here("trust", "add", TRUST, "--name", "house").code == 0
    damage(place / "trust/house")

    picture = signed_folder / "scene.jpg"
    for arguments in (
        ("trust", "list"),
        ("trust", "show", "house"),
        ("verify", picture),
        ("verify", picture, "--trust", "house"),
    ):
        answer = here(*arguments)
        assert answer.code == 33, arguments
        assert "house" in answer.stderr
        assert "trusted" not in answer.stdout
    assert here("trust", "remove", "house").code == 0
    assert installed(here) == []


def test_a_list_of_authorities_is_not_one_of_signers(here: Run, signed_folder: Path) -> None:
    assert here("trust", "add", TRUST, "--name", "stamps", "--tsa").code == 0
    picture = signed_folder / "scene.jpg"
    by_default = here("verify", picture, "--format", "json").json()
    by_name = here("verify", picture, "--trust", "stamps")
    assert by_default["files"][0]["axes"]["signer"] == "untrusted"
    assert by_name.code == 33
    assert "--tsa-trust" in by_name.stderr


def test_an_installed_list_counts_without_being_named(here: Run, signed_folder: Path) -> None:
    picture = signed_folder / "scene.jpg"
    assert here("trust", "add", TRUST, "--name", "house").code == 0
    by_default = here("verify", picture, "--format", "json").json()
    by_name = here("verify", picture, "--trust", "house", "--format", "json").json()
    assert by_default["files"] == by_name["files"]
    assert by_default["files"][0]["axes"]["signer"] == "trusted"
    (used,) = by_default["run"]["trust_lists"]
    assert (used["name"], used["purpose"], len(used["sha256"])) == ("house", "signers", 64)


def test_several_files_make_one_list(here: Run) -> None:
    assert here("trust", "add", TRUST, LEAF, "--name", "house").code == 0
    (about,) = here("trust", "list", "--format", "json").json()
    assert about["certificates"] == 2
    shown = here("trust", "show", "house").stdout
    assert "CA  " in shown
    assert "self" in shown


def test_lists_are_listed_with_purpose_and_sha256_and_can_be_removed(here: Run) -> None:
    assert "no trust list" in here("trust", "list").stdout
    here("trust", "add", TRUST, "--name", "house")
    here("trust", "add", TSA_TRUST, "--tsa")
    signers, stamps = here("trust", "list", "--format", "json").json()
    assert (signers["name"], signers["purpose"]) == ("house", "signers")
    assert (stamps["name"], stamps["purpose"]) == ("test-tsa", "timestamps")
    assert signers["sha256"][:16] in here("trust", "list").stdout
    assert here("trust", "remove", "house").code == 0
    assert installed(here) == ["test-tsa"]


def test_an_old_list_is_said_where_the_policy_sets_an_age(
    here: Run, place: Path, tmp_path: Path, signed_folder: Path
) -> None:
    here("trust", "add", TRUST, "--name", "house")
    about = place / "trust/house/about.json"
    about.write_text(json.dumps({**json.loads(about.read_text()), "checked": "2020-01-01"}))
    picture = signed_folder / "scene.jpg"
    strict = here("verify", picture, "--policy", "strict", "--format", "json").json()
    newsdesk = here("verify", picture, "--format", "json").json()
    assert "trust.list_old" in {f["code"] for f in strict["files"][0]["findings"]}
    assert strict["files"][0]["decision"] == "review"
    assert newsdesk["files"][0]["decision"] == "accept"


# Lists as publishers write them


def der(file: Path) -> bytes:
    return x509.load_pem_x509_certificate(file.read_bytes()).public_bytes(Encoding.DER)


def signer(here: Run, picture: Path, *options: object) -> str:
    answer = here("verify", picture, "--skip", "watermark", "--format", "json", *options)
    return str(answer.json()["files"][0]["axes"]["signer"])


def test_a_publisher_known_by_thumbprint_alone_is_recognised(
    here: Run, tmp_path: Path, signed_folder: Path
) -> None:
    key = {"kty": "EC", "x5t#S256": thumbprint(der(LEAF))}
    (tmp_path / "people.json").write_bytes(iptc([entity("Desk", key)]))
    picture = signed_folder / "scene.jpg"
    assert signer(here, picture, "--trust", tmp_path / "people.json") == "trusted"
    assert here("trust", "add", tmp_path / "people.json").code == 0
    assert signer(here, picture) == "trusted"
    assert "listed as Desk" in here("trust", "show", "people").stdout
    findings = here("verify", picture, "-f", "json").json()["files"][0]["findings"]
    (said,) = (f for f in findings if f["code"] == "manifest.trusted")
    assert "whom list people (as Desk) vouches for" in said["summary"]
    assert said["facts"]["list"]["entity"] == "Desk"
    other = {"kty": "EC", "x5t#S256": thumbprint(b"another")}
    (tmp_path / "people.json").write_bytes(iptc([entity("Desk", other)]))
    assert signer(here, picture, "--trust", tmp_path / "people.json") == "untrusted"


@pytest.mark.parametrize("file", [TRUST, LEAF])
def test_a_list_of_identities_vouches_for_no_signer_and_no_time(
    here: Run, tmp_path: Path, signed_folder: Path, file: Path
) -> None:
    picture = signed_folder / "scene.jpg"
    assert here("trust", "add", file, "--name", "people", "--identity").code == 0
    assert signer(here, picture) == "untrusted"
    assert signer(here, picture, "--identity-trust", file) == "untrusted"
    for option in ("--trust", "--tsa-trust"):
        answer = here("verify", picture, option, "people")
        assert answer.code == 33
        assert "--identity-trust" in answer.stderr
    assert here("trust", "add", file, "--name", "signers").code == 0
    assert here("verify", picture, "--identity-trust", "signers").code == 33
    assert here("trust", "add", file, "--name", "both", "--identity", "--tsa").code == 2


def test_a_report_names_every_list_with_its_dates(
    here: Run, tmp_path: Path, signed_folder: Path
) -> None:
    (tmp_path / "people.json").write_bytes(iptc([entity("Desk", whole(der(LEAF)))]))
    (tmp_path / "cas.json").write_bytes(lote(some(3)))
    here("trust", "add", tmp_path / "people.json", "--identity")
    here("trust", "add", tmp_path / "cas.json")
    picture = signed_folder / "scene.jpg"
    answer = here("verify", picture, "--skip", "watermark", "--format", "json").json()
    cas, people = answer["run"]["trust_lists"]
    assert (people["purpose"], people["date"]) == ("identities", "2026-05-01")
    assert people["issued"] == "2026-05-01T10:00:00Z"
    assert (cas["certificates"], cas["issued"]) == (3, "2026-08-05T00:11:39Z")
    assert (cas["fetched"], cas["next_update"]) == ("", "2099-08-05T00:11:39Z")
    assert len(cas["sha256"]) == len(people["sha256"]) == 64
    assert cas["checked"] == people["checked"] != ""


def test_a_policy_names_who_may_vouch_for_identities(here: Run, tmp_path: Path) -> None:
    (tmp_path / "people.json").write_bytes(iptc([entity("Desk", whole(der(LEAF)))]))
    text = 'policy = 1\nname = "house"\n[trust]\nlists = []\nidentity_lists = ["people.json"]\n'
    (tmp_path / "house.toml").write_text(text)
    assert here("policy", "check", tmp_path / "house.toml").code == 0
    (tmp_path / "people.json").unlink()
    assert here("policy", "check", tmp_path / "house.toml").code == 33


def test_a_list_whose_next_update_is_due_is_said(
    here: Run, tmp_path: Path, signed_folder: Path
) -> None:
    (tmp_path / "cas.json").write_bytes(lote(some(3), next_update="2026-08-06T00:00:00Z"))
    here("trust", "add", tmp_path / "cas.json")
    answer = here("verify", signed_folder / "scene.jpg", "--skip", "watermark", "-f", "json").json()
    (said,) = (f for f in answer["files"][0]["findings"] if f["code"] == "trust.list_outdated")
    assert said["facts"]["next_update"] == "2026-08-06T00:00:00Z"
    assert "was due on 2026-08-06" in said["summary"]


def test_a_frozen_list_is_called_frozen_wherever_it_vouches(
    here: Run, tmp_path: Path, signed_folder: Path
) -> None:
    (tmp_path / "anchors.pem").write_bytes(pem(some(2)))
    (tmp_path / "allowed.pem").write_bytes(LEAF.read_bytes())
    assert here("trust", "update", "interim", "--from", tmp_path).code == 0
    picture = signed_folder / "scene.jpg"
    answer = here("verify", picture, "--skip", "watermark", "-f", "json").json()
    (said,) = (f for f in answer["files"][0]["findings"] if f["code"] == "manifest.trusted")
    assert "list interim (frozen on 2026-01-01)" in said["summary"]
    assert said["facts"]["list"]["frozen"] == "2026-01-01"
    (used,) = answer["run"]["trust_lists"]
    assert (used["frozen"], used["date"]) == ("2026-01-01", "2026-01-01")


@pytest.mark.skipif(not PUBLISHED.is_dir(), reason="the published lists are not beside us")
def test_the_published_lists_are_what_we_take_them_for(here: Run) -> None:
    answer = here("trust", "update", "c2pa", "c2pa-tsa", "interim", "--from", PUBLISHED)
    assert answer.code == 0, answer.stderr
    rows = here("trust", "list", "-f", "json").json()
    found = {(row["name"], row["purpose"]): row["certificates"] for row in rows}
    assert found == {
        ("c2pa", "signers"): 30,
        ("c2pa-tsa", "timestamps"): 22,
        ("interim", "signers"): 102,
        ("interim", "timestamps"): 2,
    }
    assert "listed as Whole Earth Labs" not in here("trust", "show", "c2pa").stdout
    assert "listed as Castlabs GmbH" in here("trust", "show", "c2pa").stdout
