"""Private keys and serial numbers that follow from a label alone, for tests.

Whoever reads this file can compute every key it gives: nothing here may ever protect anything.
The same label gives the same key on every machine, so a test PKI can be rebuilt and compared.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from functools import cache

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey

SEED = b"trustkit TEST ONLY keys, version 1"
RSA_EXPONENT = 65537
SIEVE_LIMIT = 1 << 16  # trial division up to here leaves about one odd number in ten
MILLER_RABIN_ROUNDS = 8  # FIPS 186-5 table B.1 asks for 5 at most; OpenSSL tests again on loading
SERIAL_BITS = 127  # RFC 5280 4.1.2.2: positive, and at most 20 octets


def ec_key(curve: ec.EllipticCurve, label: str) -> ec.EllipticCurvePrivateKey:
    """Return the key of `label` on `curve`."""
    # One bit short of the curve's size stays below the group order of each NIST curve.
    return ec.derive_private_key(_integer(f"ec {label}", curve.key_size - 1), curve)


def ed25519_key(label: str) -> ed25519.Ed25519PrivateKey:
    """Return the Ed25519 key of `label`."""
    return ed25519.Ed25519PrivateKey.from_private_bytes(_stream(f"ed25519 {label}", 32))


def rsa_key(bits: int, label: str) -> rsa.RSAPrivateKey:
    """Return the RSA key of `label` with a modulus of `bits` bits."""
    p = _prime(bits // 2, f"rsa {label} p")
    q = _prime(bits // 2, f"rsa {label} q")
    d = pow(RSA_EXPONENT, -1, math.lcm(p - 1, q - 1))
    numbers = rsa.RSAPrivateNumbers(
        p=p,
        q=q,
        d=d,
        dmp1=rsa.rsa_crt_dmp1(d, p),
        dmq1=rsa.rsa_crt_dmq1(d, q),
        iqmp=rsa.rsa_crt_iqmp(p, q),
        public_numbers=rsa.RSAPublicNumbers(RSA_EXPONENT, p * q),
    )
    return numbers.private_key()


def serial_number(label: str) -> int:
    """Return the certificate serial number of `label`."""
    return _integer(f"serial {label}", SERIAL_BITS)


def _stream(label: str, size: int) -> bytes:
    return hashlib.shake_256(SEED + b"\0" + label.encode()).digest(size)


def _integer(label: str, bits: int) -> int:
    """Return the odd number below 2**bits that follows from `label`."""
    size = -(-bits // 8)
    return (int.from_bytes(_stream(label, size)) >> (8 * size - bits)) | 1


def _prime(bits: int, label: str) -> int:
    """Return the first usable RSA prime at or after the start that `label` gives."""
    # The two top bits are set so that the product of two primes has its full length.
    start = _integer(label, bits) | (0b11 << (bits - 2))
    return next(n for n in _odd_numbers(start) if _is_rsa_prime(n, label))


def _odd_numbers(start: int) -> Iterator[int]:
    while True:
        yield start
        start += 2


def _is_rsa_prime(number: int, label: str) -> bool:
    """Return whether `number` is (almost surely) prime and fits the public exponent."""
    if math.gcd(number, _small_primes_product()) != 1 or (number - 1) % RSA_EXPONENT == 0:
        return False
    bases = (_integer(f"{label} base {i}", 128) for i in range(MILLER_RABIN_ROUNDS))
    return all(_passes_miller_rabin(number, base) for base in bases)


def _passes_miller_rabin(number: int, base: int) -> bool:
    minus_one = number - 1
    twos = (minus_one & -minus_one).bit_length() - 1
    power = pow(base, minus_one >> twos, number)
    if power in (1, minus_one):
        return True
    for _ in range(twos - 1):
        power = power * power % number
        if power == minus_one:
            return True
    return False


@cache
def _small_primes_product() -> int:
    is_prime = bytearray([1]) * SIEVE_LIMIT
    for n in range(2, math.isqrt(SIEVE_LIMIT) + 1):
        if is_prime[n]:
            is_prime[n * n :: n] = bytes(len(range(n * n, SIEVE_LIMIT, n)))
    return math.prod(n for n in range(2, SIEVE_LIMIT) if is_prime[n])
