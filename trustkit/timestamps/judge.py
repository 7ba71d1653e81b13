"""Whether an authority's answer is the stamp that was asked for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from asn1crypto import tsp, x509

from trustkit.tokens import Token, TokenError, read_reply

MAX_SKEW = timedelta(minutes=5)  # between the authority's clock and ours
_UNPARSED = (ValueError, TypeError, AttributeError, LookupError, ArithmeticError, RecursionError)


def judge(reply: bytes, query: bytes, now: datetime) -> Token:
    """Return the token of `reply` to `query`; raises `TokenError` with what is wrong.

    Checked: status, signature, imprint, nonce, that the certificate is for time stamping alone
    and valid at that time, and that the time is ours (RFC 3161 section 2.2). Not checked: whether
    anybody trusts the certificate.
    """
    imprint, algorithm, nonce = _asked(query)
    token = read_reply(reply)
    if (token.imprint, token.algorithm) != (imprint, algorithm):
        raise TokenError("the stamp is for other data than was sent")
    if token.nonce != nonce:
        raise TokenError("the stamp answers another query (wrong nonce)")
    if abs(token.at - now) > MAX_SKEW:
        raise TokenError(
            f"the stamp says {token.at:%Y-%m-%d %H:%M:%S} UTC, when here it is "
            f"{now.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
        )
    why = _unfit(token)
    if why:
        raise TokenError(f"its certificate {why}")
    return token


def _asked(query: bytes) -> tuple[bytes, str, int | None]:
    try:
        asked = tsp.TimeStampReq.load(query, strict=True)
        hashed = asked["message_imprint"]
        return (
            hashed["hashed_message"].native,
            hashed["hash_algorithm"]["algorithm"].native,
            asked["nonce"].native,
        )
    except _UNPARSED as error:
        raise TokenError("what was to be stamped is no time-stamp query") from error


@lru_cache(maxsize=64)
def _certificate(der: bytes) -> tuple[tuple[str, ...], datetime, datetime]:
    # One authority stamps a whole batch with one certificate.
    certificate: Any = x509.Certificate.load(der, strict=True)
    usage = certificate.extended_key_usage_value
    validity = certificate["tbs_certificate"]["validity"]
    uses = tuple(usage.native) if usage is not None else ()
    return uses, validity["not_before"].native, validity["not_after"].native


def _unfit(token: Token) -> str:
    # RFC 3161 section 2.3: for time stamping alone, and marked as critical.
    try:
        uses, begin, end = _certificate(token.certificates[0])
    except _UNPARSED:
        return "cannot be read"
    if uses != ("time_stamping",):
        return "is not for time stamping alone"
    if not begin <= token.at <= end:
        return f"was not valid then (to {end:%Y-%m-%d})"
    return ""
