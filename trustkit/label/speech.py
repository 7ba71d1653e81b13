"""A voice for the notice: espeak-ng, an offline engine, where it is installed."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from trustkit.errors import MissingBackendError, PublishError
from trustkit.label import Label
from trustkit.label.words import sentence, voice

ENGINE = "espeak-ng"
_PATIENCE = 60.0  # seconds; a sentence takes a tenth of one
_PACE = "150"  # words a minute: below its usual 175, to be understood at once


@contextmanager
def spoken(wish: Label) -> Iterator[tuple[Path, ...]]:
    """Give recordings of the label's sentence, one a language; they are removed afterwards.

    Raises `MissingBackendError` where no engine is installed, `PublishError` where it fails.
    """
    program = shutil.which(ENGINE)
    if program is None:
        raise MissingBackendError(
            "a sound is labelled by a spoken notice, and there is neither a recording of one nor "
            f"{ENGINE} to speak it",
            f"record it and add --notice FILE, or install {ENGINE} (apt install {ENGINE})",
        )
    with TemporaryDirectory(prefix="trustkit-") as folder:
        made = []
        for code in wish.languages or ("en",):
            path = Path(folder, f"{code}.wav")
            _speak(program, voice(code), sentence(wish.text, code), path)
            made.append(path)
        yield tuple(made)


def _speak(program: str, called: str, text: str, path: Path) -> None:
    try:
        done = subprocess.run(  # noqa: S603  # no shell; the text is our own data
            [program, "-v", called, "-s", _PACE, "-w", str(path), "--stdin"],
            input=text.encode("utf-8"),
            capture_output=True,
            timeout=_PATIENCE,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PublishError(
            f"{ENGINE} did not speak: {type(error).__name__}", "record it and add --notice FILE"
        ) from error
    if done.returncode or not path.is_file():
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise PublishError(
            f"{ENGINE} did not speak: {said[0] if said else f'exit {done.returncode}'}",
            "record it and add --notice FILE",
        )
