"""What `recover` works with, put together: the toolbox of whoever leads copies back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from trustkit.evidence.look import Ways
from trustkit.home import registry_url
from trustkit.policies import load_policy
from trustkit.recover import Elsewhere, Recoverer, Unregistered, Work
from trustkit.toolbox import Wish, open_rereader, trust_lists

if TYPE_CHECKING:
    from trustkit.c2pa.stored import Rereader
    from trustkit.sbr import Resolver


@dataclass(frozen=True)
class Search:
    """How to look: `wish` names registry, keys and trust lists; it can cross to a worker.

    `resolver` is a service to be asked, by the file itself only with `uploads`.
    """

    wish: Wish
    deep: bool = False
    personal: bool = False
    resolver: Resolver | None = None
    uploads: bool = False


def open_work(search: Search) -> Work:
    """Make the work function of one process; raises as `open_recoverer`."""
    if search.resolver is None:
        recoverer = open_recoverer(search.wish, deep=search.deep, personal=search.personal)
        return Work(recoverer)
    rereader = _rereader(search.wish)
    inner: Recoverer | Unregistered
    if not registry_url(search.wish.registry):
        inner = Unregistered(_ways(search.wish, deep=search.deep))
    else:
        inner = open_recoverer(search.wish, deep=search.deep, personal=search.personal)
    return Work(Elsewhere(inner, search.resolver, rereader, search.uploads))


def open_recoverer(wish: Wish, *, deep: bool, personal: bool) -> Recoverer:
    """Make what leads copies back to the records of a registry.

    Raises `ConfigError` where there is no registry, for a bad key or trust file, and `StoreError`.
    """
    from trustkit.stores.registry import needed_registry

    ways, rereader = _ways(wish, deep=deep), _rereader(wish)
    registry = needed_registry(wish.registry)
    return Recoverer(registry.store, registry.blobs, ways, rereader, personal)


def check_search(search: Search) -> None:
    """Raise what `open_work` would, so that it is said once and not of every file."""
    from trustkit.stores.registry import needed_registry
    from trustkit.watermarks.keys import read_key

    wish = search.wish
    for name in wish.mark_keys:
        read_key(Path(name))
    trust_lists(load_policy(wish.policy), wish)
    if search.resolver is None or registry_url(wish.registry):
        needed_registry(wish.registry).close()


def _ways(wish: Wish, *, deep: bool) -> Ways:
    # OpenCV is kept to one thread: a worker is given one core.
    from trustkit.watermarks import Search as How
    from trustkit.watermarks.files import PUBLIC_NAME, one_thread, open_keys
    from trustkit.watermarks.sight import AT_EASE, Sight

    one_thread()
    keys = open_keys((PUBLIC_NAME, *wish.mark_keys))
    return Ways(Sight(keys, AT_EASE, How.DEEP if deep else How.NORMAL).marks)


def _rereader(wish: Wish) -> Rereader:
    return open_rereader(trust_lists(load_policy(wish.policy), wish), wish)
