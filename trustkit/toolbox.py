"""The one composition root: from what the user asked for to collectors, policy and signer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from trustkit import plugins
from trustkit.asset import open_asset
from trustkit.batch.local import VerifyWorker
from trustkit.batch.sources import shown
from trustkit.c2pa.describe import describe, describe_raw
from trustkit.c2pa.fetch import make_fetcher
from trustkit.c2pa.lists import ListFolder, in_use
from trustkit.c2pa.revocation.asking import Asker
from trustkit.c2pa.revocation.crl import read_lists
from trustkit.c2pa.revocation.status import Inquiry
from trustkit.c2pa.shelf import Shelf
from trustkit.c2pa.trust import Purpose, TrustList
from trustkit.errors import ConfigError, MissingBackendError, PublishError
from trustkit.evidence import Collector
from trustkit.evidence.trust import TrustNotes, trust_notes
from trustkit.home import NO_REGISTRY, home, named_registry, registry_url
from trustkit.policies import DEFAULT, load_policy
from trustkit.policy import Policy
from trustkit.signers import Passphrase, Signer

# What compares and signs is imported where it is asked for: `verify` is started often, and needs
# neither.
if TYPE_CHECKING:
    from trustkit.c2pa.compare import Side
    from trustkit.c2pa.stored import Rereader
    from trustkit.lint import LintReport
    from trustkit.redact import Row
    from trustkit.signers.keep import KeyFolder


@dataclass(frozen=True)
class Wish:
    """How files are to be verified, in plain values, so that it can cross to a worker.

    `trust`, `tsa_trust` and `identity_trust` name lists or files beside the policy's;
    `remote_hosts` are those from which remote manifests may be fetched: none means that nothing
    is. `mark_keys` are files of keys with which marks are read, beside the public one. With `ocsp`
    the responders of certificates on a list in use are asked, at `ocsp_hosts` on private addresses
    too; `crls` are files of revocation lists. `validation_time` (ISO 8601) is as of when to judge.
    With `second_opinion` another C2PA engine is asked as well. `registry` is the URL of one, or
    `none`, or empty: the user's own, where there is one. `fast` leaves the detectors out, which
    otherwise run on `device`.
    """

    policy: str = DEFAULT
    trust: tuple[str, ...] = ()
    tsa_trust: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    remote_hosts: tuple[str, ...] = ()
    mark_keys: tuple[str, ...] = ()
    identity_trust: tuple[str, ...] = ()
    ocsp: bool = False
    ocsp_hosts: tuple[str, ...] = ()
    crls: tuple[str, ...] = ()
    validation_time: str = ""
    second_opinion: bool = False
    registry: str = ""
    fast: bool = False
    device: str = "cpu"


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
    made: dict[str, Collector] = {}
    for name in sorted(names, key=lambda name: name == "registry"):  # it asks another for marks
        made[name] = _collector(name, lists, wish, policy, made)
    collectors: list[Collector] = [made[name] for name in names]
    if wish.second_opinion:
        collectors.append(_opinion(lists, wish))
    now = _as_of(wish) or datetime.now(UTC)
    notes = tuple(trust_notes(lists, policy.max_age_days, now)) if "manifest" in names else ()
    if notes:
        collectors.append(TrustNotes(notes))
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


def open_comparer() -> Callable[[Path], Side]:
    """Make the work function that reads what a file says of itself, to be compared."""
    return _side


def _side(path: Path) -> Side:
    from trustkit.c2pa.compare import side

    return side(open_asset(path, shown(str(path))))


def open_lister() -> Callable[[tuple[Path, str]], list[Row]]:
    """Make the work function that lists what a file states and could be redacted."""
    return _statements


def _statements(file: tuple[Path, str]) -> list[Row]:
    from trustkit.redact import listing  # brings the part that writes along

    path, name = file
    return listing(open_asset(path, name))


def open_linter(
    profiles: tuple[str, ...], keys: tuple[str, ...], registry: str = ""
) -> Callable[[Any], LintReport]:
    """Make the work function that holds files against disclosure profiles; `keys` read marks.

    `registry` is the URL of one to be asked for records; with none, none is asked.
    """
    from trustkit.lint import lint
    from trustkit.profiles import load_profiles
    from trustkit.watermarks import Search
    from trustkit.watermarks.files import open_keys
    from trustkit.watermarks.sight import Limits, Sight

    held = load_profiles(profiles)
    # A published file is a whole copy; the greater part of its time is left for the rest.
    sight = Sight(open_keys(("public", *keys)), Limits(seconds=40.0), Search.FAST)
    store = None
    if registry:
        from trustkit.stores.registry import open_registry

        store = open_registry(registry).store  # as long as the process lives

    def work(file: tuple[Path, str]) -> LintReport:
        path, name = file
        return lint(open_asset(path, name), held, sight, store)

    return work


def chosen_collectors(wish: Wish) -> list[str]:
    """List the collectors to ask; raises `ConfigError` for one that is not installed."""
    there = plugins.names("evidence")
    for name in (*wish.only, *wish.skip):
        if name not in there:
            raise ConfigError(f"no collector named {name!r}", f"installed: {', '.join(there)}")
    skip = {*wish.skip, *(["detectors"] if wish.fast else [])}
    asked = [n for n in there if (not wish.only or n in wish.only) and n not in skip]
    has_registry = wish.registry != NO_REGISTRY and bool(registry_url(wish.registry))
    if not asked or (asked == ["registry"] and not has_registry):
        # Nothing checked is nothing proved.
        raise ConfigError("no collector is left to ask", "drop some --only or --skip")
    return asked


def trust_lists(policy: Policy, wish: Wish) -> tuple[TrustList, ...]:
    """Return the lists in use: those asked for, else the policy's, else all that are installed."""
    named = {
        Purpose.SIGNERS: wish.trust or policy.trust_lists,
        Purpose.TIMESTAMPS: wish.tsa_trust or policy.tsa_lists,
        Purpose.IDENTITY: wish.identity_trust or policy.identity_lists,
    }
    return in_use(list_folder(), named)


