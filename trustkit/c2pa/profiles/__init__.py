"""What is asked of a certificate that signs claims, as rules: each with its source and its remedy.

A rule sees a chain and says what breaks it, or nothing. `trustkit keys check` shows all that is
broken, `trustkit sign` refuses by the same rules, so the two cannot tell different stories.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cached_property

from trustkit.c2pa.certificates import Certificate, issued


class Profile(StrEnum):
    """What a certificate is wanted for."""

    C2PA = "c2pa"  # what C2PA 2.4 and the engine demand of whoever signs claims
    AL1 = "c2pa-al1"  # the conformance programme's leaf profile, assurance level 1
    AL2 = "c2pa-al2"  # likewise, level 2
    CAWG = "cawg"  # X.509 identity assertions
    TSA = "tsa"  # time-stamp authorities


EVERY = frozenset(Profile)
CLAIMS = EVERY - {Profile.TSA}  # all that the engine signs with
OFFICIAL = frozenset({Profile.AL1, Profile.AL2})


class Severity(StrEnum):
    """How bad it is that a rule is broken."""

    REFUSED = "refused"  # trustkit or the C2PA engine refuses to sign with it
    DIFFERS = "differs"  # it signs, and some verifiers accept what others do not
    ADVICE = "advice"  # accepted wherever we tried; better to have it otherwise


@dataclass(frozen=True)
class Candidate:
    """A chain as given, the moment it is judged for, and what is known beside it.

    `anchors` are roots known to whoever asks, `belongs` says whether the key beside it is the
    leaf's: None when that was not tried.
    """

    chain: tuple[Certificate, ...]
    profile: Profile
    at: datetime
    anchors: tuple[Certificate, ...] = ()
    belongs: bool | None = None

    @cached_property
    def leaf(self) -> Certificate:
        """The signer's own certificate: the first, or the one that is no CA's behind a CA."""
        return leaf_of(self.chain)

    @cached_property
    def path(self) -> tuple[Certificate, ...]:
        """The leaf and its issuers, each by the signature of the next; what is beside it is out."""
        return ordered(self.leaf, self.chain)


def leaf_of(chain: tuple[Certificate, ...]) -> Certificate:
    """Return the first certificate, or the first that is no CA's where that one is."""
    return next((c for c in chain if not c.is_ca), chain[0]) if chain[0].is_ca else chain[0]


def ordered(leaf: Certificate, others: tuple[Certificate, ...]) -> tuple[Certificate, ...]:
    """Return `leaf` and those of `others` that lead up from it, whatever order they came in."""
    path, left = [leaf], [c for c in dict.fromkeys(others) if c != leaf]
    while above := next((c for c in left if is_issuer(c, path[-1])), None):
        path.append(above)
        left.remove(above)
    return tuple(path)


def is_issuer(above: Certificate, below: Certificate) -> bool:
    """Tell whether `above` is named as the issuer of `below` and its key signed it."""
    return above.parsed.subject == below.parsed.issuer and issued(above, below)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `broken` says what the certificate has instead, or gives an empty text."""

    id: str
    severity: Severity
    source: str
    remedy: str
    broken: Callable[[Candidate], str]
    profiles: frozenset[Profile] = CLAIMS


@dataclass(frozen=True, slots=True)
class Problem:
    """A rule that a chain breaks, and what it has, as a sentence about "it"."""

    rule: Rule
    has: str
