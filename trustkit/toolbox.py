"""The one composition root: from what the user asked for to collectors, policy and signer."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from trustkit import plugins
from trustkit.asset import open_asset
from trustkit.batch.local import VerifyWorker
from trustkit.batch.sources import shown
from trustkit.c2pa.describe import describe, describe_raw
from trustkit.c2pa.fetch import make_fetcher
from trustkit.c2pa.lists import ListFolder, from_file
from trustkit.c2pa.trust import Purpose, TrustList
from trustkit.errors import ConfigError, PublishError
from trustkit.evidence import Collector
from trustkit.finding import Finding, Status, Weight
from trustkit.policies import DEFAULT, load_policy
from trustkit.policy import Policy
from trustkit.signers import Passphrase, Signer


@dataclass(frozen=True)
class Wish:
    """How files are to be verified, in plain values, so that it can cross to a worker.

    `trust` and `tsa_trust` name lists or PEM files beside the policy's; `remote_hosts` are those
    from which remote manifests may be fetched: none means that nothing is. `mark_keys` are files
    of keys with which marks are read, beside the public one.
    """

    policy: str = DEFAULT
    trust: tuple[str, ...] = ()
    tsa_trust: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    remote_hosts: tuple[str, ...] = ()
    mark_keys: tuple[str, ...] = ()


@dataclass(frozen=True)
class Toolbox:
    """What a verification works with."""

    policy: Policy
    lists: tuple[TrustList, ...]
    collectors: tuple[Collector, ...] = field(repr=False)


def open_toolbox(wish: Wish) -> Toolbox:
    """Put together what `wish` asks for; raises `ConfigError` for a bad policy or trust file."""
    policy = load_policy(wish.policy)
    lists = trust_lists(policy, wish)
    names = chosen_collectors(wish)
    collectors: list[Collector] = [_collector(name, lists, wish, policy) for name in names]
    notes = tuple(_trust_notes(policy, lists)) if "manifest" in names else ()
    if notes:
        collectors.append(_Notes(notes))
    return Toolbox(policy, lists, tuple(collectors))


def open_worker(wish: Wish) -> VerifyWorker:
    """Make the work function of one worker process."""
    toolbox = open_toolbox(wish)
    return VerifyWorker(toolbox.collectors, toolbox.policy)


def open_inspector(*, raw: bool) -> Callable[[Path], dict[str, Any]]:
    """Make the work function that describes files; with `raw`, in the engine's own words."""
    return _describe_raw if raw else _describe


def _describe(path: Path) -> dict[str, Any]:
    return describe(open_asset(path, shown(str(path))))


def _describe_raw(path: Path) -> dict[str, Any]:
    return describe_raw(open_asset(path, shown(str(path))))


def chosen_collectors(wish: Wish) -> list[str]:
    """List the collectors to ask; raises `ConfigError` for one that is not installed."""
    there = plugins.names("evidence")
    for name in (*wish.only, *wish.skip):
        if name not in there:
            raise ConfigError(f"no collector named {name!r}", f"installed: {', '.join(there)}")
    asked = [n for n in there if (not wish.only or n in wish.only) and n not in wish.skip]
    if not asked:
        # Nothing checked is nothing proved.
        raise ConfigError("no collector is left to ask", "drop some --only or --skip")
    return asked


def trust_lists(policy: Policy, wish: Wish) -> tuple[TrustList, ...]:
    """Return the lists in use: those asked for, else the policy's, else all that are installed."""
    folder = list_folder()
    found: list[TrustList] = []
    named = {
        Purpose.SIGNERS: (wish.trust, policy.trust_lists),
        Purpose.TIMESTAMPS: (wish.tsa_trust, policy.tsa_lists),
    }
    for purpose, (asked, by_policy) in named.items():
        names: Iterable[str] | None = asked or by_policy
        if names is None:
            for name in folder.names():
                found += [t for t in folder.load(name) if t.purpose is purpose]
        else:
            for name in names:
                found += _named_list(folder, name, purpose)
    return tuple(dict.fromkeys(found))


