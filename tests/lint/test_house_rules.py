"""A house's own rules: read strictly, and the first that holds decides."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Run
from tests.disclosed import SAID
from trustkit.disclosure import Consent, Edit
from trustkit.errors import ConfigError, PublishError
from trustkit.houserules import Answer, Facts, Rules, decide, facts_of, permit
from trustkit.houserules.files import is_rules, load_rules

HOUSE = """
rules = 1
name = "newsroom"

[[rule]]
decision = "refuse"
when.origin = ["declared_ai"]
when.kind = ["video", "audio"]
when.consent = false
why = "a voice or a face by a model, and nobody agreed to it"

[[rule]]
decision = "review"
when.label_exempt = true
why = "an exemption is decided by a person"

[[rule]]
decision = "review"
when.source_type = ["compositeWithTrainedAlgorithmicMedia", "trainedAlgorithmicMedia"]
when.system = ["Example Painter"]
why = "pictures of this system are looked at"

[[rule]]
decision = "refuse"
when.lacks = ["eu-code"]
why = "a profile is not met"

[[rule]]
decision = "allow"
when.origin = ["declared_capture", "declared_edit"]
when.larger_than = 1000
when.has_prompt = false
why = "our own photographs"
"""

LACKS = 'when.lacks = ["eu-code"]'
EU: dict[str, Any] = {"profiles": ["eu-code"]}


@pytest.fixture
def rules(tmp_path: Path) -> Rules:
    file = tmp_path / "house.toml"
    file.write_text(HOUSE)
    return load_rules(str(file))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("rules = 1", "rules = 2", "rules"),
        ('name = "newsroom"', 'name = "newsroom"\nothervise = "allow"', "unknown key othervise"),
        (LACKS, "when.lack = []", "unknown key rule.3.when.lack"),
        (LACKS, "when.lacks = true", "rule.3.when.lacks"),
        ("when.has_prompt = false", 'when.has_prompt = "no"', "rule.4.when.has_prompt"),
        (LACKS, "when = {}", "rule 4 has an empty `when`"),
        (LACKS, "when.source_type = []", "when.source_type: an empty list asks nothing"),
        (LACKS, "when.consent = []", "when.consent: an empty list asks nothing"),
        ('"declared_ai"', '"ai"', "'ai' is no origin"),
        ('"trainedAlgorithmicMedia"]', '"trainedMedia"]', "'trainedMedia' is no digital source"),
        ('"video", "audio"', '"film"', "rule.0.when.kind"),
        ('decision = "allow"', 'decision = "accept"', "rule.4.decision"),
        ('why = "a profile is not met"', 'why = ""', "rule.3.why"),
        (LACKS, "when.lacks = 1 1", "are not TOML"),
        (LACKS, "when.system = " + "[" * 3000, "are not TOML"),
    ],
)
def test_rules_with_a_slip_are_refused(tmp_path: Path, old: str, new: str, said: str) -> None:
    file = tmp_path / "house.toml"
    file.write_text(HOUSE.replace(old, new, 1))
    with pytest.raises(ConfigError, match=said) as refused:
        load_rules(str(file))
    assert refused.value.exit_code == 33


def test_rules_that_are_not_there_or_huge_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_rules(str(tmp_path / "none.toml"))
    huge = tmp_path / "huge.toml"
    huge.write_text(HOUSE + "#" * 2**18)
    with pytest.raises(ConfigError, match="larger than"):
        load_rules(str(huge))


def test_where_no_rule_holds_a_person_looks_unless_the_house_says_otherwise(
    tmp_path: Path, rules: Rules
) -> None:
    nothing = Facts("algorithmicMedia", "image", 10, profiles=frozenset({"eu-code"}))
    assert decide(rules, nothing).answer is Answer.REVIEW
    assert decide(rules, nothing).rule == 0
    file = tmp_path / "free.toml"
    file.write_text(HOUSE.replace('name = "newsroom"', 'name = "x"\notherwise = "allow"'))
    assert decide(load_rules(str(file)), nothing).answer is Answer.ALLOW


def test_the_first_rule_that_holds_decides(rules: Rules) -> None:
    film = facts_of(SAID, "video", 5000)
    assert (decide(rules, film).answer, decide(rules, film).rule) == (Answer.REFUSE, 1)
    agreed = replace(SAID, consents=(Consent("face", "contract 17"),))
    assert decide(rules, facts_of(agreed, "video", 5000)).rule == 3
    exempt = replace(agreed, label_exempt="satire")
    assert decide(rules, facts_of(exempt, "video", 5000)).rule == 2
    other = replace(agreed, system="Another")
    assert decide(rules, facts_of(other, "video", 5000)).rule == 4
    assert decide(rules, facts_of(other, "video", 5000, **EU)).rule == 0
    assert decide(rules, facts_of(other, "video", 5000, **EU, gaps=["eu-code"])).rule == 4
    photo = replace(SAID, source_type="digitalCapture", system="")
    assert decide(rules, facts_of(photo, "image", 5000, **EU)).answer is Answer.ALLOW
    assert decide(rules, facts_of(photo, "image", 1000, **EU)).rule == 0
    assert decide(rules, facts_of(replace(photo, prompt="x"), "image", 5000, **EU)).rule == 0


def test_one_edit_by_a_model_counts_as_ai(rules: Rules) -> None:
    edit = Edit("c2pa.edited", "compositeWithTrainedAlgorithmicMedia")
    said = replace(SAID, source_type="digitalCapture", system="", edits=(edit,))
    assert decide(rules, facts_of(said, "audio", 5000)).rule == 1


def test_refused_is_refused_whoever_reviewed_it_and_a_review_needs_a_name(rules: Rules) -> None:
    with pytest.raises(PublishError, match="refuse it \\(rule 1 of newsroom\\)") as refused:
        permit(decide(rules, facts_of(SAID, "video", 1)), "A Person")
    assert refused.value.exit_code == 40
    review = decide(rules, facts_of(SAID, "image", 1))
    with pytest.raises(PublishError, match="a person has to look at it first") as asked:
        permit(review, " ")
    assert "--reviewed-by" in asked.value.hint
    told = "rule 3 of newsroom: pictures of this system are looked at"
    assert permit(review, "A Person") == told
    photo = replace(SAID, source_type="digitalCapture")
    assert permit(decide(rules, facts_of(photo, "image", 5000, **EU))) == ""


def test_policy_check_takes_house_rules_too(quick: Run, tmp_path: Path) -> None:
    file = tmp_path / "house.toml"
    file.write_text(HOUSE)
    assert is_rules(str(file))
    answer = quick("policy", "check", file)
    assert (answer.code, answer.stdout) == (0, "newsroom: good, 5 rules, otherwise review\n")
    file.write_text(HOUSE.replace("when.lacks", "when.lack"))
    answer = quick("policy", "check", file)
    assert answer.code == 33
    assert "unknown key rule.3.when.lack" in answer.stderr
