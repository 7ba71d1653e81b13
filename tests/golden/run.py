"""One run made of values alone, with every kind of row: what the golden reports show."""

from __future__ import annotations

from trustkit.axes import axes
from trustkit.errors import UnreadableError
from trustkit.finding import Finding, Status, Weight
from trustkit.policies import load_policy
from trustkit.policy import Policy
from trustkit.reports import Run, exit_code
from trustkit.verify import Report, unread

_AI = {
    "source_type": "trainedAlgorithmicMedia",
    "system": "Painter",
    "system_version": "3",
    "provider": "Example Lab",
    "created": "2026-11-01T10:00:00Z",
    "id": "one",
    "depth": 0,
}


def finding(code: str, status: Status, summary: str, reason: str = "", **facts: object) -> Finding:
    return Finding(code, status, Weight.PROOF, "manifest@1", summary, reason, facts)


PRESENT = finding("manifest.present", Status.PRESENT, "a C2PA manifest, embedded")
INTACT = finding("manifest.intact", Status.PRESENT, "the content and the claim are as signed")
TRUSTED = finding("manifest.trusted", Status.PRESENT, "signed by Press, whom list c2pa vouches for")
UNKNOWN = finding("manifest.signer_unknown", Status.PRESENT, "signed as Press, whom no list knows")
CHANGED = finding("manifest.content_changed", Status.INVALID, "the content is not what was signed")
BROKEN = finding("manifest.ingredient_broken", Status.INVALID, "its parent 'a' was already broken")
AI = finding("manifest.declares_ai", Status.PRESENT, "declares trainedAlgorithmicMedia", **_AI)
ABSENT = finding("manifest.present", Status.ABSENT, "no C2PA manifest in the file or beside it")
REMOTE = finding("manifest.remote", Status.SKIPPED, "its manifest is kept elsewhere", "not asked")


def marked(code: str, summary: str, **facts: object) -> Finding:
    status = Status.PRESENT
    return Finding(f"watermark.{code}", status, Weight.STRONG, "watermark@1", summary, "", facts)


MARK = marked("present", "the mark 1f00c0ffee5eed07 was read", payload="1f00c0ffee5eed07")
OTHER_MARK = marked("mismatch", "the manifest names another mark than was read")
GENERATOR = marked("generator", "a mark in the pixels says Painter", generator="Painter")

UNSIGNED = Finding(
    "metadata.declares_ai",
    Status.PRESENT,
    Weight.WEAK,
    "metadata@1",
    "its XMP says trainedAlgorithmicMedia, which nobody signed",
    facts={"place": "xmp", "source_type": "trainedAlgorithmicMedia", "system": ""},
)
CROSSED = Finding(
    "metadata.conflict",
    Status.PRESENT,
    Weight.WEAK,
    "metadata@1",
    "what it declares contradicts itself",
    facts={"places": ["manifest", "xmp"]},
)
CAPTURE = finding("manifest.declares_capture", Status.PRESENT, "declares digitalCapture",
                  source_type="digitalCapture", depth=0)  # fmt: skip


def led(code: str, status: Status, summary: str, **facts: object) -> Finding:
    return Finding(f"registry.{code}", status, Weight.STRONG, "registry@1", summary, "", facts)


MATCH = led("match", Status.PRESENT, "a lead to the record 1f00c0ffee5eed07, and no proof",
            record="1f00c0ffee5eed07", kind="watermark", false_match_odds=1e-7)  # fmt: skip
KEPT = led("manifest", Status.PRESENT, "the stored manifest holds by itself")
DAMAGED = led("manifest", Status.INVALID, "the stored manifest does not hold")
CONFLICT = led("conflict", Status.PRESENT, "what leads to records does not fit together")


def detected(code: str, status: Status, summary: str, reason: str = "", **facts: object) -> Finding:
    weak, source = Weight.WEAK, "detector:painted-or-not@1"
    return Finding(f"detector.{code}", status, weak, source, summary, reason, facts)


LIKELY = detected(
    "synthetic",
    Status.PRESENT,
    "painted-or-not finds indications of AI generation: such a score is 14 times as common among "
    "generated pictures as among others; it is wrong about 0.98 % (0.6 to 1.5 %, 1,870 counted) of "
    "other pictures",
    score=3.2,
    likelihood_ratio=14.0,
    threshold=2.9,
    false_positive_rate=0.0098,
    false_positive_interval=[0.006, 0.015],
    counted=1870,
)
UNLIKELY = detected(
    "synthetic",
    Status.ABSENT,
    "no indications by painted-or-not, which misses 48 % (44 to 52 %, 2,100 counted) of generated "
    "pictures: that proves nothing",
)
DOUBT = detected("inconclusive", Status.PRESENT, "inconclusive: the answer of painted-or-not flips")
UNASKED = detected("synthetic", Status.SKIPPED, "no detector looked at the sound", "none is there")

FILES = {
    "photo.jpg": (PRESENT, INTACT, TRUSTED),
    "stranger.jpg": (PRESENT, INTACT, UNKNOWN),
    "painted.png": (PRESENT, INTACT, TRUSTED, AI),
    "laundered.png": (PRESENT, INTACT, TRUSTED, AI, BROKEN),
    "altered.mp4": (PRESENT, CHANGED, UNKNOWN),
    "elsewhere.jpg": (REMOTE,),
    "plain.wav": (ABSENT,),
    "stripped.jpg": (ABSENT, MARK),
    "word.png": (ABSENT, GENERATOR),
    "told.jpg": (ABSENT, UNSIGNED),
    "both.jpg": (PRESENT, INTACT, TRUSTED, CAPTURE, UNSIGNED, CROSSED),
    "crossed.jpg": (PRESENT, INTACT, TRUSTED, MARK, OTHER_MARK),
    "ours.jpg": (ABSENT, MARK, MATCH, KEPT),
    "doubtful.jpg": (ABSENT, MARK, MATCH, DAMAGED, CONFLICT),
    "known.jpg": (PRESENT, INTACT, TRUSTED, MATCH, KEPT),
    "made.jpg": (ABSENT, LIKELY),
    "clip.mp4": (ABSENT, UNLIKELY, UNASKED),
    "unsure.jpg": (ABSENT, DOUBT),
    "signed.jpg": (PRESENT, INTACT, TRUSTED, LIKELY),
}


def _report(policy: Policy, path: str, findings: tuple[Finding, ...]) -> Report:
    media = {"type": "image/jpeg", "kind": "image", "width": 4, "height": 3}
    return Report(path, "00" * 32, 12, media, axes(findings), policy.judge(findings))


def golden_run() -> Run:
    policy = load_policy("newsdesk")
    files = [_report(policy, path, findings) for path, findings in FILES.items()]
    files.append(unread("broken\x1b.jpg", UnreadableError("broken.jpg is empty", "ask again")))
    return Run(
        files=files,
        policy_name="newsdesk",
        policy_sha256="11" * 32,
        trust_lists=(
            {
                "name": "c2pa",
                "purpose": "signers",
                "sha256": "22" * 32,
                "date": "2026-08-05",
                "certificates": 30,
            },
        ),
        tool={"name": "trustkit", "version": "0.0.0", "parts": {"c2pa": "0.0.0"}},
        id="run",
        started="2026-11-01T10:00:00+00:00",
        duration_ms=1.0,
        exit_code=exit_code(files),
    )
