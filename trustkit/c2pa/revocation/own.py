"""The status of one's own certificate, to be stapled to what is signed with it."""

from __future__ import annotations

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from trustkit.c2pa.certificates import Certificate, issued, read_certificate
from trustkit.c2pa.revocation import Moment, Refused, Word
from trustkit.c2pa.revocation.asking import Asker
from trustkit.c2pa.revocation.status import utc_now
from trustkit.errors import PublishError

_HINT = "nothing was written; try again later, or sign without --staple-status"


def own_status(chain: bytes, ask: Asker) -> bytes:
    """Return the issuer's response by which the first certificate of a PEM `chain` is good.

    Raises `PublishError` where it is not, or where nobody says so.
    """
    leaf, issuer = _pair(chain)
    now = utc_now()
    answer = ask(leaf, issuer, Moment(now, now))
    if isinstance(answer, Refused):
        raise PublishError(f"no status of {leaf.name} to staple: {answer.reason}", _HINT)
    if answer.says is Word.REVOKED:
        since = f" since {answer.from_when:%Y-%m-%d %H:%M} UTC" if answer.from_when else ""
        why = f" ({answer.reason})" if answer.reason else ""
        raise PublishError(
            f"the certificate of {leaf.name} is revoked{since}{why}, by {answer.by}",
            "nothing was written; ask your CA for a new one",
        )
    if answer.says is Word.UNKNOWN:
        raise PublishError(
            f"the issuer's responder does not know the certificate of {leaf.name}", _HINT
        )
    return ask.response(leaf, issuer)


def _pair(chain: bytes) -> tuple[Certificate, Certificate]:
    try:
        loaded = x509.load_pem_x509_certificates(chain)
        found = [read_certificate(one.public_bytes(Encoding.DER)) for one in loaded]
    except ValueError as error:
        raise PublishError("the certificate chain cannot be read", "it must be PEM") from error
    issuer = next((one for one in found[1:] if issued(one, found[0])), None)
    if issuer is None:
        raise PublishError(
            f"the issuer of {found[0].name} is not in the chain, so its status cannot be asked",
            "add the issuer's certificate after the signer's in the chain file",
        )
    return found[0], issuer
