"""How often chance alone makes two codes that near: calibrated on pairs that have no relation."""

from __future__ import annotations

from functools import lru_cache
from math import ceil, exp, expm1, lgamma, log, log1p

CODE_BITS = 256

# Unrelated codes differ like so many coins, which fall differently so often: fitted from above to
# the nearest pairs among unrelated files (docs/fingerprints.md has the counts).
_COINS = {
    "iscc-image.0": (110, 0.497),
    "spots.1": (75, 0.497),
    "pdq.1": (110, 0.497),
    "chromaprint.1": (80, 0.46),
}
_UNKNOWN = (60, 0.45)  # an algorithm that was never calibrated here


def chance(algorithm: str, distance: int) -> float:
    """Return the odds that one code is within `distance` bits of another that has no relation."""
    coins, share = _COINS.get(algorithm, _UNKNOWN)
    # Rounded up, so that the odds are never told better than they are.
    return _tail(coins, share, ceil(distance * coins / CODE_BITS))


def false_match_odds(algorithm: str, distance: int, compared: int) -> float:
    """Return the odds that any of `compared` unrelated pairs of codes is within `distance`.

    `compared` is the number of codes stored times that of those asked.
    """
    one = chance(algorithm, distance)
    return 1.0 if one >= 1 else -expm1(compared * log1p(-one))


@lru_cache(maxsize=4096)
def _tail(coins: int, share: float, most: int) -> float:
    """Return how often at most `most` of `coins` coins show what they show in `share` of cases."""
    if most >= coins:
        return 1.0
    terms = (
        exp(
            lgamma(coins + 1)
            - lgamma(k + 1)
            - lgamma(coins - k + 1)
            + k * log(share)
            + (coins - k) * log(1 - share)
        )
        for k in range(most + 1)
    )
    return min(1.0, sum(terms))
