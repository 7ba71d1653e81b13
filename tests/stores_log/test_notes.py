"""Signed notes: what others signed is read, what was changed is not, and odd bytes are refused."""

from __future__ import annotations

import base64
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from trustkit.errors import ConfigError
from trustkit.stores import checkpoints
from trustkit.stores.checkpoints import Checkpoint, Keep
from trustkit.stores.notes import (
    NoteError,
    PublicKey,
    SigningKey,
    TornError,
    open_note,
    read_key,
)

# Made by another hand: the example of Go's golang.org/x/mod/sumdb/note.
LINE = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
TEXT = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
)
NOTE = (
    f"{TEXT}\n\N{EM DASH} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2p"
    "ZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
KEY = SigningKey("log.example/1", Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
OTHER = SigningKey("log.example/2", Ed25519PrivateKey.from_private_bytes(bytes(32)))
POINT = Checkpoint("log.example/1", 7, bytes(range(32)))


def test_a_note_of_another_program_is_read_with_the_key_as_it_gives_it() -> None:
    assert open_note(NOTE, read_key(LINE)) == TEXT
    assert read_key(LINE).line == LINE


def test_what_was_signed_is_read_and_any_changed_character_is_found() -> None:
    note = checkpoints.sign(POINT, KEY).note
    assert checkpoints.read(note, KEY.public).checkpoint == POINT

    for place, character in enumerate(note):
        changed = note[:place] + chr(ord(character) ^ 1) + note[place + 1 :]
        with pytest.raises(NoteError):
            checkpoints.read(changed, KEY.public)


def test_a_note_that_is_cut_off_anywhere_is_refused() -> None:
    note = checkpoints.sign(POINT, KEY).note

    for end in range(len(note)):
        with pytest.raises(TornError):
            checkpoints.read(note[:end], KEY.public)


def test_signatures_of_others_are_passed_over() -> None:
    note = KEY.sign(POINT.text)
    witnessed = note + OTHER.sign(POINT.text).rpartition("\n\n")[2]

    assert checkpoints.read(witnessed, KEY.public).checkpoint == POINT
    with pytest.raises(NoteError, match="not signed by nobody"):
        open_note(witnessed, PublicKey("nobody", KEY.public.raw))
    with pytest.raises(NoteError, match=r"not signed by log\.example/1"):
        open_note(note, PublicKey(KEY.public.name, OTHER.public.raw))


def test_a_second_signature_of_the_same_key_must_hold_as_well() -> None:
    lines = KEY.sign("another\n").rpartition("\n\n")[2]

    with pytest.raises(NoteError, match="does not fit"):
        open_note(KEY.sign(POINT.text) + lines, KEY.public)


@pytest.mark.parametrize(
    "text",
    [
        "log.example/1\n7\n",
        "log.example/1\n07\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n",
        "log.example/1\n-7\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n",
        "log.example/1\n\u0667\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n",
        "log.example/1\n7\nAAECAw==\n",
        "log.example/1\n7\n!\n",
        "log.example/1\n7\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\nand more\n",
        "log.example/2\n7\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n",
    ],
)
def test_what_the_key_signed_and_is_no_checkpoint_of_its_log_is_refused(text: str) -> None:
    with pytest.raises(NoteError):
        checkpoints.read(KEY.sign(text), KEY.public)


@given(st.text(max_size=300))
def test_no_text_but_a_note_is_read(text: str) -> None:
    with pytest.raises(NoteError):
        open_note(text, KEY.public)


@pytest.mark.parametrize(
    "text",
    ["", "x", LINE[:-4], LINE.replace("c74f20a3", "c74f20a4"), "name+12345678+!", "a+b+\u00fc",
     "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"],
)  # fmt: skip
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        read_key(text)


def test_a_key_is_read_from_a_pem_under_the_name_it_is_to_have() -> None:
    private = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    pem = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )

    assert read_key(pem.decode(), "log.example/1") == KEY.public


def test_the_key_is_its_owners_alone_is_never_shown_and_never_replaced(tmp_path: Path) -> None:
    keep = Keep(tmp_path / "registries" / "x", "x")
    public = keep.make_key()

    path = keep.path / "log-key.pem"
    assert path.stat().st_mode & 0o777 == 0o600
    assert keep.path.stat().st_mode & 0o777 == 0o700
    secret = base64.b64decode("".join(path.read_text().splitlines()[1:-1]))[-32:]
    for shown in (repr(keep.key()), repr(keep), str(vars(keep)), public.line):
        assert base64.b64encode(secret).decode() not in shown
    before = path.read_bytes()
    with pytest.raises(Exception, match="File exists"):
        keep.make_key()
    assert path.read_bytes() == before
    assert keep.known_key() == public
    assert sorted(p.name for p in keep.path.iterdir()) == ["log-key.pem", "log-key.txt"]


def test_a_damaged_key_file_is_named(tmp_path: Path) -> None:
    keep = Keep(tmp_path, "x")
    keep.make_key()
    (tmp_path / "log-key.pem").write_text("-----BEGIN PRIVATE KEY-----\nhush\n")

    with pytest.raises(ConfigError, match=r"log-key\.pem cannot be read") as raised:
        keep.key()

    assert "hush" not in str(raised.value)


def test_notes_below_each_other_are_told_apart_and_pieces_counted() -> None:
    notes = [checkpoints.sign(Checkpoint("log.example/1", n, bytes(32)), KEY).note for n in (1, 2)]

    assert checkpoints.split("\n".join(notes)) == (notes, 0)
    assert checkpoints.split(f"{notes[0]}\nlog.example/1\n\n\n{notes[1]}\n") == (notes, 1)
    assert checkpoints.split("") == ([], 0)


def test_a_disk_with_no_room_for_a_whole_note_keeps_none_of_it(tmp_path: Path) -> None:
    keep = Keep(tmp_path, "x")
    keep.add(checkpoints.sign(POINT, KEY))
    before = (tmp_path / "checkpoints").read_bytes()
    # A limit on the size of files stands for the full disk: a part of the note still fits.
    code = (
        "import resource; from pathlib import Path;"
        "from trustkit.stores.checkpoints import *;"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({len(before) + 50}, {len(before) + 50}));"
        f"Keep(Path({str(tmp_path)!r}), 'x').add(Signed(None, 'x' * 200))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert "StoreError" in done.stderr
    assert "nothing was signed" in done.stderr or "cannot be written" in done.stderr
    assert (tmp_path / "checkpoints").read_bytes() == before
