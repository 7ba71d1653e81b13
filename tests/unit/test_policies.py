"""Policy files: what is wrong in one is said, and never read as something else."""

from __future__ import annotations

from pathlib import Path

import pytest

from trustkit.errors import ConfigError
from trustkit.policies import load_policy

CASE = '[[case]]\ndecision = "{}"\n{}'
WRONG = {
    "an unknown key": "colour = 1",
    "an unknown key of trust": '[trust]\nlist = ["c2pa"]',
    "an unknown key of a case": CASE.format("reject", 'when.any = ["manifest.intact"]\nwhy2 = ""'),
    "an unknown key of when": CASE.format("reject", 'when.some = ["manifest.intact"]'),
    "an unknown key of limits": "[limits]\nmax_byte = 5",
    "an unknown decision": CASE.format("deny", 'when.any = ["manifest.intact"]'),
    "an unknown verdict": CASE.format("review", 'when.verdict = ["fake"]'),
    "an unknown status": CASE.format("review", 'when.any = ["manifest.intact:gone"]'),
    "a code nobody has": CASE.format("reject", 'when.any = ["manifest.content_change"]'),
    "a kind nobody has": CASE.format("reject", 'when.any = ["manifst.content_changed"]'),
    "an empty code": CASE.format("reject", 'when.any = [""]'),
    "an empty when": CASE.format("reject", "when = {}"),
    "no when": CASE.format("reject", ""),
    "empty lists in when": CASE.format("reject", "when.any = []"),
    "a size that is none": '[limits]\nmax_bytes = "4 GB"',
    "no bytes": "[limits]\nmax_bytes = 0",
    "less than no time": "[limits]\nmax_seconds_per_file = -1",
    "a text for lists": '[trust]\nlists = "c2pa"',
    "a rate above one": "[detectors]\nmax_false_positive_rate = 2.0",
    "no age": "[trust]\nmax_age_days = 0",
    "not TOML": "[trust",
}
DETECTOR_ALONE = (
    'when.none = ["detector.synthetic:absent"]',
    'when.any = ["detector.synthetic"]',
    'when.any = ["detector"]',
    'when.all = ["detector.synthetic"]',
    'when.any = ["manifest.content_changed", "detector.synthetic"]',
    'when.all = ["detector.synthetic"]\nwhen.none = ["manifest.trusted"]',
    'when.all = ["detector.synthetic", "manifest.present:absent"]',
    'when.verdict = ["likely_ai"]',
    'when.verdict = ["tampered", "likely_ai"]',
    'when.verdict = ["likely_ai"]\nwhen.none = ["manifest.trusted"]',
    'when.verdict = ["likely_ai"]\nwhen.all = ["manifest.present:absent"]',
    'when.verdict = ["likely_ai"]\n'
    'when.any = ["manifest.present:absent", "manifest.revocation:skipped"]',
)


def written(folder: Path, text: str, head: str = 'policy = 1\nname = "x"\n') -> str:
    path = folder / "policy.toml"
    path.write_text(f"{head}{text}\n")
    return str(path)


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_policy_is_refused(tmp_path: Path, wrong: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_policy(written(tmp_path, WRONG[wrong]))
    assert caught.value.exit_code == 33
    assert "policy.toml" in caught.value.message


@pytest.mark.parametrize("head", ["", "policy = 2\nname='x'\n", "policy = 1\n", "name = 'x'\n"])
def test_a_policy_says_its_version_and_its_name(tmp_path: Path, head: str) -> None:
    with pytest.raises(ConfigError):
        load_policy(written(tmp_path, "", head))


@pytest.mark.parametrize("when", DETECTOR_ALONE)
def test_a_detector_alone_cannot_reject(tmp_path: Path, when: str) -> None:
    with pytest.raises(ConfigError, match="detector alone"):
        load_policy(written(tmp_path, CASE.format("reject", when)))
    load_policy(written(tmp_path, CASE.format("review", when)))
    allowed = f"[detectors]\nallow_detector_reject = true\n{CASE.format('reject', when)}"
    load_policy(written(tmp_path, allowed))


def test_a_detector_beside_proof_may_reject(tmp_path: Path) -> None:
    when = 'when.all = ["detector.synthetic", "manifest.ingredient_broken"]'
    assert load_policy(written(tmp_path, CASE.format("reject", when))).cases


def test_sizes_are_read_in_units(tmp_path: Path) -> None:
    policy = load_policy(written(tmp_path, '[limits]\nmax_bytes = "4GiB"\nmax_memory = "512 MiB"'))
    assert (policy.limits.max_bytes, policy.limits.max_memory) == (4 * 2**30, 512 * 2**20)
