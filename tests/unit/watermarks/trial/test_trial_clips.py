"""The trial of clips, with hooks that copy bytes: every outcome comes through."""

from __future__ import annotations

import shutil
from pathlib import Path

from trustkit.errors import UnreadableError
from trustkit.watermarks import Mark, Search
from trustkit.watermarks.trial import page, report
from trustkit.watermarks.trial.clips import ClipAttack, ClipSetup, Measures, run_clips
from trustkit.watermarks.trial.count import tally
from trustkit.watermarks.trial.distortions import Rng
from trustkit.watermarks.trial.result import Outcome


class Tail:
    """Writes the payload behind the clip's last byte."""

    name = "fake.tail.1"
    capacity = 64

    def embed(self, source: Path, target: Path, payload: bytes) -> Measures:
        data = source.read_bytes()
        if not data:
            raise UnreadableError("the clip has no frames")
        target.write_bytes(data + b"MARK" + payload)
        return Measures(640, 360, 50, 43.5, 0.98)

    def detect(self, path: Path, search: Search) -> tuple[Mark | None, Measures]:
        data = path.read_bytes()
        if data == b"broken":
            raise UnreadableError("the clip is cut off")
        found = data[-12:-8] == b"MARK"
        mark = Mark(data[-8:], self.name, 8.0, 1e-9, search, "tail") if found else None
        return mark, Measures(640, 360, 50)


def copied(source: Path, target: Path, _: Rng) -> None:
    shutil.copyfile(source, target)


def cut(source: Path, target: Path, _: Rng) -> None:
    target.write_bytes(source.read_bytes()[:-3])


def scrambled(source: Path, target: Path, rng: Rng) -> None:
    target.write_bytes(source.read_bytes()[:-8] + rng.bytes(8))


def broken(_source: Path, target: Path, _: Rng) -> None:
    target.write_bytes(b"broken")


def impossible(_source: Path, _target: Path, _: Rng) -> None:
    raise UnreadableError("no encoder for it")


ATTACKS = (
    ClipAttack("copy", "clips", "copied", copied),
    ClipAttack("cut", "clips", "cut off", cut),
    ClipAttack("scrambled", "clips", "another mark", scrambled, suffix=".mkv"),
    ClipAttack("broken", "clips", "destroyed", broken),
    ClipAttack("impossible", "clips", "no encoder", impossible),
    ClipAttack("absent", "clips", "no part", copied, why_not="no AV1 here"),
)


def test_every_outcome_of_a_clip_is_told(tmp_path: Path) -> None:
    clips = [tmp_path / name for name in ("a.mp4", "b.mp4", "empty.mp4", "gone.mp4")]
    for clip in clips[:2]:
        clip.write_bytes(clip.name.encode() * 20)
    clips[2].touch()

    result = run_clips(clips, ClipSetup(Tail(), ATTACKS), unmarked=[clips[0], clips[3]])

    assert [cell.outcome for cell in result.marked[0].cells] == [
        Outcome.RECOVERED,
        Outcome.UNREADABLE,
        Outcome.WRONG,
        Outcome.UNREADABLE,
        Outcome.NOT_RUN,
        Outcome.NOT_RUN,
    ]
    assert [cell.reason for cell in result.marked[0].cells[3:]] == [
        "the clip is cut off",
        "no encoder for it",
        "no AV1 here",
    ]
    assert [failed.name for failed in result.failed] == ["empty.mp4", "gone.mp4"]
    assert [failed.name for failed in result.unmarked_failed] == ["gone.mp4"]
    assert result.marked[0].cells[0].pixels == 640 * 360 * 50
    assert result.marked[0].payload != result.marked[1].payload
    assert clips[0].read_bytes() == b"a.mp4" * 20
    counted = tally(result)
    assert counted.psnr == (43.5, 43.5)
    assert counted.chance.found == 0
    assert "copy" in report.to_table(result)
    assert "mean of" not in report.to_table(result)
    assert "no AV1 here" in page.to_html(result)
