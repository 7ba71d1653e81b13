"""Files that disclose all that the profiles ask for, made step by step as `mark` makes them."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.command import KEY
from tests.conftest import Run
from trustkit.asset import open_asset
from trustkit.disclosure import Disclosure
from trustkit.media.metadata.write import write
from trustkit.profiles import load_profiles
from trustkit.profiles.plan import edit

ALL = "eu-code,ca-sb942,cn-gb45438,iptc-2025.1"
SAID = Disclosure(
    "trainedAlgorithmicMedia",
    system="Example Painter",
    system_version="3.1",
    provider="Example Lab",
    id="1f00c0ffee5eed07",
    created="2026-11-23T10:00:00Z",
)
OPTIONS = (
    *("--source-type", SAID.source_type, "--system", SAID.system),
    *("--system-version", SAID.system_version, "--provider", SAID.provider),
    *("--id", SAID.id, "--created", SAID.created),
)


def disclosed(
    quick: Run, source: Path, folder: Path, url: str, *, marks: bool = True, names: str = ALL
) -> Path:
    """Return a copy of `source` in `folder`: marked where it can be, told, and signed last."""
    folder.mkdir(parents=True, exist_ok=True)
    marked, told = folder / f"marked-{source.name}", folder / f"told-{source.name}"
    if marks:
        answer = quick("watermark", "embed", source, "-o", marked, "--payload", SAID.id, "-q")
        assert answer.code in {0, 40}, answer.stderr
    if not marked.is_file():
        shutil.copy(source, marked)  # no mark fits into this one
    tell(marked, told, SAID, names)
    out = folder / source.name
    quiet = () if marks else ("--no-soft-binding",)
    stamped = ("--tsa", url) if url else ()
    answer = quick("sign", told, "-o", out, "--key", KEY, *OPTIONS, *stamped, *quiet, "-q")
    assert answer.code == 0, answer.stderr
    return out


def tell(source: Path, target: Path, said: Disclosure, names: str = ALL) -> None:
    """Write into a copy the metadata that the profiles ask for."""
    asset = open_asset(source)
    wanted = edit(load_profiles([names]), said, asset.kind, asset.media_type)
    if wanted is None:
        shutil.copy(source, target)
    else:
        write(source, target, asset.media_type, wanted)
