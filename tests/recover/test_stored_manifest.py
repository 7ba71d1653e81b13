"""A manifest kept without its file: judged as one in a file, but for what it is bound to."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.command import TRUST
from trustkit.asset import open_asset
from trustkit.c2pa.lists import from_file
from trustkit.c2pa.read import Found, read
from trustkit.c2pa.settings import plain_context
from trustkit.c2pa.stored import Rereader, State, Stored
from trustkit.c2pa.trust import Purpose, TrustList
from trustkit.evidence.kept import NOT_THIS_COPY, Condition, judged

KINDS = ("scene.jpg", "scene.png", "clip.mp4", "sound.wav", "page.pdf", "scene.bmp")


def lists(path: Path = TRUST) -> tuple[TrustList, ...]:
    return from_file(path, Purpose.SIGNERS)


def store_of(path: Path) -> bytes:
    reading = read(open_asset(path), plain_context())
    assert isinstance(reading, Found)
    return reading.store


@pytest.fixture(scope="module")
def manifest(signed_folder: Path) -> bytes:
    return store_of(signed_folder / "scene.jpg")


def codes(stored: Stored) -> set[str]:
    return {one.code for one in stored.findings if one.seen()}


@pytest.mark.parametrize("name", KINDS)
def test_a_stored_manifest_holds_by_itself_and_says_nothing_of_any_content(
    signed_folder: Path, name: str
) -> None:
    stored = Rereader(lists()).read(store_of(signed_folder / name))

    assert (stored.state, stored.problem) == (State.HOLDS, "")
    assert "manifest.trusted" in codes(stored)
    assert not {"manifest.intact", "manifest.content_changed"} & codes(stored)


def test_what_it_declares_is_not_said_of_the_copy(manifest: bytes) -> None:
    declared = [f for f in Rereader(lists()).read(manifest).findings if ".declares_" in f.code]

    assert declared
    assert all(one.status == "invalid" for one in declared)


def test_a_signer_is_known_by_the_lists_in_use_today_alone(manifest: bytes) -> None:
    unknown = Rereader().read(manifest)

    assert unknown.state is State.HOLDS
    assert "manifest.trusted" not in codes(unknown)
    assert "manifest.signer_unknown" in codes(unknown)


def test_any_changed_byte_breaks_it(manifest: bytes) -> None:
    reader = Rereader(lists())
    for place in range(3, len(manifest), 499):
        changed = bytearray(manifest)
        changed[place] ^= 0x55
        stored = reader.read(bytes(changed))
        assert stored.state is not State.HOLDS, place
        assert stored.problem, place


@pytest.mark.parametrize("content", [b"", b"rubbish" * 100, b"\0" * 64])
def test_what_is_no_manifest_is_unreadable_and_says_why(content: bytes) -> None:
    stored = Rereader().read(content)

    assert stored.state is State.UNREADABLE
    assert stored.problem.startswith("it cannot be read: ")


def test_a_manifest_cut_short_never_holds(manifest: bytes) -> None:
    for size in (100, 1000, len(manifest) - 1):
        assert Rereader().read(manifest[:size]).state is not State.HOLDS


def test_another_manifest_than_the_record_names_is_not_taken_for_it(manifest: bytes) -> None:
    stored = Rereader(lists()).read(manifest)

    assert judged(stored, (), stored.label).condition is Condition.HOLDS
    assert NOT_THIS_COPY in judged(stored, (), stored.label).summary
    other = judged(stored, (), "urn:c2pa:00000000-0000-4000-8000-000000000000")
    assert other.condition is Condition.BROKEN
    assert "not the manifest that the record names" in other.summary
