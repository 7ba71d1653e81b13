"""One question to a key service over HTTPS, with limits on time, size and patience.

Nothing that it answers is quoted in an error, and no redirect is followed: our access token must
not come back in a text, nor go to another host.
"""

from __future__ import annotations

import email.utils
import json
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import requests
from requests.auth import AuthBase
from urllib3.exceptions import HTTPError

from trustkit.errors import PublishError
from trustkit.signers.uri import is_loopback

SECONDS = 30.0  # for one signature, all attempts together
CONNECT_SECONDS = 5.0
READ_SECONDS = 10.0
ATTEMPTS = 4
FIRST_WAIT = 0.25  # seconds; doubled each time
MAX_ANSWER_BYTES = 64 * 1024  # a signature and its names have some 2 KB
_AGAIN = frozenset({408, 429, 500, 502, 503, 504})
_SERVER_ERROR = 500


class _Bearer(AuthBase):
    # As `auth`, not as a header: else a .netrc of the user's would win over it.
    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


@dataclass(frozen=True)
class _Answer:
    """A whole answer, or None for one that could not be had."""

    status: int
    body: bytes
    retry_after: str = ""


@dataclass(frozen=True)
class Service:
    """A key service called `name` at `base`; `key` is what to call the key in a text."""

    name: str
    base: str
    key: str
    token: Callable[[], str] = field(repr=False)
    seconds: float = SECONDS
    _session: requests.Session = field(default_factory=requests.Session, repr=False)

    def __post_init__(self) -> None:
        # No proxy stands between us and this machine.
        self._session.trust_env = not is_loopback(self.base)

    def ask(self, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Post `body`, or get where there is none, and return the JSON object of the answer.

        Throttling and passing faults are tried again, as Retry-After asks or with a growing wait,
        within `seconds`. Raises `PublishError`.
        """
        deadline = time.monotonic() + self.seconds
        last: _Answer | None = None
        for attempt in range(ATTEMPTS):
            last = self._once(path, body, deadline)
            if last is not None and last.status not in _AGAIN:
                return self._read(last)
            wait = _wait(last, attempt)
            if attempt + 1 == ATTEMPTS or time.monotonic() + wait >= deadline:
                break
            time.sleep(wait)
        raise self._given_up(last)

    def _once(self, path: str, body: Mapping[str, Any] | None, deadline: float) -> _Answer | None:
        left = max(0.05, deadline - time.monotonic())
        try:
            with self._session.request(
                "GET" if body is None else "POST",
                f"{self.base}{path}",
                json=body,
                auth=_Bearer(self.token()),
                headers={"Accept": "application/json", "Accept-Encoding": "identity"},
                timeout=(min(CONNECT_SECONDS, left), min(READ_SECONDS, left)),
                allow_redirects=False,
                stream=True,
            ) as answer:
                found = b""
                # What has come so far, however little: a slow drip must not hold us up.
                while chunk := answer.raw.read1(4096):
                    found += chunk
                    if len(found) > MAX_ANSWER_BYTES:
                        break
                    if time.monotonic() > deadline:
                        return None
                waiting = answer.headers.get("Retry-After", "")
                return _Answer(answer.status_code, found, waiting)
        except requests.exceptions.SSLError as error:
            raise PublishError(
                f"the certificate of {self.name} at {self.base} is not accepted",
                "check the address, and REQUESTS_CA_BUNDLE where your network has an own CA",
            ) from error
        except (requests.RequestException, HTTPError):
            return None  # not reached, too slow, or broken off: tried again

    def _read(self, answer: _Answer) -> dict[str, Any]:
        if answer.status != requests.codes.ok:
            raise self._refused(answer.status)
        try:
            found = json.loads(answer.body) if len(answer.body) <= MAX_ANSWER_BYTES else None
        except (ValueError, RecursionError) as error:
            raise self.garbled() from error
        if not isinstance(found, dict):
            raise self.garbled()
        return found

    def garbled(self) -> PublishError:
        """Return the error for an answer that is not what its documents promise."""
        return PublishError(
            f"{self.name} gave no readable answer at {self.base}", "check the address; try again"
        )

    def _refused(self, status: int) -> PublishError:
        match status:
            case 400:
                return PublishError(
                    f"{self.name} does not sign this with {self.key} (400)",
                    "does the key's algorithm match its certificate? for RSA, see alg=",
                )
            case 401:
                return PublishError(
                    f"{self.name} does not accept our access token (401)", "log in again"
                )
            case 403:
                return PublishError(
                    f"{self.name} does not let us sign with {self.key} (403)",
                    "ask for the permission to sign with this key",
                )
            case 404:
                return PublishError(
                    f"{self.name} has no key {self.key} (404)", "check the key's URI"
                )
        return PublishError(
            f"{self.name} answered with status {status}", "check the key's URI; try again later"
        )

    def _given_up(self, last: _Answer | None) -> PublishError:
        if last is None:
            return PublishError(
                f"{self.name} gave no answer at {self.base} within {self.seconds:g} s",
                "try again later; timeout=SECONDS in the key's URI gives it more time",
            )
        if last.status == requests.codes.too_many_requests:
            return PublishError(
                f"{self.name} is throttling us (429), also after waiting",
                "sign fewer files at once, or ask for a higher quota",
            )
        return PublishError(
            f"{self.name} is failing (status {last.status}), also after waiting", "try again later"
        )


def _wait(last: _Answer | None, attempt: int) -> float:
    asked = _seconds(last.retry_after) if last else None
    if asked is not None:
        return asked
    # Some chance in it, so that many who were turned away do not come back at once.
    share: float = random.uniform(0.5, 1.0)  # noqa: S311  # no secret
    return FIRST_WAIT * float(2**attempt) * share


def _seconds(retry_after: str) -> float | None:
    """Read Retry-After (RFC 9110 section 10.2.3): seconds or a date."""
    if retry_after.isascii() and retry_after.isdigit():
        return float(retry_after)
    try:
        when = email.utils.parsedate_to_datetime(retry_after)
    except (ValueError, TypeError):
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    seconds: float = (when - datetime.now(UTC)).total_seconds()
    return max(0.0, seconds)
