"""`trustkit sign --tsa`: several authorities, and what is done and said when they fail."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

from tests.command import AI, KEY, KEYS, MEDIA, TSA_TRUST
from tests.conftest import Run, Verify
from tests.manifests import codes, finding
from tests.tsa import FAULTS, Fault, LocalTsa

PICTURE = MEDIA / "scene.jpg"
PLAIN = ("--key", KEY, *AI, "--no-soft-binding")
SLOW_FAULTS = {"hangs", "drips"}


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "out.jpg"


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# Refusals


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault != "drips"])
@pytest.mark.parametrize("more", [(), ("--require-timestamp",)])
def test_where_nobody_stamps_nothing_is_written_and_each_is_told(
    quick: Run, output: Path, fault: Fault, more: tuple[str, ...]
) -> None:
    with LocalTsa.failing(fault) as one, LocalTsa.failing("refuses") as two:
        named = ("--tsa", one.url, "--tsa", two.url, "--tsa-timeout", "0.5")
        answer = quick("sign", PICTURE, "-o", output, *PLAIN, *named, *more)
    assert answer.code == 40, answer.stderr
    assert left(output.parent) == []
    assert one.url in answer.stderr
    assert two.url in answer.stderr
    assert "the clock is being set" in answer.stderr
    assert "--defer-timestamp" in answer.stderr


@pytest.mark.parametrize(
    "options",
    [
        ("--require-timestamp",),
        ("--require-timestamp", "--defer-timestamp", "--tsa", "http://127.0.0.1:9/"),
        ("--tsa", "ftp://127.0.0.1/"),
        ("--tsa", "http://user:hidden@127.0.0.1/"),
        ("--tsa", "http://127.0.0.1/", "--tsa", "tsa.example"),
        ("--tsa", "http://127.0.0.1/", "--tsa-timeout", "0"),
        ("--tsa", "http://127.0.0.1/", "--tsa-timeout", "3600"),
    ],
)
def test_what_makes_no_sense_is_a_usage_error(
    quick: Run, output: Path, options: tuple[str, ...]
) -> None:
    answer = quick("sign", PICTURE, "-o", output, *PLAIN, *options)
    assert answer.code == 2, answer.stderr
    assert left(output.parent) == []
    assert "hidden" not in answer.stderr


def test_a_bad_address_in_a_template_is_a_bad_configuration(
    quick: Run, output: Path, tmp_path: Path
) -> None:
    template = tmp_path / "house.toml"
    template.write_text('template = 1\ntsa = ["http://127.0.0.1/", "tsa.example"]\n')
    answer = quick("sign", PICTURE, "-o", output, *PLAIN, "--template", template)
    assert answer.code == 33
    assert not output.exists()


# The next one


@pytest.mark.parametrize("fault", FAULTS)
def test_whatever_the_first_does_the_file_is_stamped_by_the_second(
    quick: Run, verify: Verify, output: Path, fault: Fault
) -> None:
    seconds = ("--tsa-timeout", "0.5") if fault in SLOW_FAULTS else ()
    with LocalTsa.failing(fault) as bad, LocalTsa() as good:
        named = ("--tsa", bad.url, "--tsa", good.url, *seconds)
        answer = quick("sign", PICTURE, "-o", output, *PLAIN, *named, "-f", "jsonl")
        assert answer.code == 0, answer.stderr
        row = answer.rows()[0]
        assert row["timestamp"]["authority"] == good.url
        assert bad.url in row["warnings"][0]
        assert good.count == 1
    seen = verify(output, "--tsa-trust", TSA_TRUST)["out.jpg"]
    assert codes(seen)["manifest.timestamp"] == "present"
    assert finding(seen, "manifest.timestamp")["facts"]["at"] == row["timestamp"]["at"]


def test_the_first_that_stamps_is_the_only_one_asked(quick: Run, output: Path) -> None:
    with LocalTsa() as one, LocalTsa() as two:
        answer = quick("sign", PICTURE, "-o", output, *PLAIN, "--tsa", one.url, "--tsa", two.url)
        assert (answer.code, answer.stderr) == (0, "")
        assert (one.count, two.count) == (1, 0)


def test_a_template_names_several_and_an_option_wins(
    quick: Run, output: Path, tmp_path: Path
) -> None:
    template = tmp_path / "house.toml"
    with LocalTsa.failing("down") as one, LocalTsa.fast() as two, LocalTsa.fast() as three:
        template.write_text(f'template = 1\ntsa = ["{one.url}", "{two.url}"]\n')
        options = (*PLAIN, "--template", template, "--require-timestamp", "-f", "jsonl")
        first = quick("sign", PICTURE, "-o", output, *options)
        again = quick("sign", PICTURE, "-o", output, *options, "--tsa", three.url)
        assert first.rows()[0]["timestamp"]["authority"] == two.url
        assert again.rows()[0]["timestamp"]["authority"] == three.url


def test_a_proxy_of_the_environment_does_not_come_between_us_and_ourselves(
    run: Run, output: Path
) -> None:
    env = dict.fromkeys(("http_proxy", "HTTP_PROXY", "all_proxy"), "http://127.0.0.1:9/")
    with LocalTsa.fast() as tsa:
        named = (*PLAIN, "--tsa", tsa.url)
        answer = run("sign", PICTURE, "-o", output, *named, env={**env, "no_proxy": "127.0.0.1"})
        assert answer.code == 0, answer.stderr
        output.unlink()
        answer = run("sign", PICTURE, "-o", output, *named, env=env)
        assert answer.code == 40
        assert "proxy" in answer.stderr


# A batch


def test_a_batch_loses_no_file_and_waits_for_the_first_only_once(
    quick: Run, verify: Verify, tmp_path: Path
) -> None:
    inputs = tmp_path / "in"
    inputs.mkdir()
    for number in range(20):
        shutil.copy(PICTURE, inputs / f"{number:02}.jpg")
    common = ("-r", *PLAIN, "-f", "jsonl", "--tsa-timeout", "2")
    with LocalTsa.failing("hangs") as bad, LocalTsa.fast() as good:
        begin = time.monotonic()
        alone = quick("sign", inputs, "-o", tmp_path / "a", *common, "--tsa", good.url)
        without = time.monotonic() - begin
        named = ("--tsa", bad.url, "--tsa", good.url)
        begin = time.monotonic()
        answer = quick("sign", inputs, "-o", tmp_path / "b", *common, *named)
        took = time.monotonic() - begin
        assert bad.count == 1
        assert good.connections == 2  # one for each call, kept for all its files
    assert alone.code == answer.code == 0, answer.stderr
    assert all(row["timestamp"]["authority"] == good.url for row in answer.rows())
    assert took < 2 + 2 * without + 2
    assert [bool(row["warnings"]) for row in answer.rows()] == [True] + [False] * 19
    rows = verify("-r", tmp_path / "b", "--tsa-trust", TSA_TRUST)
    assert len(rows) == 20
    assert {codes(row)["manifest.timestamp"] for row in rows.values()} == {"present"}


# Later


def test_deferred_it_is_signed_without_and_says_how_to_add_one(
    quick: Run, verify: Verify, output: Path
) -> None:
    with LocalTsa.failing("status_500") as tsa:
        options = (*PLAIN, "--tsa", tsa.url, "--defer-timestamp")
        answer = quick("sign", PICTURE, "-o", output, *options, "-f", "jsonl")
    assert answer.code == 0, answer.stderr
    row = answer.rows()[0]
    assert row["timestamp"] is None
    assert tsa.url in row["warnings"][0]
    assert "trustkit timestamp add" in answer.stderr
    seen = verify(output, "--tsa-trust", TSA_TRUST)["out.jpg"]
    assert seen["verdict"] == "declared_ai"
    assert codes(seen)["manifest.timestamp"] == "absent"


def test_deferring_changes_nothing_where_a_stamp_is_to_be_had(quick: Run, output: Path) -> None:
    with LocalTsa.fast() as tsa:
        options = (*PLAIN, "--tsa", tsa.url, "--defer-timestamp", "-f", "jsonl")
        answer = quick("sign", PICTURE, "-o", output, *options)
    assert answer.rows()[0]["timestamp"]["authority"] == tsa.url
    assert answer.rows()[0]["warnings"] == []


def test_without_an_authority_the_row_says_that_there_is_no_stamp(quick: Run, output: Path) -> None:
    row = quick("sign", PICTURE, "-o", output, *PLAIN, "-f", "jsonl").rows()[0]
    assert row["timestamp"] is None
    assert "no time stamp" in row["warnings"][0]


def test_a_sidecar_is_stamped_as_well(quick: Run, verify: Verify, tmp_path: Path) -> None:
    output = tmp_path / "out.bmp"
    with LocalTsa.failing("garbage") as bad, LocalTsa(KEYS / "tsa") as good:
        named = ("--tsa", bad.url, "--tsa", good.url)
        answer = quick("sign", MEDIA / "scene.bmp", "-o", output, *PLAIN, *named)
    assert answer.code == 0, answer.stderr
    seen = verify(output, "--tsa-trust", TSA_TRUST)["out.bmp"]
    assert codes(seen)["manifest.timestamp"] == "present"
