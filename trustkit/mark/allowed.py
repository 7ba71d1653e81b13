"""Whether a file may be published as asked: by the profiles that bind, and by the house's rules.

Asked before anything is written, so that nothing is half published for want of a field.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from trustkit.asset import Asset
from trustkit.c2pa.parent import incoming
from trustkit.disclosure import Disclosure
from trustkit.errors import PublishError
from trustkit.houserules import Rules, decide, facts_of, permit
from trustkit.label import kind_of
from trustkit.mark.prepare import Steps
from trustkit.media.metadata import read as read_metadata
from trustkit.profiles import FIELDS, Place, Profile
from trustkit.profiles.plan import closed_places, missing, places, refusal
from trustkit.publish import Order
from trustkit.watermarks.fit import unmarkable


@dataclass(frozen=True, slots=True)
class Terms:
    """What a publication has to obey; `identity` is who stands by it beside the signer."""

    profiles: tuple[Profile, ...] = ()
    rules: Rules | None = None
    identity: str = ""


def allowed(
    asset: Asset, disclosure: Disclosure, order: Order, steps: Steps, terms: Terms
) -> Disclosure:
    """Return the disclosure with what a review adds to it; raises `PublishError`.

    A gap in what a profile requires is a refusal that no rule of a house can lift: rules can only
    ask for more.
    """
    kind = kind_of(asset)
    closed = closed_places(asset.media_type)
    there = () if closed or not terms.profiles else _told(asset)
    gaps = missing(terms.profiles, disclosure, kind, closed, there)
    if gaps:
        error = refusal(gaps)
        raise PublishError(error.message, error.hint)
    _left_out(asset, disclosure, order, steps, places(terms.profiles, disclosure, kind))
    if terms.rules is None:
        return disclosure
    facts = facts_of(
        disclosure,
        kind,
        asset.size,
        profiles=[profile.name for profile in terms.profiles],
        identity=terms.identity,
        has_parent=incoming(asset) is not None,
    )
    review = permit(decide(terms.rules, facts), disclosure.reviewed_by)
    return replace(disclosure, review=review)


def _told(asset: Asset) -> list[str]:
    """List the facts that its own metadata tell."""
    with asset.open() as stream:
        found = read_metadata(stream, asset.media_type, asset.name)
    return [fact for fact, name in FIELDS.items() if found.value(name)]


def _left_out(
    asset: Asset,
    disclosure: Disclosure,
    order: Order,
    steps: Steps,
    wanted: Mapping[Place, tuple[str, ...]],
) -> None:
    """Refuse where a step that a profile requires was left out by choice, and could be taken."""
    hints: dict[Place, str] = {}
    if not order.tsa or order.defer_timestamp:
        hints[Place.TIMESTAMP] = "--tsa URL, and no --defer-timestamp"
    if not steps.watermark and not unmarkable(asset):
        hints[Place.WATERMARK] = "leave out --no-watermark"
    if not steps.label and not disclosure.label_exempt:
        hints[Place.LABEL] = "--label TEXT"
    for place, hint in hints.items():
        if place in wanted:
            raise PublishError(
                f"{wanted[place][0]} requires a {_WORDS[place]}, and none is to be made",
                f"{hint}; nothing was written",
            )


_WORDS = {
    Place.TIMESTAMP: "time stamp",
    Place.WATERMARK: "watermark",
    Place.LABEL: "label that people see or hear",
}