def _for(purpose: Purpose, lists: tuple[TrustList, ...]) -> tuple[TrustList, ...]:
    # A list of signers brings its stamping CAs along; one asked for stamps never brings signers.
    if purpose is Purpose.SIGNERS:
        return lists
    return tuple(trust_list for trust_list in lists if trust_list.purpose is purpose)


def _named_list(folder: ListFolder, name: str, purpose: Purpose) -> tuple[TrustList, ...]:
    if name.endswith((".pem", ".crt")) or os.sep in name:
        return _for(purpose, from_file(Path(name).expanduser(), purpose))
    lists = folder.load(name)
    if all(trust_list.purpose is not purpose for trust_list in lists):
        # Asked for by name in the wrong place: never let a list of authorities vouch for signers.
        raise ConfigError(
            f"trust list {name} is of {lists[0].purpose}, not of {purpose}",
            "name it under --tsa-trust" if purpose is Purpose.SIGNERS else "name it under --trust",
        )
    return _for(purpose, lists)


def _collector(name: str, lists: tuple[TrustList, ...], wish: Wish, policy: Policy) -> Collector:
    make: Callable[..., Collector] = plugins.load("evidence", name)
    match name:
        case "manifest":
            return make(lists, make_fetcher(wish.remote_hosts) if wish.remote_hosts else None)
        case "watermark":
            # Of a file's time the greater part is kept for what can prove something.
            return make(wish.mark_keys, policy.limits.max_seconds_per_file / 3)
    return make()


@dataclass(frozen=True)
class _Notes:
    """What is to be said of the trust lists with every file."""

    notes: tuple[Finding, ...]
    name: str = "trust"

    def collect(self, _asset: object) -> Iterable[Finding]:
        return self.notes


def _trust_notes(policy: Policy, lists: Iterable[TrustList]) -> Iterable[Finding]:
    lists = tuple(lists)
    if not any(trust_list.purpose is Purpose.SIGNERS for trust_list in lists):
        yield Finding(
            "trust.none",
            Status.SKIPPED,
            Weight.PROOF,
            "trust",
            "no list of signers is in use, so nobody can be recognised",
            reason=NO_LIST_HINT,
        )
    today = datetime.now(UTC).date()
    for trust_list in lists:
        age = (today - datetime.fromisoformat(trust_list.date).date()).days
        if policy.max_age_days is not None and age > policy.max_age_days:
            yield Finding(
                "trust.list_old",
                Status.PRESENT,
                Weight.PROOF,
                "trust",
                f"trust list {trust_list.name} is {age} days old; the policy allows "
                f"{policy.max_age_days}",
                facts={"name": trust_list.name, "date": trust_list.date, "days": age},
            )


NO_LIST_HINT = "add one: trustkit trust add C2PA-TRUST-LIST.pem --name c2pa"


def list_folder() -> ListFolder:
    """Return the folder of named trust lists: TRUSTKIT_HOME, else the user's config folder."""
    return ListFolder(home() / "trust")


def home() -> Path:
    """Return where trustkit keeps what a user has set up."""
    if asked := os.environ.get("TRUSTKIT_HOME"):
        return Path(asked)
    base = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(base) / "trustkit"


def open_signer(uri: str, passphrase: Passphrase) -> Signer:
    """Open the key that `uri` names, by the backend of its scheme; raises `PublishError`."""
    scheme, colon, location = uri.partition(":")
    if not colon or not location:
        raise PublishError(
            f"{uri!r} is no key URI",
            "write file:DIR, with DIR from `trustkit keys generate -o DIR`",
        )
    if scheme not in plugins.names("signers"):
        there = ", ".join(f"{name}:" for name in plugins.names("signers"))
        raise PublishError(f"no signer for {scheme}: keys", f"installed: {there}")
    signer: Signer = plugins.load("signers", scheme)(location, passphrase)
    return signer
