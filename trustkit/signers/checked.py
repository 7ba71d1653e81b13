"""Every signature of a key we do not hold ourselves is checked before it is handed on."""

from __future__ import annotations

from dataclasses import dataclass, field

from trustkit.errors import PublishError
from trustkit.signers import Signer
from trustkit.signers.algorithms import PublicKey, algorithm_of, fits, length_of
from trustkit.signers.chain import parse_chain, refuse_expired

# Signed once when a key is opened. It is no COSE Sig_structure (RFC 9052 section 4.4), so the
# signature is of no use to anybody.
PROBE = b"trustkit asks whether this key and this certificate belong together"


@dataclass(frozen=True)
class Checked:
    """A signer whose every signature fits the public key of its leaf."""

    signer: Signer
    _key: PublicKey = field(repr=False)

    @property
    def algorithm(self) -> str:
        """See `Signer`."""
        return self.signer.algorithm

    @property
    def chain(self) -> bytes:
        """See `Signer`."""
        return self.signer.chain

    def sign(self, data: bytes) -> bytes:
        """See `Signer`; raises `PublishError` for a signature that does not fit."""
        signature = self.signer.sign(data)
        if fits(self._key, self.algorithm, signature, data):
            return signature
        expected = length_of(self._key)
        if len(signature) != expected:
            raise PublishError(
                f"the signer gave {len(signature)} bytes, where a signature with "
                f"{self.algorithm} by this certificate's key has {expected}",
                "the key and the certificate do not belong together, or alg= names another one",
            )
        raise PublishError(
            "the key and the certificate do not belong together: its signature does not fit",
            "the chain must begin with the certificate of this key; for RSA, see alg=",
        )


def checked(signer: Signer) -> Checked:
    """Wrap `signer` and try it once, so that a mistake is told before any file is touched.

    Raises `PublishError` where the certificate is not valid today, where the key and it do not
    belong together, and whatever the signer itself raises.
    """
    chain = parse_chain(signer.chain, "the certificate chain")
    refuse_expired(chain.leaf)
    algorithm_of(chain.key, "the certificate's key", signer.algorithm)
    if not isinstance(chain.key, PublicKey):
        raise TypeError("algorithm_of lets no other key pass")
    made = Checked(signer, chain.key)
    made.sign(PROBE)
    return made
