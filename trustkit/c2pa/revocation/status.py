"""All that is known of whether a signer's certificate, or an issuer's, was revoked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from trustkit.c2pa.certificates import Certificate, issued
from trustkit.c2pa.revocation import HOLD, Answer, Moment, Refused, Statement, Why, Word, crl, ocsp
from trustkit.c2pa.revocation.asking import Asker
from trustkit.c2pa.trust import MAX_PATH

STAPLED = "the status in the file"


def utc_now() -> datetime:
    """Return the time by this machine's clock, by which responders keep theirs."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Inquiry:
    """Where the user wants revocation looked up: lists of the user's, responders, or nowhere."""

    lists: tuple[crl.RevocationList, ...] = ()
    ask: Asker | None = None

    @property
    def is_asked(self) -> bool:
        """Whether anything beyond what the file carries is to be looked at."""
        return bool(self.lists) or self.ask is not None


NOTHING_ASKED = Inquiry()


@dataclass(frozen=True)
class Known:
    """What was found out of one certificate."""

    certificate: Certificate
    answers: tuple[Answer, ...] = ()
    is_leaf: bool = True

    @property
    def statements(self) -> tuple[Statement, ...]:
        """The statuses that count."""
        return tuple(answer for answer in self.answers if isinstance(answer, Statement))

    @property
    def refused(self) -> tuple[Refused, ...]:
        """Those that do not, and those that were not to be had."""
        return tuple(answer for answer in self.answers if isinstance(answer, Refused))

    def best(self) -> Statement | None:
        """Return the status that decides: revoked before all others, else the newest."""
        said = sorted(self.statements, key=lambda s: s.since, reverse=True)
        for one in said:
            if one.says is Word.REVOKED and not _is_released(one, said):
                return one
        others = [one for one in said if one.says is not Word.REVOKED]
        return next(iter(others), None)


def _is_released(held: Statement, said: Iterable[Statement]) -> bool:
    # On hold is the one state that ends: a newer status may say so.
    return held.reason == HOLD and any(
        one.says is Word.GOOD and one.since > held.since for one in said
    )


def inquire(
    chain: tuple[Certificate, ...],
    anchors: Iterable[Certificate],
    stapled: Iterable[bytes],
    inquiry: Inquiry,
    moment: Moment,
    *,
    may_ask: bool,
) -> list[Known]:
    """Return what is known of each certificate from the signer up to, not including, an anchor.

    Responders are asked only if `may_ask`: when a list in use vouches for the chain.
    """
    stapled = tuple(stapled)
    if not stapled and not inquiry.is_asked:
        return [Known(chain[0])]  # nothing to look at: most files, so no path is built for them
    known = []
    for certificate, issuer in _path(chain, tuple(anchors)):
        answers: list[Answer] = []
        if issuer is not None:
            answers += [ocsp.judge(der, certificate, issuer, moment, STAPLED) for der in stapled]
            answers += [crl.judge(one, certificate, issuer, moment) for one in inquiry.lists]
            if inquiry.ask is not None and may_ask:
                answers.append(inquiry.ask(certificate, issuer, moment))
        else:
            answers.append(Refused("", "the certificate of its issuer is not at hand", Why.NONE))
        if inquiry.ask is not None and not may_ask:
            reason = "no list in use vouches for the signer, so nobody was asked"
            answers.append(Refused("OCSP", reason, Why.NONE))
        known.append(Known(certificate, tuple(answers), is_leaf=certificate is chain[0]))
    return known


def _path(
    chain: tuple[Certificate, ...], anchors: tuple[Certificate, ...]
) -> Iterator[tuple[Certificate, Certificate | None]]:
    # Each with its issuer; a name alone could be anybody's, so the issuer's key must fit.
    certificate = chain[0]
    for _ in range(MAX_PATH):
        issuer = next(
            (
                one
                for one in (*anchors, *chain[1:])
                if one.parsed.subject == certificate.parsed.issuer
                and one != certificate
                and issued(one, certificate)
            ),
            None,
        )
        if issuer is None and certificate is not chain[0]:
            return  # a root that is on no list: nobody is above it
        yield certificate, issuer
        if issuer is None or issuer in anchors:
            return
        certificate = issuer
