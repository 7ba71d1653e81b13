"""Five questions over the same findings, never mixed.

Is it whole, who signed it, what does it declare, is it synthetic, and who stands by it?
"""

from __future__ import annotations

from dataclasses import dataclass

from trustkit.policy import ALTERED, UNREAD, Findings, Pattern, Seen


@dataclass(frozen=True, slots=True)
class Axes:
    """One word an axis; the contract lists them."""

    integrity: str
    signer: str
    origin: str
    synthetic: str
    identity: str = "none"


_Table = tuple[tuple[str, tuple[Pattern, ...]], ...]


def _row(word: str, *codes: str) -> tuple[str, tuple[Pattern, ...]]:
    return word, tuple(Pattern.parse(code) for code in codes)


# In each table the first row with a match gives the word.
INTEGRITY: _Table = (
    ("altered", ALTERED),
    ("unreadable", UNREAD),
    _row("intact", "manifest.intact"),
)
SIGNER: _Table = (
    _row("revoked", "manifest.signer_revoked"),
    _row("untrusted", "manifest.signature_broken"),
    _row("expired", "manifest.signer_expired"),
    _row(
        "untrusted",
        "manifest.signer_unknown",
        "manifest.signer_unfit",
        "manifest.signer:skipped",
    ),
    _row("trusted", "manifest.trusted"),
)
ORIGIN: _Table = (
    _row(
        "declared_ai",
        "manifest.declares_ai:present",
        "metadata.declares_ai:present",
        "watermark.generator:present",
    ),
    _row("declared_synthetic", "manifest.declares_synthetic:present"),
    _row("declared_edit", "manifest.declares_edit:present"),
    _row("declared_capture", "manifest.declares_capture:present"),
    _row("recovered", "registry.match:present"),
    # Unsigned words count where the manifest has none.
    _row("declared_synthetic", "metadata.declares_synthetic:present"),
    _row("declared_edit", "metadata.declares_edit:present"),
    _row("declared_capture", "metadata.declares_capture:present"),
)
SYNTHETIC: _Table = (
    _row("likely", "detector.synthetic:present"),
    _row("inconclusive", "detector.inconclusive"),
    _row("unlikely", "detector.synthetic:absent"),
)
# Who stands by the statements, against lists of their own; of several the least certain counts.
IDENTITY: _Table = (
    _row("broken", "identity.broken"),
    _row("expired", "identity.expired"),
    _row(
        "untrusted",
        "identity.unknown",
        "identity.unknown:skipped",
        "identity.aggregated:skipped",
        "identity.cawg:skipped",
        "identity.cawg:invalid",
    ),
    _row("trusted", "identity.trusted"),
)


def axes(findings: Findings) -> Axes:
    """Return the five answers that `findings` give."""
    seen = Seen(findings)
    return Axes(
        _first(INTEGRITY, seen, "none"),
        _first(SIGNER, seen, "none"),
        _first(ORIGIN, seen, "none"),
        _first(SYNTHETIC, seen, "not_checked"),
        _first(IDENTITY, seen, "none"),
    )


def _first(table: _Table, seen: Seen, otherwise: str) -> str:
    for word, patterns in table:
        if any(seen.matching(pattern) for pattern in patterns):
            return word
    return otherwise
