"""The AIGC block of GB 45438-2025: a JSON object of seven texts, read and checked.

Its form is that which three independent public implementations write; the standard's own text
was not at hand. So what a check says is "not as the others write it", with the field named.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

KEYS = (
    "Label",
    "ContentProducer",
    "ProduceID",
    "ReservedCode1",
    "ContentPropagator",
    "PropagateID",
    "ReservedCode2",
)
LABELS = {"1": "is AI generated", "2": "is possibly AI generated", "3": "is suspected AI"}
MAX_TEXT = 2**16  # characters of a block; those seen have some 300
_PAIRS = (("ContentProducer", "ProduceID"), ("ContentPropagator", "PropagateID"))
_SHOWN = 40  # characters of a wrong value that are repeated


@dataclass(frozen=True, slots=True)
class Aigc:
    """A block as it stands: its text, its entries where it is an object, and what is wrong."""

    raw: str
    block: Mapping[str, object] | None
    problems: tuple[str, ...]

    @property
    def is_valid(self) -> bool:
        """Whether nothing is wrong with its form; who wrote it, and whether rightly, is open."""
        return not self.problems


def parse(raw: str) -> Aigc:
    """Return the block in `raw`; never raises, what is wrong is among its problems."""
    if len(raw) > MAX_TEXT:
        return Aigc(raw[:MAX_TEXT], None, (f"has more than {MAX_TEXT:,} characters",))
    try:
        block = json.loads(raw, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        return Aigc(raw, None, (f"is not JSON: {error}",))
    if not isinstance(block, dict):
        return Aigc(raw, None, ("is no JSON object",))
    return Aigc(raw, block, tuple(_problems(block)))


def text(block: Mapping[str, object]) -> str:
    """Return a block as it is written: its keys in the usual order, without spaces."""
    ordered = {key: block[key] for key in KEYS if key in block} | dict(block)
    return json.dumps(ordered, ensure_ascii=False, separators=(",", ":"))


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands in it twice")
    return found


def _problems(block: Mapping[str, object]) -> Iterator[str]:
    for key in block:
        if key not in KEYS:
            near = get_close_matches(key, KEYS, 1, 0.6)
            yield f"{key[:_SHOWN]} is no key of it" + (f" ({near[0]}?)" if near else "")
    for key in KEYS:
        if key not in block:
            yield f"{key} is missing"
        elif not isinstance(block[key], str):
            yield f"{key} is no text"
    label = block.get("Label")
    if isinstance(label, str) and label not in LABELS:
        yield f"Label is {label[:_SHOWN]!r}, not 1, 2 or 3"
    if label == "1":
        for key in ("ContentProducer", "ProduceID"):
            if block.get(key) == "":
                yield f"{key} is empty, while Label 1 says who made it"
    elif label in LABELS and not any(_whole(block, *pair) for pair in _PAIRS):
        yield "it names neither a producer nor a propagator with an id"


def _whole(block: Mapping[str, object], *keys: str) -> bool:
    return all(block.get(key) for key in keys)
