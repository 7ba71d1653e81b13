"""PKCS#11 URIs as RFC 7512 has them, and what a token's refusals are called."""

from __future__ import annotations

import pytest

pkcs11 = pytest.importorskip("pkcs11", reason="pip install 'trustkit[pkcs11]'")

from trustkit.errors import PublishError  # noqa: E402
from trustkit.signers.pkcs11_errors import explained  # noqa: E402
from trustkit.signers.pkcs11_uri import parse_pkcs11  # noqa: E402


def test_the_examples_of_the_rfc_are_read() -> None:
    # Section 3, without those that name certificates or carry a PIN.
    uri = parse_pkcs11(
        "token=The%20Software%20PKCS%2311%20Softtoken;manufacturer=Snake%20Oil,%20Inc.;model=1.0;"
        "object=my-certificate;id=%69%95%3E%5C%F4%BD%EC%91;serial="
        "?pin-source=file:/etc/token_pin"
    )

    assert uri.path["token"] == "The Software PKCS#11 Softtoken"
    assert uri.path["manufacturer"] == "Snake Oil, Inc."
    assert uri.path["serial"] == ""
    assert uri.id == bytes.fromhex("69953e5cf4bdec91")
    assert uri.query == {"pin-source": "file:/etc/token_pin"}


def test_a_plus_is_a_plus() -> None:
    assert parse_pkcs11("object=a+b?chain=/tmp/a+b.pem").query["chain"] == "/tmp/a+b.pem"


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("token=a;token=b", "given twice"),
        ("x-vendor=1", "no attribute 'x-vendor'"),
        ("token=a?x-vendor=1", "no attribute 'x-vendor'"),
        ("token=a?pin-value=1234", "can be read by everybody"),
        ("pin-value=1234", "can be read by everybody"),
        ("chain=a.pem;token=b", "no attribute 'chain'"),
        ("token", "no attribute 'token'"),
        ("token=a;;object=b", "no attribute ''"),
        ("type=cert", "only a private key"),
        ("slot-id=one", "slot-id"),
        ("token=%zz", "begins no code"),
        ("id=%6", "begins no code"),
        ("token=%ff", "no UTF-8"),
    ],
)
def test_what_is_not_in_the_rfc_is_refused(uri: str, said: str) -> None:
    with pytest.raises(PublishError, match=said) as refused:
        parse_pkcs11(uri)

    assert refused.value.hint
    assert "1234" not in f"{refused.value.message} {refused.value.hint}"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ("PinLocked", "locked its PIN"),
        ("PinExpired", "expired"),
        ("PinLenRange", "shorter or longer"),
        ("TokenNotPresent", "is gone"),
        ("DeviceRemoved", "was removed"),
        ("SessionHandleInvalid", "session with the token was lost"),
        ("MechanismInvalid", "does not sign with this algorithm"),
        ("FunctionFailed", "the token failed: FunctionFailed"),
    ],
)
def test_every_refusal_of_a_token_is_a_sentence_with_a_hint(error: str, said: str) -> None:
    told = explained(getattr(pkcs11.exceptions, error)(), "token=press")

    assert said in told.message
    assert told.hint
    assert told.exit_code == 40
