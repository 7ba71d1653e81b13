"""A house's own rules: what may be published by a program, and what a person must see before.

Facts of a publication -> the first rule that holds -> a decision. Pure; `files` reads the rules.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from trustkit.disclosure import C2PA_SOURCE_TYPES, SOURCE_TYPES, Disclosure
from trustkit.errors import PublishError


class Answer(StrEnum):
    """What is to be done with a publication."""

    ALLOW = "allow"
    REVIEW = "review"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a publication before anything is written.

    `profiles` are those asked for, `gaps` those of which something required is missing. `consent`
    lists what was agreed to (`voice`, `face`, `likeness`), `identity` is who stands by it beside
    the signer. `size` in bytes.
    """

    source_type: str
    kind: str
    size: int
    system: str = ""
    provider: str = ""
    profiles: frozenset[str] = frozenset()
    gaps: frozenset[str] = frozenset()
    consent: frozenset[str] = frozenset()
    identity: str = ""
    has_prompt: bool = False
    has_label: bool = False
    label_exempt: bool = False
    has_parent: bool = False
    edits: frozenset[str] = frozenset()

    @property
    def origins(self) -> frozenset[str]:
        """What is declared, in the words of the origin axis: `declared_ai` and so on."""
        known = {**SOURCE_TYPES, **C2PA_SOURCE_TYPES}
        return frozenset(known[t].value for t in {self.source_type, *self.edits} if t in known)


@dataclass(frozen=True, slots=True)
class When:
    """Conditions, joined by *and*; one left out (None or empty) asks nothing.

    A list asks that one of its words is a fact, and `lacks` that one of its profiles was not asked
    for or is not met; a truth value asks that it is so, or is not. `consent` also takes True and
    False for any or none.
    """

    source_type: frozenset[str] = frozenset()
    origin: frozenset[str] = frozenset()
    kind: frozenset[str] = frozenset()
    system: frozenset[str] = frozenset()
    provider: frozenset[str] = frozenset()
    identity: frozenset[str] = frozenset()
    lacks: frozenset[str] = frozenset()
    consent: bool | frozenset[str] | None = None
    has_identity: bool | None = None
    has_prompt: bool | None = None
    has_label: bool | None = None
    label_exempt: bool | None = None
    has_parent: bool | None = None
    larger_than: int | None = None

    def holds(self, facts: Facts) -> bool:
        """Tell whether every condition is met."""
        lists = (
            (self.source_type, {facts.source_type}),
            (self.origin, facts.origins),
            (self.kind, {facts.kind}),
            (self.system, {facts.system}),
            (self.provider, {facts.provider}),
            (self.identity, {facts.identity}),
            (self.lacks, self.lacks - (facts.profiles - facts.gaps)),
        )
        truths = (
            (self.has_identity, bool(facts.identity)),
            (self.has_prompt, facts.has_prompt),
            (self.has_label, facts.has_label),
            (self.label_exempt, facts.label_exempt),
            (self.has_parent, facts.has_parent),
        )
        return (
            all(not asked or asked & found for asked, found in lists)
            and all(asked is None or asked == found for asked, found in truths)
            and self._consents(facts)
            and (self.larger_than is None or facts.size > self.larger_than)
        )

    def _consents(self, facts: Facts) -> bool:
        if self.consent is None:
            return True
        if isinstance(self.consent, bool):
            return self.consent == bool(facts.consent)
        return bool(self.consent & facts.consent)


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of the rules."""

    answer: Answer
    when: When
    why: str


@dataclass(frozen=True, slots=True)
class Rules:
    """A house's rules; where none holds, the answer is `otherwise`."""

    name: str
    sha256: str
    rules: tuple[Rule, ...]
    otherwise: Answer = Answer.REVIEW


@dataclass(frozen=True, slots=True)
class Decision:
    """What the rules answer, why, and by which of them (counted from 1; 0: none held)."""

    answer: Answer
    why: str
    rule: int
    rules: str


def decide(rules: Rules, facts: Facts) -> Decision:
    """Return what the first rule that holds answers."""
    for number, rule in enumerate(rules.rules, 1):
        if rule.when.holds(facts):
            return Decision(rule.answer, rule.why, number, rules.name)
    return Decision(rules.otherwise, "no rule of the house speaks of it", 0, rules.name)


def facts_of(
    disclosure: Disclosure,
    kind: str,
    size: int,
    *,
    profiles: Iterable[str] = (),
    gaps: Iterable[str] = (),
    identity: str = "",
    has_parent: bool = False,
) -> Facts:
    """Return the facts of a publication from what is to be declared of it."""
    return Facts(
        disclosure.source_type,
        kind,
        size,
        disclosure.system,
        disclosure.provider,
        frozenset(profiles),
        frozenset(gaps),
        frozenset(one.of for one in disclosure.consents),
        identity,
        has_prompt=bool(disclosure.prompt),
        has_label=bool(disclosure.label),
        label_exempt=bool(disclosure.label_exempt),
        has_parent=has_parent,
        edits=frozenset(edit.source_type for edit in disclosure.edits if edit.source_type),
    )


def permit(decision: Decision, reviewed_by: str = "") -> str:
    """Return what the manifest is to say of a review; empty where none was needed.

    Raises `PublishError` where the rules refuse, or ask for a review that nobody has made.
    """
    by = f"rule {decision.rule} of {decision.rules}" if decision.rule else decision.rules
    if decision.answer is Answer.REFUSE:
        raise PublishError(f"the house's rules refuse it ({by}): {decision.why}", _NOTHING)
    if decision.answer is Answer.ALLOW:
        return ""
    if not reviewed_by.strip():
        raise PublishError(
            f"a person has to look at it first ({by}): {decision.why}",
            f"{_NOTHING}; when it was looked at: --reviewed-by NAME",
        )
    return f"{by}: {decision.why}"


_NOTHING = "nothing was written"
