"""Marks as evidence: a lead, a declaration, never proof; and nothing unsaid."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.command import BROKEN, KEY, KEYS, MEDIA
from tests.marks import clip, texture
from tests.unit.watermarks.foreign.golden import marked as with_word
from trustkit.asset import open_asset
from trustkit.axes import axes
from trustkit.c2pa.lists import from_file
from trustkit.c2pa.manifest import build
from trustkit.c2pa.softbinding import ACTION, LABEL, SoftBinding, nearest
from trustkit.c2pa.trust import Purpose
from trustkit.c2pa.write import Placement, seal
from trustkit.disclosure import Disclosure
from trustkit.errors import ConfigError, UnreadableError
from trustkit.evidence.manifest import ManifestCollector
from trustkit.evidence.watermark import WatermarkCollector
from trustkit.finding import Finding, Status, Weight
from trustkit.policies import load_policy, shipped
from trustkit.policy import Decision, Word
from trustkit.publish import Order, sign
from trustkit.reports import sentence
from trustkit.toolbox import open_signer
from trustkit.verify import Report, verify
from trustkit.watermarks import Strength, files, sight
from trustkit.watermarks.film import mark_film
from trustkit.watermarks.keys import PUBLIC, new_key, to_text
from trustkit.watermarks.sight import Limits, Sight, Unread
from trustkit.watermarks.tiles import Tiles

PAYLOAD = bytes.fromhex("1f00c0ffee5eed07")
OTHER = bytes.fromhex("1f00c0ffee5eed06")  # one bit of it
CAPTURE = Disclosure("digitalCapture")
PRESS, STRANGER = KEY, f"file:{KEYS / 'untrusted'}"
ENGINE = Tiles()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("marks")


@pytest.fixture(scope="module")
def plain(folder: Path) -> Path:
    return saved(texture(480, 360, seed=5), folder / "plain.png")


@pytest.fixture(scope="module")
def marked(folder: Path) -> Path:
    return saved(ENGINE.embed(texture(480, 360), PAYLOAD), folder / "marked.png")


@pytest.fixture(scope="module")
def copied(folder: Path) -> Path:
    """What was added to one picture is added to another."""
    one, other = texture(480, 360), texture(480, 360, seed=5)
    residual = ENGINE.embed(one, PAYLOAD).astype(int) - one
    return saved(np.clip(other + residual, 0, 255).astype(np.uint8), folder / "copied.png")


@pytest.fixture(scope="module")
def sdxl(folder: Path) -> Path:
    return saved(with_word("SDXL"), folder / "sdxl.png")


def saved(array: Any, path: Path) -> Path:
    Image.fromarray(array).save(path)
    return path


def seen(path: Path, *keys: Path) -> dict[str, Finding]:
    found = list(WatermarkCollector([str(key) for key in keys]).collect(open_asset(path)))
    return {finding.code.removeprefix("watermark."): finding for finding in found}


def judged(path: Path, policy: str = "newsdesk") -> Report:
    lists = from_file(KEYS / "trust/test-signers.pem", Purpose.SIGNERS)
    collectors = (ManifestCollector(lists), WatermarkCollector())
    return verify(open_asset(path), collectors, load_policy(policy))


def word(report: Report) -> Word:
    assert report.verdict is not None
    return report.verdict.word


def signed(path: Path, output: Path, key: str = PRESS, order: Order | None = None) -> Path:
    sign(open_asset(path), output, order or Order(CAPTURE), open_signer(key, str))
    return output


def naming(path: Path, output: Path, payload: bytes) -> Path:
    """Sign a file with a manifest that names this mark, whatever is in the file."""
    mark = SoftBinding(ENGINE.name, payload.hex())
    definition = build(CAPTURE, "0", "x", media_type="image/png", marks=(mark,))
    seal(open_asset(path), output, definition, open_signer(PRESS, str), (), Placement())
    return output


# A copied mark must not pass as proof


def test_a_copied_mark_is_a_lead_and_changes_neither_word_nor_axis(copied: Path) -> None:
    report = judged(copied)

    found = seen(copied)["present"]
    assert found.facts["payload"] == PAYLOAD.hex()
    assert found.weight is Weight.STRONG
    assert word(report) is Word.NO_PROVENANCE
    assert report.axes == axes(())
    assert "no proof" in sentence(report)


def test_a_copied_mark_under_a_strangers_signature_stays_untrusted(
    copied: Path, tmp_path: Path
) -> None:
    path = signed(copied, tmp_path / "stolen.png", STRANGER)

    report = judged(path)

    assert seen(path)["bound"].status is Status.PRESENT
    assert seen(path)["bound"].weight is not Weight.PROOF
    assert word(report) is Word.VALID_UNTRUSTED
    assert report.axes.signer == "untrusted"


def test_no_finding_of_this_collector_is_ever_proof(marked: Path, plain: Path, sdxl: Path) -> None:
    for path in (marked, plain, sdxl, MEDIA / "sound.wav"):
        assert all(finding.weight is Weight.STRONG for finding in seen(path).values())


@pytest.mark.parametrize("policy", shipped())
def test_another_mark_than_the_manifest_names_goes_to_a_person(
    marked: Path, tmp_path: Path, policy: str
) -> None:
    path = naming(marked, tmp_path / "other.png", OTHER)

    report = judged(path, policy)

    assert word(report) is Word.TRUSTED  # hash and signature hold; nothing false is said of them
    assert report.verdict is not None
    assert report.verdict.decision is Decision.REVIEW
    assert "watermark.mismatch" in {f.code for f in report.verdict.because}
    assert f"names the mark {OTHER.hex()}, but {PAYLOAD.hex()} was read" in sentence(report)
    assert "bound" not in seen(path)


def test_the_manifest_of_another_file_is_tampered_and_mismatched(
    marked: Path, tmp_path: Path
) -> None:
    beside = Order(CAPTURE, Placement(sidecar=True))
    one = signed(marked, tmp_path / "one.png", order=beside)
    other = saved(ENGINE.embed(texture(480, 360, seed=9), OTHER), tmp_path / "other.png")
    shutil.copy(f"{one}.c2pa", f"{other}.c2pa")

    report = judged(other)

    assert word(report) is Word.TAMPERED
    mismatch = seen(other)["mismatch"]
    assert mismatch.facts["named"] == [PAYLOAD.hex()]
    assert mismatch.facts["payload"] == OTHER.hex()
    assert mismatch.facts["manifest_problem"]


def test_a_named_mark_in_changed_content_is_bound_to_nothing(marked: Path, tmp_path: Path) -> None:
    beside = Order(CAPTURE, Placement(sidecar=True))
    path = signed(marked, tmp_path / "a.png", order=beside)
    with Image.open(marked) as image:
        image.convert("RGB").save(path, compress_level=1)

    assert seen(path)["bound"].status is Status.INVALID
    assert word(judged(path)) is Word.TAMPERED


# What is not there, or was not looked at, is said


def test_no_mark_readable_is_said_and_not_called_unmarked(plain: Path) -> None:
    found = seen(plain)["present"]

    assert found.status is Status.ABSENT
    assert "no mark readable" in found.summary
    assert "does not mean" in found.summary
    assert word(judged(plain)) is Word.NO_PROVENANCE
    assert "mark" not in sentence(judged(plain))


@pytest.mark.parametrize("name", ["page.pdf", "drawing.svg"])
def test_what_no_engine_reads_is_skipped_with_the_reason(name: str) -> None:
    found = seen(MEDIA / name)["present"]

    assert found.status is Status.SKIPPED
    assert "no engine reads marks in" in found.reason


@pytest.mark.parametrize("name", ["sound.wav", "sound.mp3"])
def test_too_little_sound_is_skipped_and_not_called_unmarked(name: str) -> None:
    found = seen(MEDIA / name)["present"]

    assert found.status is Status.SKIPPED
    assert "less than 3 seconds of sound" in found.reason


@pytest.mark.parametrize("name", ["truncated.jpg", "truncated.mp4", "bomb.png"])
def test_what_cannot_be_decoded_is_skipped_and_never_a_failure(name: str) -> None:
    for found in seen(BROKEN / name).values():
        assert found.status is Status.SKIPPED
        assert found.reason


def test_a_picture_beyond_the_limit_is_not_decoded(plain: Path) -> None:
    (found,) = Sight(files.open_keys(()), Limits(picture_pixels=480 * 360 - 1)).marks(
        open_asset(plain)
    )

    assert isinstance(found, Unread)
    assert "watermark detect" in found.reason


def test_a_film_beyond_its_limits_is_given_up(tmp_path: Path) -> None:
    film = open_asset(clip(tmp_path / "clip.mp4", seconds=1))
    for limits in (Limits(frame_pixels=320 * 240 - 1), Limits(seconds=0)):
        (found,) = Sight(files.open_keys(()), limits).marks(film)
        assert isinstance(found, Unread)
        assert "watermark detect" in found.reason


def test_without_enough_memory_the_check_is_skipped(
    plain: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exhausted(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(sight, "read_file", exhausted)
    assert "limits.max_memory" in seen(plain)["present"].reason


def test_a_film_that_changes_meanwhile_is_refused(tmp_path: Path) -> None:
    asset = open_asset(clip(tmp_path / "clip.mp4", seconds=1))
    os.utime(asset.path, (1, 1))

    with pytest.raises(UnreadableError, match="changed"):
        list(WatermarkCollector().collect(asset))


# Keys


def test_a_wrong_key_finds_nothing_and_the_right_one_is_named(tmp_path: Path) -> None:
    ours, theirs = new_key(), new_key()
    path = saved(Tiles(ours).embed(texture(480, 360), PAYLOAD), tmp_path / "tenant.png")
    for name, key in (("ours.key", ours), ("theirs.key", theirs)):
        (tmp_path / name).write_text(to_text(key))

    assert seen(path)["present"].status is Status.ABSENT
    assert seen(path, tmp_path / "theirs.key")["present"].status is Status.ABSENT
    found = seen(path, tmp_path / "ours.key")["present"]
    assert found.facts["key"] == str(tmp_path / "ours.key")
    assert found.facts["false_positive_bound"] == pytest.approx(2 * _bound(), rel=0.01)


def _bound() -> float:
    mark = ENGINE.detect(ENGINE.embed(texture(480, 360), PAYLOAD))
    assert mark is not None
    return mark.false_positive_bound


def test_a_key_file_that_is_none_is_refused_before_any_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "no.key").write_text("no key")
    for name in ("no.key", "nowhere.key"):
        with pytest.raises(ConfigError):
            WatermarkCollector([str(tmp_path / name)])


# Generators


def test_a_generators_word_is_its_own_declaration_with_its_odds(sdxl: Path) -> None:
    report = judged(sdxl)
    found = seen(sdxl)["generator"]

    assert word(report) is Word.DECLARED_AI
    assert report.axes.origin == "declared_ai"
    assert report.axes.integrity == report.axes.signer == "none"
    assert report.axes.synthetic == "not_checked"
    assert found.facts["generator"] == "Stable Diffusion XL"
    assert found.facts["bits"] == 48
    assert 0 < float(str(found.facts["odds"])) < 1e-6
    assert str(found.facts["published_at"]).startswith("https://")
    assert "Stable Diffusion XL" in sentence(report)
    assert "anyone can write" in sentence(report)


def test_a_generators_word_does_not_hide_that_content_was_changed(
    sdxl: Path, tmp_path: Path
) -> None:
    path = signed(sdxl, tmp_path / "signed.png")
    data = bytearray(path.read_bytes())
    data[-20] ^= 1
    path.write_bytes(data)

    assert word(judged(path)) is Word.TAMPERED


def test_our_mark_alone_declares_nothing(marked: Path) -> None:
    assert judged(marked).axes.origin == "none"
    assert seen(marked)["generator"].status in {Status.ABSENT, Status.SKIPPED}


def test_a_grey_or_large_picture_is_not_asked_for_a_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grey = saved(texture(300, 300)[..., 0], tmp_path / "grey.png")
    assert seen(grey)["generator"].status is Status.SKIPPED
    large = saved(texture(300, 300), tmp_path / "large.png")
    monkeypatch.setattr(sight, "MAX_WORD_PIXELS", 300 * 300 - 1)
    assert seen(large)["generator"].status is Status.SKIPPED


# The manifest names the mark


def test_what_sign_names_is_found_bound(marked: Path, tmp_path: Path) -> None:
    path = signed(marked, tmp_path / "signed.png")
    report = judged(path)

    assert word(report) is Word.TRUSTED
    assert seen(path)["bound"].facts["depth"] == 0
    assert report.verdict is not None
    assert report.verdict.decision is Decision.ACCEPT


def test_a_parents_soft_binding_stays_in_the_parent_and_its_action_is_not_told_again(
    marked: Path, tmp_path: Path
) -> None:
    first = signed(marked, tmp_path / "first.png")
    again = signed(first, tmp_path / "again.png", order=Order(Disclosure("humanEdits")))
    silent = signed(first, tmp_path / "silent.png", order=Order(CAPTURE, marks=()))

    assert parts(first) == ([PAYLOAD.hex()], True)
    assert parts(again) == ([PAYLOAD.hex()], False)
    assert parts(silent) == ([], False)
    assert seen(again)["bound"].facts["depth"] == 0
    assert seen(silent)["bound"].facts["depth"] == 1


def parts(path: Path) -> tuple[list[str], bool]:
    """Return the marks that the newest manifest names, and whether it says that one was put in."""
    from trustkit.c2pa.read import Found, read
    from trustkit.c2pa.settings import plain_context

    reading = read(open_asset(path), plain_context())
    assert isinstance(reading, Found)
    data = {a["label"]: a["data"] for a in reading.active["assertions"]}
    values = [block["value"] for block in data.get(LABEL, {}).get("blocks", [])]
    return values, ACTION in {a["action"] for a in data["c2pa.actions.v2"]["actions"]}


@pytest.mark.parametrize("value", ["1f00c0ffee5eed07", "HwDA/+5e7Qc=", list(PAYLOAD)])
def test_other_writers_forms_of_a_value_are_read(value: object) -> None:
    assert nearest(_report(value), ENGINE.name) == ((PAYLOAD.hex(),), 0)


@pytest.mark.parametrize("value", [None, "", "2*10110", {}, [999], ["a"], 1.5, "ab" * 999, True])
def test_what_is_no_value_names_nothing(value: object) -> None:
    assert nearest(_report(value), ENGINE.name) is None


@pytest.mark.parametrize("data", [None, [], "x", {"alg": ENGINE.name}, {"blocks": [None, 3]}])
def test_a_malformed_soft_binding_names_nothing(data: object) -> None:
    report = {"active_manifest": "a", "manifests": {"a": {"assertions": [_entry(data)]}}}
    assert nearest(report, ENGINE.name) is None


def test_a_mark_of_another_algorithm_is_not_compared() -> None:
    assert nearest(_report("1f00c0ffee5eed07", "com.example.mark.1"), ENGINE.name) is None


def _report(value: object, algorithm: str = ENGINE.name) -> dict[str, Any]:
    data = {"alg": algorithm, "blocks": [{"scope": {}, "value": value}]}
    return {"active_manifest": "a", "manifests": {"a": {"assertions": [_entry(data)]}}}


def _entry(data: object) -> dict[str, object]:
    return {"label": f"{LABEL}__1", "data": data}


# Films, and the house's rules


def test_a_films_mark_is_read_with_its_span_and_named_by_sign(tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    mark_film(clip(tmp_path / "clip.mp4"), film, Tiles(PUBLIC, Strength.STRONG), PAYLOAD)
    path = signed(film, tmp_path / "signed.mp4")
    found = seen(path)

    assert found["present"].facts["payload"] == PAYLOAD.hex()
    assert found["present"].facts["span"]
    assert found["bound"].status is Status.PRESENT
    assert "generator" not in found


def test_nothing_heavy_is_loaded_before_a_picture_comes() -> None:
    ask = (
        "import sys; from trustkit.asset import open_asset; from pathlib import Path\n"
        "from trustkit.evidence.watermark import WatermarkCollector\n"
        f"list(WatermarkCollector().collect(open_asset(Path({str(MEDIA / 'page.pdf')!r}))))\n"
        "print({'cv2', 'numpy', 'PIL', 'av'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_verifying_twice_gives_the_same(marked: Path) -> None:
    collector = WatermarkCollector()
    first = list(collector.collect(open_asset(marked)))
    assert list(collector.collect(open_asset(marked))) == first
