"""Keys in clouds, through the command, against services on loopback on good and bad days."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.command import KEYS, MEDIA, Answer
from tests.conftest import Run, Verify
from tests.signers.places import needed, pairs
from tests.signers.services import ENV, PARENT, SECRETS, VERSION, Services, serving

PHOTO = MEDIA / "scene.jpg"
PLAIN = ("--source-type", "digitalCapture", "--no-soft-binding")
CHAIN = KEYS / "signer/es256/chain.pem"
VENDORS = ("awskms", "azure", "gcpkms")
vendors = pytest.mark.parametrize("vendor", VENDORS)
AWS_OWN = {"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": "/dev/null",
           "AWS_SHARED_CREDENTIALS_FILE": "/dev/null"}  # fmt: skip


@pytest.fixture(scope="module")
def services() -> Iterator[Services]:
    with serving() as running:
        yield running


@pytest.fixture(autouse=True)
def healed(services: Services, request: pytest.FixtureRequest) -> Iterator[None]:
    if "vendor" in request.fixturenames:
        needed(request.getfixturevalue("vendor"))
    services.heal()
    yield
    services.heal()


def sign(run: Run, key: str, out: Path, env: dict[str, str] | None = None) -> Answer:
    return run("sign", PHOTO, "-o", out, "--key", key, *PLAIN, "-q", env=env or ENV)


def refusal(run: Run, key: str, tmp_path: Path, env: dict[str, str] | None = None) -> str:
    out = tmp_path / "out"
    out.mkdir()
    answer = sign(run, key, out / "out.jpg", env)
    assert answer.code == 40, answer.stderr
    assert list(out.iterdir()) == []
    assert "hint: " in answer.stderr
    assert not any(secret in answer.stdout + answer.stderr for secret in SECRETS)
    print(f"\n{answer.stderr}")
    return answer.stderr


@pytest.mark.parametrize(("vendor", "algorithm"), [p for p in pairs() if p[0] in VENDORS])
def test_what_a_service_signs_is_trusted(
    vendor: str, algorithm: str, quick: Run, verify: Verify, services: Services, tmp_path: Path
) -> None:
    out = tmp_path / "out.jpg"

    answer = sign(quick, services.uri(vendor, algorithm), out)

    assert (answer.code, answer.stderr) == (0, "")
    assert verify(out)["out.jpg"]["verdict"] == "trusted"


@vendors
@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("unauthorized", "does not accept our"),
        ("forbidden", "does not let us sign"),
        ("missing", "has no key"),
        ("throttled", "is throttling us"),
        ("throttled_for_long", "is throttling us"),
        ("broken", "(status 500"),
        ("garbage", "no readable answer|status 200|could not be asked"),
        ("empty", "no readable answer"),
        ("list", "no readable answer|could not be asked"),
        ("endless", "no readable answer|could not be asked"),
        ("redirect", "status 302|could not be asked"),
        ("short", "bytes, where a signature with ps256"),
        ("flipped", "do not belong together"),
    ],
)
def test_a_bad_day_of_a_service_is_one_clear_sentence(
    vendor: str, fault: str, said: str, quick: Run, services: Services, tmp_path: Path
) -> None:
    services.fail(fault)

    shown = refusal(quick, services.uri(vendor, "ps256"), tmp_path)

    assert any(one in shown for one in said.split("|")), shown
    assert len(services.asked) <= 5
    assert "/stolen" not in [path for path, _ in services.asked], "no redirect is followed"


@vendors
@pytest.mark.parametrize("fault", ["slow", "dripping"])
def test_a_slow_service_is_waited_for_no_longer_than_asked(
    vendor: str, fault: str, quick: Run, services: Services, tmp_path: Path
) -> None:
    if (vendor, fault) == ("awskms", "dripping"):
        pytest.skip("the SDK reads a body without a limit of its own on the whole")
    services.fail(fault)
    start = time.monotonic()

    shown = refusal(quick, services.uri(vendor, "es256", "&timeout=1.5"), tmp_path)

    assert "no answer" in shown or "no readable answer" in shown
    assert time.monotonic() - start < 10


@vendors
@pytest.mark.parametrize("fault", ["throttled", "broken"])
def test_a_passing_fault_is_tried_again(
    vendor: str, fault: str, quick: Run, services: Services, tmp_path: Path
) -> None:
    services.fail(fault, times=1)
    start = time.monotonic()

    assert sign(quick, services.uri(vendor, "es256"), tmp_path / "out.jpg").code == 0
    if fault == "throttled" and vendor != "awskms":
        assert time.monotonic() - start >= 1, "Retry-After is honoured"


@vendors
def test_a_service_that_fails_half_way_leaves_what_is_signed_whole(
    vendor: str, run: Run, verify: Verify, services: Services, tmp_path: Path
) -> None:
    files = (PHOTO, MEDIA / "scene.png", MEDIA / "scene.webp")
    # The key is tried, Azure's version looked up, and one file signed.
    services.fail("forbidden", well=3 if vendor == "azure" else 2)
    key, out = services.uri(vendor, "es256"), tmp_path / "out"

    answer = run("sign", *files, "-o", out, "--key", key, *PLAIN, "-q", env=ENV)

    assert answer.code == 40
    assert [path.name for path in out.iterdir()] == [PHOTO.name]
    assert verify(out / PHOTO.name)[PHOTO.name]["verdict"] == "trusted"
    assert answer.stderr.count("does not let us sign") == 2
    assert len(answer.stderr.splitlines()) == 4, "a sentence and a hint for each"


@vendors
def test_a_service_that_is_not_there_is_said(vendor: str, quick: Run, tmp_path: Path) -> None:
    with serving() as gone:
        key = gone.uri(vendor, "es256", "&timeout=3")

    assert "no answer" in refusal(quick, key, tmp_path)


def test_a_damaged_answer_of_google_is_not_handed_on(
    quick: Run, services: Services, tmp_path: Path
) -> None:
    needed("gcpkms")
    services.fail("damaged")

    assert "damaged on the way" in refusal(quick, services.uri("gcpkms", "es256"), tmp_path)


def test_a_long_claim_goes_to_aws_as_a_digest(
    quick: Run, verify: Verify, services: Services, tmp_path: Path
) -> None:
    needed("awskms")
    key = services.uri("awskms", "es384")
    options = ("-o", tmp_path / "out.jpg", "--key", key, *PLAIN, "-q")
    edits = [w for n in range(100) for w in ("--reference", MEDIA / "scene.png")][:120]

    answer = quick("sign", PHOTO, *options, *edits, env=ENV)
    kinds = {body["MessageType"] for _, body in services.asked}

    assert answer.code == 0, answer.stderr
    assert "DIGEST" in kinds
    assert verify(tmp_path / "out.jpg")["out.jpg"]["axes"]["signer"] == "trusted"


@pytest.mark.parametrize(
    ("vendor", "env", "said"),
    [
        ("awskms", AWS_OWN, "no credentials for AWS"),
        ("awskms", {**ENV, "AWS_ACCESS_KEY_ID": "AKIAOTHER"}, "does not accept our credentials"),
        ("azure", {**ENV, "TRUSTKIT_AZURE_TOKEN": "eyJ0eXAi.another.token"}, "access token (401)"),
        ("azure", {"AZURE_TOKEN_CREDENTIALS": "EnvironmentCredential"}, "no access token"),
        ("gcpkms", {**ENV, "TRUSTKIT_GCP_TOKEN": "ya29.another-token"}, "access token (401)"),
        ("gcpkms", {"NO_GCE_CHECK": "true"}, "no access token"),
        ("gcpkms", {"GOOGLE_APPLICATION_CREDENTIALS": "/no/such.json"}, "no access token"),
    ],
)
def test_credentials_that_are_missing_or_wrong_are_said(
    vendor: str, env: dict[str, str], said: str, run: Run, services: Services, tmp_path: Path
) -> None:
    shown = refusal(run, services.uri(vendor, "es256"), tmp_path, env)

    assert said in shown
    assert "another" not in shown


def test_another_region_has_not_this_key(quick: Run, services: Services, tmp_path: Path) -> None:
    needed("awskms")
    key = services.uri("awskms", "es256").replace("eu-central-1", "us-east-1")

    assert "in this region and account" in refusal(quick, key, tmp_path)


def test_a_key_named_by_arn_brings_its_region(
    quick: Run, services: Services, tmp_path: Path
) -> None:
    needed("awskms")
    key = f"awskms:arn:aws:kms:eu-central-1:111122223333:alias/es256?chain={CHAIN}"

    shown = refusal(quick, f"{key}&endpoint={services.url}", tmp_path)

    # The service on loopback knows names only; that it was asked in the region is what counts.
    assert "has no key" in shown
    assert len(services.asked) == 1


def test_a_batch_is_signed_with_one_version_of_an_azure_key(
    quick: Run, services: Services, tmp_path: Path
) -> None:
    needed("azure")
    files = (PHOTO, MEDIA / "scene.png")
    key = services.uri("azure", "es256")

    answer = quick("sign", *files, "-o", tmp_path / "out", "--key", key, *PLAIN, "-q", env=ENV)
    paths = [path.partition("?")[0] for path, _ in services.asked]

    assert answer.code == 0
    assert paths == ["/keys/es256", *[f"/keys/es256/{VERSION}/sign"] * (1 + len(files))]


E = f"?chain={CHAIN}&endpoint="


@pytest.mark.parametrize(
    ("key", "said"),
    [
        (f"awskms:alias/press{E}http://press.example", "will not be asked"),
        (f"awskms:alias/press{E}https://user:secret-word@press.example", "will not be asked"),
        (f"awskms:alias/press{E}ftp://127.0.0.1", "will not be asked"),
        (f"awskms:alias/press{E}http://127.0.0.1.press.example", "will not be asked"),
        (f"awskms:alias/press{E}http://127.0.0.1:none", "will not be asked"),
        ("awskms:alias/press", "need their certificates"),
        (f"awskms:a%20b?chain={CHAIN}", "names no key"),
        (f"awskms:alias/press?chain={CHAIN}&secret=1", "no option 'secret'"),
        (f"awskms:alias/press?chain={CHAIN}&profile=nobody", "no such profile"),
        (f"awskms:alias/press?chain={CHAIN}", "no region of AWS is named"),
        (f"azure:press.vault.azure.net/secrets/a?chain={CHAIN}", "names no key"),
        (f"azure:press.example/keys/a?chain={CHAIN}", "is no vault of Azure's"),
        (f"azure:evilvault.azure.net.example/keys/a?chain={CHAIN}", "is no vault of Azure's"),
        (f"azure:press.vault.azure.net/keys/a{E}http://10.0.0.1", "will not be asked"),
        (f"gcpkms:{PARENT}/a?chain={CHAIN}", "names no version"),
        (f"gcpkms:{PARENT}/../cryptoKeyVersions/1?chain={CHAIN}x", "cannot be read|names no"),
        (f"gcpkms:{PARENT}/a/cryptoKeyVersions/1{E}http://169.254.169.254", "will not be asked"),
    ],
)
def test_a_uri_that_makes_no_sense_is_said(key: str, said: str, quick: Run, tmp_path: Path) -> None:
    needed(key.partition(":")[0])
    shown = refusal(quick, key, tmp_path, AWS_OWN)

    assert any(one in shown for one in said.split("|"))
    assert "secret-word" not in shown
