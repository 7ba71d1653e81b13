"""Every renderer, byte for byte: `TRUSTKIT_GOLDEN=write pytest tests/golden` writes them anew."""

from __future__ import annotations

import json
import os
from pathlib import Path

import jsonschema
import pytest

from tests.golden.run import FILES, golden_run
from trustkit import plugins
from trustkit.policy import Word
from trustkit.reports import word
from trustkit.reports.schema import FilePart, ReportDocument

HERE = Path(__file__).parent


@pytest.mark.parametrize("name", plugins.names("reports"))
def test_a_report_is_as_it_was(name: str) -> None:
    golden = HERE / f"report.{name}"
    text: str = plugins.load("reports", name)(golden_run())

    if os.environ.get("TRUSTKIT_GOLDEN") == "write":
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text("utf-8")


@pytest.mark.parametrize("name", plugins.names("reports"))
def test_no_control_character_leaves_a_report(name: str) -> None:
    text: str = plugins.load("reports", name)(golden_run())

    assert "\x1b" not in text


@pytest.mark.parametrize("name", plugins.names("reports"))
def test_every_file_is_in_every_report(name: str) -> None:
    text: str = plugins.load("reports", name)(golden_run())

    assert all(path in text for path in (*FILES, "broken"))


def test_the_json_reports_keep_to_the_published_schema() -> None:
    document = json.loads(plugins.load("reports", "json")(golden_run()))
    lines = plugins.load("reports", "jsonl")(golden_run()).splitlines()

    jsonschema.validate(document, ReportDocument.model_json_schema(mode="serialization"))
    for line, file in zip(lines, document["files"], strict=True):
        jsonschema.validate(json.loads(line), FilePart.model_json_schema(mode="serialization"))
        assert json.loads(line) == file


def test_the_golden_run_has_a_row_for_each_word() -> None:
    assert {word(report) for report in golden_run().files} == set(Word)
