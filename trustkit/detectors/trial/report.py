"""A trial as JSON: every figure with its interval and count, and every single score."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trustkit import __version__
from trustkit.detectors import Rate
from trustkit.detectors.trial.evaluating import finite
from trustkit.detectors.trial.result import Baseline, Observation, Outcome, Result

VERSION = 1


def document(result: Result) -> dict[str, Any]:
    """Return the document; the same trial gives the same one, but for `cpu_s_per_file`."""
    about = result.about
    return {
        "schema_version": VERSION,
        "tool": {"name": "trustkit", "version": __version__},
        "detector": {"name": about.name, "version": about.version, "kind": about.kind.value},
        "scores_from": about.scores or None,
        "index": {"name": result.index, "sha256": result.index_sha256, "files": result.total},
        "seen": result.seen,
        "unseen": result.unseen,
        "generators": result.generators,
        "sources": result.sources,
        "no_headline_because": result.why_no_headline or None,
        "intervals": {
            "of_figures": "95 %, bootstrap over generators and sources",
            "of_shares": "95 %, Wilson",
            "draws": result.times,
            "seed": result.seed,
        },
        "notes": list(result.notes),
        "cpu_s_per_file": round(result.seconds, 4),
        "conditions": [_outcome(one) for one in result.outcomes],
        "of_seen_media": [_outcome(one) for one in result.seen_outcomes],
        "size_and_format_alone": _baseline(result.baseline),
        "missed": [
            {"file": m.file, "condition": m.condition, "reason": m.reason} for m in result.missed
        ],
        "scores": [_observation(o) for o in result.observations],
    }


def rate(one: Rate) -> dict[str, Any]:
    """Return a share or a figure with its interval and count."""
    return {
        "value": finite(one.value),
        "interval_95": [finite(one.low), finite(one.high)],
        "of": one.total,
    }


def _outcome(one: Outcome) -> dict[str, Any]:
    return {
        "condition": one.condition,
        "sentence": one.sentence,
        "generated": one.generated,
        "not_generated": one.others,
        **{name: rate(figure) for name, figure in one.figures.items()},
        "inconclusive_in_domain": rate(one.in_domain_inconclusive),
        "thresholds": [
            {
                "false_positive_rate": at.asked,
                "set": at.how,
                "score": at.score,
                "true_positives": rate(at.true),
                "false_positives": rate(at.false),
            }
            for at in one.thresholds
        ],
        "answers": [
            {
                "label": answers.label,
                "likely": rate(answers.likely),
                "unlikely": rate(answers.unlikely),
                "inconclusive": rate(answers.inconclusive),
                "why": dict(answers.why),
            }
            for answers in one.answers
        ],
        "groups": [
            {
                "column": group.column,
                "value": group.value,
                "label": group.label,
                "at_1_percent": rate(group.at_1),
                "at_5_percent": rate(group.at_5),
                "inconclusive": rate(group.inconclusive),
                "median_score": finite(group.median),
            }
            for group in one.groups
        ],
        "roc": [[finite(x), finite(y)] for x, y in one.roc],
        "reliability": [
            {"believed": finite(p), "counted": finite(share), "weight": finite(w), "files": n}
            for p, share, w, n in one.reliability
        ],
    }


def _baseline(one: Baseline | None) -> Mapping[str, Any] | None:
    if one is None:
        return None
    return {
        "auc": rate(one.auc),
        "tpr_1": rate(one.tpr_1),
        "strongest": one.strongest,
        "features": list(one.told),
    }


def _observation(o: Observation) -> dict[str, Any]:
    return {
        "file": o.file,
        "condition": o.condition,
        "score": finite(o.score),
        "log_likelihood_ratio": finite(o.log_ratio),
        "answer": o.answer.value,
        "why": o.why,
        "fold": o.fold,
    }
