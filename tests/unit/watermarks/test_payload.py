"""The payload: 64 bits, of which ours say their version."""

from __future__ import annotations

import pytest

from trustkit.errors import UsageError
from trustkit.watermarks.payload import new_payload, parse, to_text

TEXT = "1f00c0ffee5eed07"
BAD = ["", TEXT[:-1], TEXT + "0", TEXT[:-1] + "g", f"0x{TEXT[2:]}", f" {TEXT}", f"{TEXT}\n"]
BAD += [TEXT[:8] + " " + TEXT[9:], "\N{FULLWIDTH DIGIT ONE}" + TEXT[1:], "f" * 100_000]


@pytest.mark.parametrize("text", BAD)
def test_what_is_not_sixteen_hex_digits_is_refused_in_one_short_sentence(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse(text)
    assert "--new-id" in refused.value.hint
    assert len(refused.value.message) < 100
    assert "\n" not in refused.value.message


@pytest.mark.parametrize("version", [-1, 16])
def test_a_version_that_does_not_fit_is_refused(version: int) -> None:
    with pytest.raises(UsageError) as refused:
        new_payload(version)
    assert refused.value.hint == "a version is 0 to 15"


@pytest.mark.parametrize("text", [TEXT, TEXT.upper(), "0" * 16, "f" * 16])
def test_any_64_bits_come_back_as_lower_case(text: str) -> None:
    assert len(parse(text)) == 8
    assert to_text(parse(text)) == text.lower()


@pytest.mark.parametrize("version", [0, 1, 15])
def test_a_new_payload_begins_with_its_version(version: int) -> None:
    assert {payload >> 60 for payload in numbers(version)} == {version}


def test_sixty_bits_of_a_new_payload_are_random() -> None:
    made = numbers(1)
    assert len(set(made)) == len(made)
    for bit in range(60):
        # 500 throws of a coin: outside of this once in 10**9 runs.
        assert 180 < sum(number >> bit & 1 for number in made) < 320


def numbers(version: int) -> list[int]:
    return [int.from_bytes(new_payload(version), "big") for _ in range(500)]
