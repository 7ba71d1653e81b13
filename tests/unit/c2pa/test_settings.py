"""The engine takes any settings key in silence, so ours are checked."""

from __future__ import annotations

import pytest

from trustkit.c2pa.settings import checked, open_context


@pytest.mark.parametrize(
    "settings",
    [
        {"verify": {"verify_timestamp_trust": False}},
        {"verify": {"verify_trust": False}},
        {"verify": {"remote_manifest_fetchh": False}},
        {"bogus": {"anything": 1}},
        {"core": {"allowed_network_host": []}},
        {"trust": {"trust_anchors": "PEM"}},
        {"trust": {"allowed_list": "PEM"}},
        {"builder": {"actions": {}, "nope": 1}},
    ],
)
def test_a_key_that_is_not_ours_to_set_is_refused(settings: dict[str, dict[str, object]]) -> None:
    with pytest.raises(ValueError, match="engine settings"):
        checked(settings)
    with pytest.raises(ValueError, match="engine settings"):
        open_context(extra=settings)


def test_a_key_that_is_ours_passes_unchanged() -> None:
    settings = {"verify": {"remote_manifest_fetch": False}, "core": {"allowed_network_hosts": []}}
    assert checked(settings) is settings


def test_the_engine_may_never_reach_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    monkeypatch.setattr("trustkit.c2pa.settings.Context.from_json", seen.append)
    open_context()
    assert '"remote_manifest_fetch": false' in seen[0]
    assert '"ocsp_fetch": false' in seen[0]
    assert '"allowed_network_hosts": []' in seen[0]
