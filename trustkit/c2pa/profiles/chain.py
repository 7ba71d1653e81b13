"""What the chain must be: whole, in order, each certificate by the next; and valid, now or then."""

from __future__ import annotations

from datetime import timedelta

from cryptography import x509

from trustkit.c2pa.certificates import Certificate
from trustkit.c2pa.profiles import EVERY, Candidate, Rule, Severity, is_issuer
from trustkit.c2pa.profiles.leaf import weak_key, weak_signature
from trustkit.c2pa.trust import MAX_PATH

SOON = timedelta(days=30)  # what a CA needs to issue anew, and a person to notice


def _expired(candidate: Candidate) -> str:
    end = candidate.leaf.parsed.not_valid_after_utc
    return f"it expired on {end:%Y-%m-%d}" if candidate.at > end else ""


def _not_yet(candidate: Candidate) -> str:
    start = candidate.leaf.parsed.not_valid_before_utc
    return f"it is not valid before {start:%Y-%m-%d}" if candidate.at < start else ""


def _soon(candidate: Candidate) -> str:
    left = candidate.leaf.parsed.not_valid_after_utc - candidate.at
    return f"it expires in {left.days} days" if timedelta() <= left < SOON else ""


def _issuer_invalid(candidate: Candidate) -> str:
    out = [c for c in candidate.path[1:] if not c.is_valid_at(candidate.at)]
    if not out:
        return ""
    start, end = out[0].parsed.not_valid_before_utc, out[0].parsed.not_valid_after_utc
    return f"its issuer {out[0].name} is valid from {start:%Y-%m-%d} to {end:%Y-%m-%d} only"


def _outlives(candidate: Candidate) -> str:
    end = candidate.leaf.parsed.not_valid_after_utc
    short = [c for c in candidate.path[1:] if c.parsed.not_valid_after_utc < end]
    if not short:
        return ""
    return (
        f"it is valid until {end:%Y-%m-%d}, its issuer {short[0].name} only until "
        f"{short[0].parsed.not_valid_after_utc:%Y-%m-%d}"
    )


def _leaf_behind(candidate: Candidate) -> str:
    behind = candidate.leaf != candidate.chain[0]
    return "the chain begins with a CA's certificate, not with the signer's" if behind else ""


def _self_signed(candidate: Candidate) -> str:
    is_own = is_issuer(candidate.leaf, candidate.leaf)
    return "it is signed by its own key" if is_own and not candidate.leaf.is_ca else ""


def _wrong_issuer(candidate: Candidate) -> str:
    top = candidate.path[-1]
    namesakes = [
        c for c in (*candidate.chain, *candidate.anchors)
        if c.parsed.subject == top.parsed.issuer and c not in candidate.path
    ]  # fmt: skip
    if not namesakes or any(is_issuer(c, top) for c in namesakes):
        return ""
    who = "it" if top == candidate.leaf else top.name
    return f"{who} names {namesakes[0].name} as issuer, but that key did not sign it"


def _alone(candidate: Candidate) -> str:
    leaf = candidate.leaf
    if len(candidate.path) > 1 or is_issuer(leaf, leaf) or _wrong_issuer(candidate):
        return ""
    if any(is_issuer(anchor, leaf) for anchor in candidate.anchors):
        return ""
    return "its issuer's certificate is not in the chain"


def _order(candidate: Candidate) -> str:
    listed = candidate.chain
    if _leaf_behind(candidate) or set(listed) != set(candidate.path):
        return ""
    return "" if listed == candidate.path else "its issuers are not listed in order"


def _stray(candidate: Candidate) -> str:
    stray = [c for c in candidate.chain if c not in candidate.path]
    twice = len(candidate.chain) != len(set(candidate.chain))
    if not stray or _wrong_issuer(candidate):
        return "a certificate is listed twice" if twice else ""
    return f"the chain holds {stray[0].name}, which is none of its issuers"


def _root(candidate: Candidate) -> str:
    top = candidate.path[-1]
    is_root = len(candidate.path) > 1 and is_issuer(top, top)
    return "the chain holds the root itself" if is_root else ""


def _issuer_unfit(candidate: Candidate) -> str:
    for depth, issuer in enumerate(candidate.path[1:]):
        if why := _may_not_issue(issuer, depth):
            return f"its issuer {issuer.name} {why}"
    return ""


