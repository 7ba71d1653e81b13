"""The same trial for sounds: marked at their own rate, attacked, read at whatever comes out."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from trustkit.errors import TrustkitError
from trustkit.watermarks import Search
from trustkit.watermarks.trial import hearing
from trustkit.watermarks.trial.attacks import generator
from trustkit.watermarks.trial.kind import Kind, Measure
from trustkit.watermarks.trial.result import (
    About,
    Cell,
    Failed,
    Marked,
    Outcome,
    Result,
    Stretch,
    Unmarked,
)
from trustkit.watermarks.trial.running import (
    Item,
    Progress,
    Work,
    digest,
    looked,
    random_payload,
    read_back,
    run_all,
)
from trustkit.watermarks.trial.sound_attacks import (
    EVERYDAY,
    EVERYDAY_COUNT,
    HARDER,
    SOUND_ATTACKS,
    SoundAttack,
)
from trustkit.watermarks.trial.sound_codecs import RATE, Sound, read_sound

WINDOW = 20.0  # seconds


def _times(cost: float) -> str:
    return f"{1 / cost:.0f}" if cost else "-"


def _timing(embed: float, clean: float | None) -> str:
    reading = "" if clean is None else f", reading a clean copy at {_times(clean)}"
    return f"Embedding runs at {_times(embed)} times real time on one core{reading}."


SOUNDS = Kind(
    one="sound",
    many="sounds",
    main=EVERYDAY,
    main_count=EVERYDAY_COUNT,
    groups={EVERYDAY: "Everyday attacks", HARDER: "Harder attacks"},
    measures=(
        Measure("snr", "SNR", "dB", 2),
        Measure("segmental_snr", "Segmental SNR", "dB", 2),
        Measure("spectral_distance", "Log-spectral distance", "dB", 3, more_is_better=False),
        Measure("pesq", "PESQ-WB", "", 3),
    ),
    amount="seconds",
    per="s",
    units=1.0,
    cost_head="x real time",
    cost=_times,
    timing=_timing,
    about_costs="Times real time: seconds of the attacked copy that are read in one of a core.",
)


@dataclass(frozen=True)
class SoundSetup:
    """How a trial of sounds is run; `told` is what reports say of the engine beside its name.

    The engine is a `Watermark` of kind audio, a dataclass with a `rate` in Hz: `replace` gives one
    for another. Of each file the middle `seconds` are taken, or all that there is.
    """

    engine: Any
    attacks: tuple[SoundAttack, ...] = SOUND_ATTACKS
    search: Search = Search.NORMAL
    seed: int = 1
    seconds: float = WINDOW
    told: Mapping[str, str] = field(default_factory=dict)


def run_sounds(
    sounds: Sequence[Path],
    setup: SoundSetup,
    *,
    unmarked: Sequence[Path] = (),
    jobs: int = 1,
    progress: Progress | None = None,
) -> Result:
    """Try the engine on `sounds`, each with a payload of its own, and on `unmarked` ones.

    A file that cannot be read or marked is listed in the result with its error. The same seed
    and names give the same cells, whatever `jobs` is.
    """
    return run_all(
        Work(
            SOUNDS,
            partial(_attacked, setup=setup),
            partial(_given_up, setup=setup),
            partial(_warm, setup.engine),
        ),
        sounds,
        unmarked,
        engine={"name": setup.engine.name, **setup.told, "search": setup.search.value},
        seed=setup.seed,
        attacks=[About(a.name, a.group, a.sentence, a.missing()) for a in setup.attacks],
        jobs=jobs,
        progress=progress,
    )


def window(samples: Sound, rate: int, seconds: float) -> Sound:
    """Return the middle `seconds` of a sound, or all of a shorter one."""
    wanted = min(samples.shape[1], round(seconds * rate))
    start = (samples.shape[1] - wanted) // 2
    return samples[:, start : start + wanted]


def _warm(engine: Any) -> None:
    # What an engine makes once and keeps is no cost of the first sound.
    hum = np.sin(np.arange(2 * RATE, dtype=np.float32) * np.float32(0.05))[None, :] * np.float32(
        0.3
    )
    with suppress(TrustkitError):
        engine = _at(engine, RATE)
        engine.embed(hum, bytes(engine.capacity // 8))
        engine.detect(hum, Search.FAST)


def _at(engine: Any, rate: int) -> Any:
    return engine if engine.rate == rate else replace(engine, rate=rate)


def _attacked(item: Item, setup: SoundSetup) -> Marked | Failed:
    name = item[0]
    payload = random_payload(setup.engine, generator(setup.seed, name, ""))
    try:
        sound, rate, sha256 = _read(item, setup)
        start = time.process_time()
        marked = _at(setup.engine, rate).embed(sound, payload)
        took = time.process_time() - start
        cells = tuple(_cell(name, marked, rate, payload, a, setup) for a in setup.attacks)
    except TrustkitError as error:
        return Failed(name, error)
    quality = {
        "snr": hearing.snr(sound, marked),
        "segmental_snr": hearing.segmental_snr(sound, marked, rate),
        "spectral_distance": hearing.spectral_distance(sound, marked),
        "pesq": hearing.pesq(sound, marked, rate),
    }
    return Marked(name, sha256, _extent(sound, rate), payload, quality, took, cells)


def _read(item: Item, setup: SoundSetup) -> tuple[Sound, int, str]:
    name, path = item
    sha256 = digest(path, name)
    whole, rate = read_sound(path, None)
    return window(whole, rate, setup.seconds), rate, sha256


def _cell(
    name: str, marked: Sound, rate: int, payload: bytes, attack: SoundAttack, setup: SoundSetup
) -> Cell:
    if why := attack.missing():
        return Cell(attack.name, Outcome.NOT_RUN, reason=why)
    try:
        copy, new_rate = attack.apply(marked, rate, generator(setup.seed, name, attack.name))
    except ValueError as error:  # such as: mono, of one channel
        return Cell(attack.name, Outcome.NOT_RUN, reason=str(error)[:200])
    return read_back(
        attack.name,
        lambda: _at(setup.engine, new_rate).detect(copy, setup.search),
        copy.shape[1] / new_rate,
        payload,
    )


def _given_up(item: Item, setup: SoundSetup) -> Unmarked | Failed:
    name = item[0]
    try:
        sound, rate, sha256 = _read(item, setup)
        start = time.process_time()
        mark, confidence = looked(_at(setup.engine, rate), sound, setup.search)
        took = time.process_time() - start
    except TrustkitError as error:
        return Failed(name, error)
    found = mark.payload if mark else None
    return Unmarked(name, sha256, _extent(sound, rate), took, found, confidence)


def _extent(sound: Sound, rate: int) -> Stretch:
    return Stretch(sound.shape[1] / rate, rate, sound.shape[0])
