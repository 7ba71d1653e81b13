"""Several authorities, tried in order; who failed goes to the end, who asks for rest has it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from trustkit.timestamps import SECONDS, Failed, Given, NoStampError
from trustkit.timestamps.authority import Authority, FaultError
from trustkit.timestamps.judge import judge
from trustkit.tokens import TokenError

_log = logging.getLogger(__name__)

LAST_FOR = 300.0  # seconds for which an authority that failed is asked after the others
STRIKES, SHUT_FOR = 3, 60.0  # after so many failures running it is not asked, for so many seconds
MAX_REST = 3600.0  # seconds; no authority is left alone for longer
PAUSE = 1.0  # seconds before the second round
MAX_PAUSE = 5.0  # the longest Retry-After that one file waits for
BUDGET = 25.0  # seconds for one stamp; the C2PA engine gives up after 30
HINT = "try again, or name another with --tsa"


@dataclass
class _Known:
    """An authority and how it has done; times are of `time.monotonic`."""

    authority: Authority
    strikes: int = 0
    last_until: float = 0.0
    not_before: float = 0.0
    why: str = ""

    @property
    def url(self) -> str:
        return self.authority.url

    def did_well(self) -> None:
        self.strikes, self.last_until, self.not_before = 0, 0.0, 0.0

    def failed(self, reason: str, wait: float) -> None:
        now = time.monotonic()
        self.strikes += 1
        self.why = reason
        self.last_until = now + LAST_FOR
        shut = SHUT_FOR if self.strikes >= STRIKES else 0.0
        self.not_before = now + max(shut, min(wait, MAX_REST))

    def is_resting(self) -> bool:
        return time.monotonic() < self.not_before


class Authorities:
    """Asks the authorities at `urls`, each for `seconds` at most, until one gives a stamp.

    What is remembered between stamps: the connections, and who failed. Not for several threads.
    """

    def __init__(
        self,
        urls: Iterable[str],
        seconds: float = SECONDS,
        *,
        budget: float = BUDGET,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._known = [_Known(Authority.at(url)) for url in dict.fromkeys(urls)]
        self._seconds = seconds
        self._budget = budget
        self._now = now
        if not self._known:
            raise ValueError("no authority named")

    def stamp(self, query: bytes) -> tuple[Given, tuple[Failed, ...]]:
        """Return the first reply that holds, and who failed before; raises `NoStampError`."""
        deadline = time.monotonic() + self._budget
        failed: list[Failed] = []
        again: list[_Known] = []
        # (1) In order, those that failed of late after the others.
        for known in sorted(self._known, key=lambda one: time.monotonic() < one.last_until):
            if known.is_resting():
                left = known.not_before - time.monotonic()
                failed.append(
                    Failed(known.url, f"{known.why}; not asked again for {left:.0f} seconds")
                )
                if left <= MAX_PAUSE:
                    again.append(known)
                continue
            try:
                return self._ask(known, query, deadline), tuple(failed)
            except FaultError as fault:
                failed.append(Failed(known.url, fault.reason))
                if fault.passing and fault.wait <= MAX_PAUSE and known.strikes < STRIKES:
                    again.append(known)
        # (2) All failed: once more, those where it may have been a passing weakness.
        for known in sorted(again, key=lambda one: one.not_before):
            pause = max(PAUSE, known.not_before - time.monotonic())
            if time.monotonic() + pause >= deadline:
                continue
            time.sleep(pause)
            with suppress(FaultError):
                return self._ask(known, query, deadline), tuple(failed)
        raise _none(failed)

    def close(self) -> None:
        """Give all connections up."""
        for known in self._known:
            known.authority.close()

    def _ask(self, known: _Known, query: bytes, deadline: float) -> Given:
        seconds = min(self._seconds, deadline - time.monotonic())
        if seconds <= 0:
            raise FaultError("was not asked: the time for one stamp was over")
        try:
            reply = known.authority.ask(query, seconds)
            token = judge(reply, query, self._now())
        except FaultError as fault:
            _log.info("time-stamp authority %s: %s", known.url, fault.reason)
            known.failed(fault.reason, fault.wait)
            raise
        except TokenError as error:
            _log.info("time-stamp authority %s: %s", known.url, error)
            known.failed(str(error), 0.0)
            raise FaultError(str(error)) from error
        known.did_well()
        return Given(reply, known.url, token.at)


def _none(failed: Iterable[Failed]) -> NoStampError:
    failed = tuple(failed)
    told = "; ".join(f"{one.authority} {one.reason}" for one in failed)
    which = "the time-stamp authority" if len(failed) == 1 else "no time-stamp authority"
    verb = "gave no stamp" if len(failed) == 1 else "gave a stamp"
    return NoStampError(f"{which} {verb}: {told}", HINT, failed)