def _may_not_issue(issuer: Certificate, depth: int) -> str:
    usage = issuer.extension(x509.KeyUsage)
    constraints = issuer.extension(x509.BasicConstraints)
    limit = constraints.path_length if constraints else None
    if not issuer.is_ca:
        return "is no CA"
    if usage and not usage.key_cert_sign:
        return "may not sign certificates by its key usage"
    if limit is not None and depth > limit:
        return f"allows {limit} authorities below it, and there are {depth}"
    return ""


def _issuer_weak(candidate: Candidate) -> str:
    for issuer in candidate.path[1:]:
        # A root's signature on itself proves nothing, so nobody checks it.
        signature = "" if is_issuer(issuer, issuer) else weak_signature(issuer)
        if why := weak_key(issuer) or signature:
            return f"of its issuer {issuer.name}: {why}"
    return ""


def _long(candidate: Candidate) -> str:
    length = len(candidate.path)
    return f"the chain is {length} certificates long" if length > MAX_PATH else ""


R, D, A = Severity.REFUSED, Severity.DIFFERS, Severity.ADVICE
_LISTED = "put the signer's certificate first, then its issuer, then that one's"
RULES = (
    Rule("time.expired", R, "C2PA 2.4 §14.5.1; RFC 5280 §4.1.2.5",
         "ask for a new certificate; `trustkit keys rotate` makes the request", _expired, EVERY),
    Rule("time.not_yet", R, "C2PA 2.4 §14.5.1; RFC 5280 §4.1.2.5",
         "wait until then, or check this machine's clock", _not_yet, EVERY),
    Rule("time.soon", A, "RFC 5280 §4.1.2.5",
         "ask for a new certificate in time, and sign with a time stamp", _soon, EVERY),
    Rule("time.issuer", D, "RFC 5280 §6.1.3; c2pa-rs and trustkit call the signer untrusted",
         "ask for a certificate by an issuer that is valid", _issuer_invalid, EVERY),
    Rule("time.outlives_issuer", A, "RFC 5280 §6.1.3",
         "count on the earlier of the dates: after it no path leads to the root", _outlives, EVERY),
    Rule("chain.leaf_not_first", R, "C2PA 2.4 §14.5; RFC 9360 §2", _LISTED, _leaf_behind, EVERY),
    Rule("chain.order", D, "C2PA 2.4 §14.5; RFC 9360 §2: c2pa-rs calls the signer untrusted, "
         "encypher-c2pa finds the path", _LISTED, _order, EVERY),
    Rule("chain.stray", D, "C2PA 2.4 §14.5; RFC 9360 §2: c2pa-rs calls the signer untrusted, "
         "encypher-c2pa finds the path",
         "leave out of the chain what did not issue anything in it, once each", _stray, EVERY),
    Rule("chain.no_issuer", D, "C2PA 2.4 §14.5; RFC 5280 §6.1",
         "ask the CA for its intermediate certificate and append it; if the root itself issued "
         "yours, nothing is missing", _alone, EVERY),
    Rule("chain.wrong_issuer", D, "RFC 5280 §6.1.3: every verifier calls the signer untrusted",
         "ask the CA for the intermediate that really signed it: CAs have several of one name",
         _wrong_issuer, EVERY),
    Rule("chain.self_signed", D, "C2PA 2.4 §14.4: only who lists this very certificate trusts it",
         "ask a CA for a certificate: `trustkit keys request`", _self_signed, EVERY),
    Rule("chain.issuer_unfit", D, "RFC 5280 §6.1.4: every verifier calls the signer untrusted",
         "ask for a certificate by an authority that may issue it", _issuer_unfit, EVERY),
    Rule("chain.issuer_weak", D, "C2PA 2.4 §14.5.1.1",
         "ask for a certificate by an authority with SHA-2 and a key C2PA allows", _issuer_weak,
         EVERY),
    Rule("chain.too_long", D, f"trustkit follows {MAX_PATH} certificates",
         "ask for a certificate nearer to the root", _long, EVERY),
    Rule("chain.root_included", A, "C2PA 2.4 §14.5; RFC 9360 §2",
         "leave the root out: whoever trusts it has it, and every file carries it", _root, EVERY),
)  # fmt: skip
