"""The engine TrustMark around a stand-in for its weights; its code against the package's own."""

from __future__ import annotations

import hashlib
import socket

import numpy as np
import pytest

from tests.unit.watermarks.foreign import standin
from tests.unit.watermarks.foreign.golden import packed
from tests.unit.watermarks.foreign.pictures import draw
from trustkit.errors import ConfigError, UsageError
from trustkit.watermarks.foreign import bch
from trustkit.watermarks.foreign.trustmark import (
    OURS,
    SCHEMAS,
    TrustMark,
    false_positive_bound,
    pack,
    unpack,
)

PAYLOAD = bytes.fromhex("0123456789abcdef")


@pytest.fixture
def weights(tmp_path):
    pins = standin.write(tmp_path)
    lines = "".join(f'"{name}" = "{pin}"\n' for name, pin in pins.items())
    (tmp_path / "trustmark.toml").write_text(f"[sha256]\n{lines}")
    return tmp_path


def test_a_folder_without_a_card_is_refused(tmp_path):
    standin.write(tmp_path)
    with pytest.raises(ConfigError, match=r"trustmark\.toml cannot be read"):
        TrustMark(tmp_path)


@pytest.mark.parametrize("text", ["sha256 = 3", "[sha256]\nx = 1", "[[", "\x00", ""])
def test_a_card_that_is_none_is_refused(tmp_path, text):
    (tmp_path / "trustmark.toml").write_text(text)
    with pytest.raises(ConfigError):
        TrustMark(tmp_path)


@pytest.mark.parametrize("name", ["encoder_Q.onnx", "decoder_Q.onnx"])
def test_one_flipped_byte_in_the_weights_is_refused(weights, name):
    model = bytearray((weights / name).read_bytes())
    model[len(model) // 2] ^= 1
    (weights / name).write_bytes(model)
    with pytest.raises(ConfigError, match="SHA-256 differs"):
        TrustMark(weights)


def test_weights_that_are_missing_are_refused(weights):
    (weights / "decoder_Q.onnx").unlink()
    with pytest.raises(ConfigError, match="cannot be read"):
        TrustMark(weights)


@pytest.mark.parametrize(
    "names",
    [
        ["encoder_Q.onnx"],
        ["encoder_Q.onnx", "decoder_P.onnx"],
        ["decoder_Q.onnx", "decoder_P.onnx"],
        ["decoder_Q.onnx", "../evil.onnx"],
        ["../decoder_Q.onnx"],
        [],
    ],
)
def test_a_card_that_names_other_files_is_refused(weights, names):
    with pytest.raises(ConfigError, match=r"needs decoder_Q\.onnx"):
        TrustMark(weights, dict.fromkeys(names, "0" * 64))


def test_a_pinned_file_that_is_no_model_is_refused(tmp_path):
    (tmp_path / "decoder_Q.onnx").write_bytes(b"weights")
    pin = hashlib.sha256(b"weights").hexdigest()
    with pytest.raises(ConfigError, match="no ONNX model"):
        TrustMark(tmp_path, {"decoder_Q.onnx": pin})


def test_a_model_with_other_inputs_is_refused(tmp_path):
    model = standin.encoder()
    (tmp_path / "decoder_Q.onnx").write_bytes(model)
    with pytest.raises(ConfigError, match="other inputs"):
        TrustMark(tmp_path, {"decoder_Q.onnx": hashlib.sha256(model).hexdigest()})


def test_a_decoder_alone_reads_and_refuses_to_mark(weights):
    pin = hashlib.sha256((weights / "decoder_Q.onnx").read_bytes()).hexdigest()
    reader = TrustMark(weights, {"decoder_Q.onnx": pin.upper()})
    with pytest.raises(ConfigError, match="reads only"):
        reader.embed(draw(256, 256), PAYLOAD)
    mark = reader.detect(TrustMark(weights).embed(draw(256, 256), PAYLOAD))
    assert mark is not None
    assert mark.payload == PAYLOAD


def test_a_grey_picture_and_a_short_payload_are_refused(weights):
    engine = TrustMark(weights)
    with pytest.raises(UsageError, match="grey"):
        engine.embed(draw(256, 256)[:, :, 0], PAYLOAD)
    with pytest.raises(UsageError, match="64 bits, not 24"):
        engine.embed(draw(256, 256), b"abc")
    assert engine.detect(draw(256, 256)[:, :, 0]) is None


def test_the_network_is_never_asked(weights, monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    engine = TrustMark(weights)
    assert engine.detect(engine.embed(draw(256, 256), PAYLOAD)) is not None


def test_unmarked_pictures_have_no_mark(weights):
    engine = TrustMark(weights)
    assert engine.detect(draw(256, 256)) is None
    assert engine.detect(draw(300, 263)) is None


@pytest.mark.parametrize("depth", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("size", [(300, 400), (257, 299), (256, 700), (700, 256)])
def test_a_mark_goes_in_and_comes_out(weights, depth, size):
    scale = {np.uint8: 1, np.uint16: 257, np.float32: 1 / 255}[depth]
    picture = (draw(*size) * depth(scale)).astype(depth)
    picture = np.dstack([picture, picture[:, :, 0]])
    engine = TrustMark(weights)
    marked = engine.embed(picture, PAYLOAD)
    assert (marked.shape, marked.dtype) == (picture.shape, picture.dtype)
    assert np.array_equal(marked[:, :, 3], picture[:, :, 3])
    mark = engine.detect(marked)
    assert mark is not None
    assert (mark.payload, mark.engine) == (PAYLOAD, "com.adobe.trustmark.Q")
    assert mark.false_positive_bound == false_positive_bound()


@pytest.mark.parametrize("bits", sorted(packed()))
def test_the_code_is_the_packages_bit_for_bit(bits):
    word = packed()[bits]
    schema = next(each for each in SCHEMAS if each.data == len(bits))
    pad = "0" * (-len(bits) % 8)
    assert (
        f"{bch.check_bits(int(bits + pad, 2), schema.t):0{7 * schema.t}b}" == word[len(bits) : -4]
    )
    payload = bits[: schema.data - schema.zeros]
    padded = payload + "0" * (-len(payload) % 8)
    found = unpack(word)
    assert found == (int(padded, 2).to_bytes(len(padded) // 8, "big"), schema, 0)


@pytest.mark.parametrize("schema", SCHEMAS)
def test_flipped_bits_are_corrected_up_to_the_codes_strength(schema):
    chance = np.random.default_rng(2)
    for _ in range(20):
        payload = chance.bytes((schema.data - schema.zeros) // 8)
        word = np.array([int(bit) for bit in pack(payload, schema)])
        word[chance.choice(96, schema.t, replace=False)] ^= 1
        found = unpack("".join(map(str, word)))
        assert found is not None
        assert found[0][: len(payload)] == payload
        assert found[1:] == (schema, schema.t)


def test_an_unknown_or_refused_schema_is_no_mark():
    word = pack(PAYLOAD)
    for version in ("0011", "0100", "1010", "1111"):
        assert unpack(word[:-4] + version) is None


def test_random_bits_pass_as_rarely_as_stated():
    chance = np.random.default_rng(4)
    trials = 6_000
    words = chance.integers(0, 2, (trials, 100))
    passed = sum(unpack("".join(map(str, word))) is not None for word in words)
    assert passed <= trials * false_positive_bound() * 4


def test_more_bits_than_it_carries_are_refused():
    with pytest.raises(UsageError, match="64 bits"):
        pack(b"123456789", OURS)
