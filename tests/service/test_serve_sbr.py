"""The Soft Binding Resolution API, asked by its own client and by anybody's."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from PIL import Image

from tests.command import MEDIA
from tests.service.conftest import RECORD, Published
from tests.service.serving import Service
from trustkit.asset import open_asset
from trustkit.errors import UnreachableError, UsageError
from trustkit.fingerprints import iscc
from trustkit.fingerprints.files import codes_of
from trustkit.sbr import Resolver
from trustkit.stores.registry import open_registry
from trustkit.watermarks.tiles.layout import NAME as TILES

OTHER = "2f00c0ffee5eed08"


@pytest.fixture
def client(service: Service, keys: dict[str, str]) -> Iterator[httpx.Client]:
    with service.client(keys["read"]) as client:
        yield client


@pytest.fixture
def resolver(service: Service, keys: dict[str, str]) -> Resolver:
    return Resolver(f"{service.url}/v1", keys["read"])


@pytest.fixture
def copy(tmp_path: Path, published: Published) -> Path:
    """A stripped copy: smaller, and saved anew."""
    place = tmp_path / "copy.jpg"
    with Image.open(published.file) as image:
        image.resize((200, 133)).save(place, quality=70)
    return place


def b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def test_what_is_no_value_of_the_algorithm_is_refused(client: httpx.Client) -> None:
    for alg, value in (
        (TILES, "AA"),
        (TILES, "%%%"),
        ("io.iscc.v0", b64(b"\x21\x07short")),
        ("io.iscc.v0", b64(b"\xff" * 40)),
        ("org.nobody.mark", b64(bytes(8))),
        ("a b", b64(bytes(8))),
    ):
        answer = client.get("/matches/byBinding", params={"alg": alg, "value": value})
        assert answer.status_code == 400, answer.text
    asked = {"alg": TILES, "value": b64(bytes(8)), "maxResults": "0"}
    assert client.get("/matches/byBinding", params=asked).status_code == 400
    asked = {"alg": TILES, "value": "A" * 5000}
    assert client.get("/matches/byBinding", params=asked).status_code == 414
    assert client.get("/manifests/a%20b").status_code == 400


def test_a_mark_leads_to_the_manifest_however_its_value_is_written(
    client: httpx.Client, published: Published
) -> None:
    raw = bytes.fromhex(RECORD)
    for value in (b64(raw), b64(raw).rstrip("="), b64(RECORD.encode()), RECORD, RECORD.upper()):
        asked = {"alg": TILES, "value": value}
        for answer in (
            client.get("/matches/byBinding", params=asked),
            client.post("/v1/matches/byBinding", json=asked),
        ):
            assert answer.status_code == 200, answer.text
            match = {"manifestId": published.record.manifest_id, "similarityScore": 100}
            assert answer.json() == {"matches": [match]}


def test_what_nobody_recorded_gives_an_empty_answer(client: httpx.Client) -> None:
    for alg, size in ((TILES, 8), (TILES, 4), ("io.iscc.v0", 0)):
        raw = bytes(size) or b"\x21\x07" + bytes(32)
        asked = {"alg": alg, "value": b64(raw)}
        assert client.get("/matches/byBinding", params=asked).json() == {"matches": []}
    answer = client.post("/matches/byContent", content=(MEDIA / "drawing.svg").read_bytes())
    assert answer.json() == {"matches": []}


def test_a_fingerprint_leads_to_the_manifest_without_the_file(
    client: httpx.Client, copy: Path, published: Published
) -> None:
    code = next(code for code in codes_of(open_asset(copy)) if code.algorithm == iscc.NAME)
    # A Meta-Code before it says nothing of the content.
    value = b64(b"\x00\x01" + bytes(8) + b"\x21\x07" + code.bits)
    answer = client.post("/matches/byBinding", json={"alg": iscc.BINDING, "value": value})
    [match] = answer.json()["matches"]
    assert match["manifestId"] == published.record.manifest_id
    assert 60 < match["similarityScore"] <= 100


def test_a_stripped_copy_leads_to_the_manifest(
    client: httpx.Client, resolver: Resolver, copy: Path, published: Published, service: Service
) -> None:
    name = published.record.manifest_id
    assert resolver.by_content(open_asset(copy)) == [name]
    assert resolver.by_content(open_asset(published.file)) == [name]
    narrowed = client.post("/matches/byContent?alg=io.iscc.v0", content=copy.read_bytes())
    assert [match["manifestId"] for match in narrowed.json()["matches"]] == [name]
    narrowed = client.post(f"/matches/byContent?alg={TILES}", content=copy.read_bytes())
    assert narrowed.json() == {"matches": []}
    hinted = f"/matches/byContent?alg={TILES}&hintAlg={TILES}&hintValue={RECORD}"
    assert len(client.post(hinted, content=copy.read_bytes()).json()["matches"]) == 1
    assert service.left() == []


def test_what_is_no_media_file_is_refused_by_content(client: httpx.Client) -> None:
    assert client.post("/matches/byContent", content=b"no media").status_code == 415


def test_the_manifest_is_given_whole_or_the_active_one_alone(
    client: httpx.Client, resolver: Resolver, published: Published
) -> None:
    with open_registry(published.url) as registry:
        store = registry.blobs.get(published.record.manifest)
    name = published.record.manifest_id

    answer = client.get(f"/manifests/{name}")
    assert answer.headers["content-type"] == "application/c2pa"
    assert answer.content == store == resolver.manifest(name)
    assert client.get(f"/manifests/{RECORD}").content == store
    active = client.get(f"/manifests/{name}?returnActiveManifest=true").content
    assert active == store  # it is the only one
    assert client.get("/manifests/urn:c2pa:nobody").status_code == 404


def test_the_client_asks_by_mark_and_hears_what_can_be_asked(
    resolver: Resolver, published: Published
) -> None:
    assert resolver.by_binding(TILES, RECORD) == [published.record.manifest_id]
    assert resolver.by_binding(TILES, OTHER) == []
    assert {TILES, "io.iscc.v0"} <= set(resolver.algorithms())


def test_the_client_says_in_a_sentence_what_went_wrong(service: Service) -> None:
    with pytest.raises(UnreachableError, match="wants a key"):
        Resolver(service.url).by_binding(TILES, RECORD)
    with pytest.raises(UnreachableError, match="does not know"):
        Resolver(f"{service.url}/v7").algorithms()
    with pytest.raises(UnreachableError, match="could not be asked"):
        Resolver("http://127.0.0.1:9").algorithms()
    for url in ("http://press.example/v1", "ftp://127.0.0.1", "https://a:b@press.example", "x"):
        with pytest.raises(UsageError):
            Resolver(url)
    assert "secret" not in repr(Resolver("https://press.example/v1", "secret"))


def test_the_service_describes_itself(client: httpx.Client) -> None:
    found = client.get("/.well-known/c2pa-soft-binding-resolution").json()
    assert found["apiEndpoint"] == "/v1"
    assert found["c2paSpecificationVersion"] == "2.4.0"
    told = client.get(found["capabilitiesEndpoint"]).json()
    assert told == {
        "c2paSpecificationVersion": "2.4.0",
        "supportedCapabilities": ["queryByContent"],
    }
    assert client.get("/v1/services/status").json()["status"] == "ok"


def test_what_is_personal_goes_to_admins_alone(
    service: Service, keys: dict[str, str], published: Published
) -> None:
    for role, key in keys.items():
        with service.client(key) as client:
            answer = client.get(f"/v1/records/{RECORD}")
            assert answer.status_code == 200
            assert answer.json()["record"]["sha256"] == published.record.sha256
            assert ("anna" in answer.text) == (role == "admin")
            assert client.get(f"/v1/records/{OTHER}").status_code == 404
            if role != "admin":
                assert client.delete(f"/v1/records/{RECORD}").status_code == 403


def test_an_admin_can_have_a_record_forgotten(
    service: Service, keys: dict[str, str], published: Published
) -> None:
    from dataclasses import replace

    with open_registry(published.url) as registry:
        registry.store.put(
            [replace(published.record, id=OTHER, manifest="", bindings=(), codes=())]
        )
    with service.client(keys["admin"]) as client:
        assert client.get(f"/v1/records/{OTHER}").status_code == 200
        assert client.delete(f"/v1/records/{OTHER}").json() == {"forgotten": OTHER}
        assert client.get(f"/v1/records/{OTHER}").status_code == 404
        assert client.delete(f"/v1/records/{OTHER}").status_code == 404
        assert client.get(f"/manifests/{published.record.manifest_id}").status_code == 200
