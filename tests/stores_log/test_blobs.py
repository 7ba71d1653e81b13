"""The promises of a blob store, kept by every backend: a folder, and a real S3 server."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pytest

from tests.stores_log.s3server import BUCKET, ENV, s3_server
from trustkit.errors import ConfigError, MissingBackendError
from trustkit.stores import Blobs, StoreError
from trustkit.stores.blobs import open_blobs

CONTENT = b"a manifest, or so it says"
NAME = sha256(CONTENT).hexdigest()
ABSENT = "0" * 64


@dataclass(frozen=True)
class Place:
    """A blob store, and how a stranger writes into it past us."""

    blobs: Blobs
    meddle: Callable[[str, bytes], None]


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    for part in ("obstore", "moto", "flask", "flask_cors"):
        pytest.importorskip(part, reason="pip install 'trustkit[s3]' 'moto[s3]' flask flask-cors")
    with s3_server(tmp_path_factory.mktemp("moto") / "log") as url:
        yield url


@pytest.fixture
def s3(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> str:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in {**ENV, "AWS_ENDPOINT_URL": endpoint}.items():
        monkeypatch.setenv(name, value)
    return endpoint


@pytest.fixture(params=["folder", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "folder":

        def meddle(name: str, content: bytes) -> None:
            (tmp_path / name[:2]).mkdir(exist_ok=True)
            (tmp_path / name[:2] / name[2:]).write_bytes(content)

        return Place(open_blobs(str(tmp_path)), meddle)
    import obstore
    from obstore.store import S3Store

    endpoint = request.getfixturevalue("s3")
    prefix = tmp_path.name

    bucket = S3Store(BUCKET, endpoint=endpoint, client_options={"allow_http": True})

    def overwrite(name: str, content: bytes) -> None:
        obstore.put(bucket, f"{prefix}/{name[:2]}/{name[2:]}", content)

    return Place(open_blobs(f"s3://{BUCKET}/{prefix}"), overwrite)


def test_a_damaged_blob_is_never_given_out(place: Place) -> None:
    place.blobs.put(CONTENT)
    place.meddle(NAME, CONTENT[:-1] + b"!")

    with pytest.raises(StoreError, match=f"the blob {NAME} .* is damaged") as raised:
        place.blobs.get(NAME)

    assert raised.value.exit_code == 30


def test_a_missing_blob_is_said_to_be_missing(place: Place) -> None:
    with pytest.raises(StoreError, match=f"the blob {ABSENT} is not in") as raised:
        place.blobs.get(ABSENT)

    assert raised.value.exit_code == 30


@pytest.mark.parametrize("name", ["", "../../etc/passwd", NAME.upper(), NAME + "0", f"{NAME}\n"])
def test_what_is_no_hash_names_no_blob(place: Place, name: str) -> None:
    for ask in (place.blobs.get, place.blobs.delete):
        with pytest.raises(StoreError, match="names no blob"):
            ask(name)


@pytest.mark.parametrize("content", [b"", CONTENT, bytes(range(256)) * 40_000], ids=len)
def test_what_is_put_comes_back_by_its_hash(place: Place, content: bytes) -> None:
    name = place.blobs.put(content)

    assert name == sha256(content).hexdigest()
    assert place.blobs.get(name) == content


def test_the_same_bytes_twice_are_one_blob(place: Place) -> None:
    assert place.blobs.put(CONTENT) == place.blobs.put(CONTENT) == NAME

    place.blobs.delete(NAME)

    with pytest.raises(StoreError):
        place.blobs.get(NAME)


def test_putting_a_damaged_blob_again_heals_it(place: Place) -> None:
    place.blobs.put(CONTENT)
    place.meddle(NAME, b"")

    place.blobs.put(CONTENT)

    assert place.blobs.get(NAME) == CONTENT


def test_deleting_twice_is_no_error(place: Place) -> None:
    place.blobs.put(CONTENT)
    for _ in range(2):
        place.blobs.delete(NAME)


def test_many_at_once_put_the_same_blob(place: Place) -> None:
    with ThreadPoolExecutor(8) as pool:
        names = set(pool.map(place.blobs.put, [CONTENT] * 16))

    assert names == {NAME}
    assert place.blobs.get(NAME) == CONTENT


def test_a_folder_holds_whole_blobs_alone(tmp_path: Path) -> None:
    blobs = open_blobs(f"file://{tmp_path}/blobs")
    names = {blobs.put(bytes([number])) for number in range(20)}
    abandoned = tmp_path / "blobs/.making/0123456789abcdef"
    abandoned.write_bytes(b"half")
    os.utime(abandoned, (0, 0))

    open_blobs(f"file://{tmp_path}/blobs").put(CONTENT)

    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {path.parent.name + path.name for path in files} == names | {NAME}


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(StoreError, match=f"the blob {NAME} cannot be written to") as raised:
        open_blobs(f"{tmp_path}/file").put(CONTENT)

    assert raised.value.hint


@pytest.mark.parametrize(
    "url",
    ["", "gs://bucket", "https://host/x", "s3://ab", "s3://bucket/../x", "s3://bucket?x=1",
     "file://elsewhere/x", "s3://name:hush@bucket/x"],
)  # fmt: skip
def test_what_is_no_place_for_blobs_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(ConfigError) as raised:
        open_blobs(url)

    assert "hush" not in raised.value.message + raised.value.hint


def test_keys_never_travel_in_the_clear(s3: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    for host in ("10.0.0.1", "s3.example", "127.0.0.1.example"):
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:9000")
        with pytest.raises(ConfigError, match="in the clear"):
            open_blobs(f"s3://{BUCKET}")


def test_without_a_key_nobody_is_asked(s3: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")

    with pytest.raises(ConfigError, match="there is no key for s3://"):
        open_blobs(f"s3://{BUCKET}")


@pytest.mark.parametrize("bucket", ["another-bucket", "unreachable"])
def test_a_bucket_that_does_not_answer_is_named_and_the_key_is_not(
    s3: str, monkeypatch: pytest.MonkeyPatch, bucket: str
) -> None:
    if bucket == "unreachable":
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    blobs = open_blobs(f"s3://{bucket}/x")

    for ask in (lambda: blobs.put(CONTENT), lambda: blobs.get(NAME)):
        with pytest.raises(StoreError) as raised:
            ask()
        said = raised.value.message + raised.value.hint
        print(said)
        assert bucket in said
        assert ENV["AWS_SECRET_ACCESS_KEY"] not in said
        assert raised.value.exit_code == 30


def test_without_the_extra_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("obstore", "obstore.exceptions", "obstore.store"):
        monkeypatch.setitem(__import__("sys").modules, name, None)
    monkeypatch.delitem(__import__("sys").modules, "trustkit.stores.s3", raising=False)

    with pytest.raises(MissingBackendError) as raised:
        open_blobs(f"s3://{BUCKET}")

    assert raised.value.hint == "pip install 'trustkit[s3]'"
