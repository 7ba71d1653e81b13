"""What every collector keeps to: it reports, it says what it did not see, it never judges."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.command import KEY, MEDIA
from trustkit import plugins
from trustkit.asset import open_asset
from trustkit.disclosure import Disclosure
from trustkit.evidence import Collector
from trustkit.finding import Finding, Status
from trustkit.policy import CODES
from trustkit.publish import Order, sign
from trustkit.toolbox import open_signer

collectors = pytest.mark.parametrize("name", plugins.names("evidence"))


def collector(name: str) -> Collector:
    made: Collector = plugins.load("evidence", name)()
    return made


def seen(name: str, path: Path) -> list[Finding]:
    return list(collector(name).collect(open_asset(path)))


@collectors
def test_a_file_with_nothing_in_it_is_never_met_with_silence(name: str) -> None:
    for media in ("scene.jpg", "clip.mkv", "sound.wav", "page.pdf"):
        found = seen(name, MEDIA / media)
        assert found
        nothing = {Status.ABSENT, Status.SKIPPED}
        # A detector may also say that it is in doubt, or knows no such picture.
        assert all(f.status in nothing or f.code == "detector.inconclusive" for f in found)


@collectors
def test_what_was_not_checked_says_why(name: str) -> None:
    skipped = [f for f in seen(name, MEDIA / "clip.mkv") if f.status is Status.SKIPPED]

    assert all(f.reason for f in skipped)


@collectors
def test_codes_begin_with_the_collectors_name_and_are_known(name: str, tmp_path: Path) -> None:
    signed = tmp_path / "signed.jpg"
    order = Order(Disclosure("digitalCapture"))
    sign(open_asset(MEDIA / "scene.jpg"), signed, order, open_signer(KEY, str))
    own = collector(name).name

    for finding in [*seen(name, signed), *seen(name, MEDIA / "scene.jpg")]:
        assert finding.code.startswith((f"{own}.", "identity."))
        assert finding.code in CODES
        assert finding.source.startswith(own)
        assert finding.summary


@collectors
def test_nothing_is_remembered_from_file_to_file(name: str, tmp_path: Path) -> None:
    signed = tmp_path / "signed.jpg"
    order = Order(Disclosure("digitalCapture"))
    sign(open_asset(MEDIA / "scene.jpg"), signed, order, open_signer(KEY, str))
    made = collector(name)
    first = list(made.collect(open_asset(signed)))

    list(made.collect(open_asset(MEDIA / "scene.png")))

    assert list(made.collect(open_asset(signed))) == first == seen(name, signed)