def _collector(
    name: str,
    lists: tuple[TrustList, ...],
    wish: Wish,
    policy: Policy,
    made: Mapping[str, Collector],
) -> Collector:
    make: Callable[..., Collector] = plugins.load("evidence", name)
    match name:
        case "registry":
            return _registry(make, lists, wish, made)
        case "manifest":
            fetch = make_fetcher(wish.remote_hosts) if wish.remote_hosts else None
            manifest = make(lists, fetch, inquiry=_inquiry(wish), as_of=_as_of(wish))
            return _with_products(manifest)
        case "watermark":
            # Of a file's time the greater part is kept for what can prove something.
            return make(wish.mark_keys, policy.limits.max_seconds_per_file / 3)
        case "detectors":
            seconds = policy.limits.max_seconds_per_file / 3
            return make(policy.max_false_positive_rate, seconds, wish.device)
    return make()


def _registry(
    make: Callable[..., Collector],
    lists: tuple[TrustList, ...],
    wish: Wish,
    made: Mapping[str, Any],
) -> Collector:
    if wish.registry == NO_REGISTRY:
        return make(why_not="it was asked not to")
    url = registry_url(wish.registry)
    if not url:
        return make()
    marks = made["watermark"].marks if "watermark" in made else None
    registry: Any = make(url, open_rereader(lists, wish), marks)
    if wish.registry or named_registry():
        registry.check()  # one that was named and is not there is to be said at once
    collector: Collector = registry
    return collector


def open_rereader(lists: tuple[TrustList, ...], wish: Wish) -> Rereader:
    """Make what reads the manifests that records keep, against the lists in use."""
    from trustkit.c2pa.stored import Rereader

    return Rereader(lists, _inquiry(wish), _as_of(wish))


def _opinion(lists: tuple[TrustList, ...], wish: Wish) -> Collector:
    # The other engine is an extra, and loaded when it is asked for.
    try:
        from trustkit.evidence.opinion import OpinionCollector
    except ModuleNotFoundError as error:
        if error.name != "encypher_c2pa":
            raise
        raise MissingBackendError(
            f"a second opinion needs {error.name}", "pip install 'trustkit[second-opinion]'"
        ) from error
    return OpinionCollector(lists, _as_of(wish))


def _with_products(manifest: Collector) -> Collector:
    information = information_shelf()
    if not information.names():
        return manifest
    # Imported where the list is installed: most have none, and reading it takes a library.
    from trustkit.c2pa.updating import load_products
    from trustkit.evidence.listed import Listed

    products = load_products(information)
    return Listed(manifest, products) if products else manifest


def _inquiry(wish: Wish) -> Inquiry:
    found = [crl for name in wish.crls for crl in read_lists(Path(name).expanduser())]
    asks = wish.ocsp or wish.ocsp_hosts
    return Inquiry(tuple(found), Asker(wish.ocsp_hosts) if asks else None)


def _as_of(wish: Wish) -> datetime | None:
    return datetime.fromisoformat(wish.validation_time) if wish.validation_time else None


def list_folder() -> ListFolder:
    """Return the folder of named trust lists: TRUSTKIT_HOME, else the user's config folder."""
    return ListFolder(home() / "trust")


def information_shelf() -> Shelf:
    """Return the folder of lists that inform and vouch for nobody, beside the trust lists."""
    return Shelf(home() / "information")


def key_folder() -> KeyFolder:
    """Return the folder of the keys that are kept by name."""
    from trustkit.signers.keep import KeyFolder

    return KeyFolder(home() / "keys")


def own_status(signer: Signer, ocsp_hosts: tuple[str, ...] = ()) -> bytes:
    """Ask the issuer of a key's certificate for its status; raises `PublishError` if not good."""
    from trustkit.c2pa.revocation.own import own_status as ask_status

    return ask_status(signer.chain, Asker(ocsp_hosts))


def open_signer(uri: str, passphrase: Passphrase) -> Signer:
    """Open the key that `uri` names, by the backend of its scheme; raises `PublishError`.

    A bare name is that of a key kept by `trustkit keys`.
    """
    from trustkit.signers.checked import checked
    from trustkit.signers.pem import open_file_signer

    if key_folder().is_kept(uri):
        return open_file_signer(quote(str(key_folder().in_use(uri))), passphrase)
    scheme, colon, location = uri.partition(":")
    if not colon or not location:
        raise PublishError(
            f"{uri!r} is no key URI",
            "write file:DIR, with DIR from `trustkit keys generate -o DIR`, or a name of "
            "`trustkit keys list`",
        )
    if scheme not in plugins.names("signers"):
        there = ", ".join(f"{name}:" for name in plugins.names("signers"))
        raise PublishError(f"no signer for {scheme}: keys", f"installed: {there}")
    try:
        make = plugins.load("signers", scheme)
    except MissingBackendError as error:
        raise PublishError(error.message, error.hint) from error
    signer: Signer = make(location, passphrase)
    # What our own code does with a key in memory is tested; what others do is checked each time.
    return signer if scheme == "file" else checked(signer)
