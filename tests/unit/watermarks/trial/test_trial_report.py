"""The table, the JSON and the page of a trial tell the same, and stand alone."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from trustkit.errors import UnreadableError
from trustkit.watermarks.trial import page, plots, report
from trustkit.watermarks.trial.attacks import ATTACKS
from trustkit.watermarks.trial.result import (
    About,
    Cell,
    Failed,
    Frames,
    Marked,
    Outcome,
    Result,
    Unmarked,
)

EVIL = "<script>alert(1)</script>\x1b[31m&.png"


def cell(number: int, attack: str) -> Cell:
    if attack == "jxl30":
        return Cell(attack, Outcome.NOT_RUN, reason="pillow-jxl-plugin is not installed")
    outcome = Outcome.RECOVERED if number % 7 else Outcome.UNREADABLE
    outcome = Outcome.SECOND if attack == "remark" else outcome
    confidence = 8.0 + number % 5 if outcome is Outcome.RECOVERED else None
    return Cell(attack, outcome, 400_000, 0.01, confidence, "lattice")


@pytest.fixture
def result() -> Result:
    marked = tuple(
        Marked(
            name,
            f"{seed:064x}",
            Frames(900, 600 + seed),
            bytes([seed] * 8),
            {"psnr": 44.0 + seed / 7, "ssim": 0.99},
            0.03,
            tuple(cell(n * (seed + 1), a.name) for n, a in enumerate(ATTACKS, 1)),
        )
        for seed, name in enumerate(["a.png", EVIL, "c.png"])
    )
    return Result(
        engine={"name": "org.example.tiles.1", "strength": "default", "search": "normal"},
        seed=9,
        attacks=tuple(
            About(a.name, a.group, a.sentence, "not installed" * (a.name == "jxl30"))
            for a in ATTACKS
        ),
        marked=marked,
        unmarked=(Unmarked("u.png", "e" * 64, Frames(9, 9), 0.31, None, 4.75),),
        failed=(Failed(EVIL, UnreadableError("it is no picture", "give another")),),
    )


@pytest.fixture
def nothing() -> Result:
    return Result({"name": "e"}, 1, tuple(About(a.name, a.group, a.sentence) for a in ATTACKS))


def test_nothing_tried_is_nothing_claimed(nothing: Result) -> None:
    table, html = report.to_table(nothing), page.to_html(nothing)

    assert "100.0 %" not in table
    assert "not run: no picture" in table
    assert "No unmarked pictures were given" in table
    assert "<svg" not in html
    summary = json.loads(report.to_json(nothing))["summary"]
    assert summary["mean_of_forty"]["every"]["share"] is None
    assert summary["unmarked"]["upper_bound_95"] is None


def test_json_has_every_cell_and_no_number_that_is_none(result: Result) -> None:
    same = replace(result.marked[0], quality={"psnr": math.inf, "ssim": 1.0})
    text = report.to_json(replace(result, marked=(same, *result.marked[1:])))
    document = json.loads(text, parse_constant=pytest.fail)

    assert document["schema_version"] == "1.0"
    assert document["tool"]["name"] == "trustkit"
    assert document["engine"]["strength"] == "default"
    assert document["seed"] == 9
    assert [len(f["cells"]) for f in document["files"] if not f["error"]] == [len(ATTACKS)] * 3
    assert document["files"][0]["psnr"] is None
    assert document["files"][3] == {
        "path": EVIL,
        "error": {"code": "unreadable", "message": "it is no picture", "hint": "give another"},
    }
    by_name = {row["name"]: row for row in document["attacks"]}
    assert by_name["jxl30"]["not_run"] == 3
    assert by_name["jxl30"]["reason"] == "not installed"
    assert by_name["remark"]["second"] == 3
    for row in by_name.values():
        came = [c for f in document["files"][:3] for c in f["cells"] if c["attack"] == row["name"]]
        assert row["every"]["recovered"] == sum(c["outcome"] == "recovered" for c in came)
    assert document["summary"]["wrong_payloads"] == 0
    assert document["summary"]["unmarked"]["highest_confidence"] == 4.75


def test_the_table_has_a_line_for_every_attack(result: Result) -> None:
    lines = report.to_table(result).splitlines()

    for attack in ATTACKS:
        assert sum(line.split()[:1] == [attack.name] for line in lines) == 1
    assert any(line.startswith("jxl30") and "not run: not installed" in line for line in lines)
    assert any("mean of the forty" in line for line in lines)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", report.to_table(result))


def test_what_is_not_all_is_never_told_as_all() -> None:
    assert report.percent(1.0) == "100.0 %"
    assert report.percent(0.99999) == "99.9 %"
    assert report.percent(0.0) == "0.0 %"
    assert report.percent(None) == "-"


class Elements(HTMLParser):
    """Every tag with its attributes, and whether all that were opened were closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_runs_nothing_and_fetches_nothing(result: Result) -> None:
    html = page.to_html(result)
    elements = Elements(html)

    assert elements.open == []
    tags = {tag for tag, _ in elements.found}
    assert not tags & {"script", "link", "img", "iframe", "object", "embed", "a", "form", "base"}
    assert not tags & {"image", "use", "foreignobject", "animate", "set"}
    names = {name for _, attributes in elements.found for name in attributes}
    assert not names & {"src", "href", "style", "action"}
    assert not {name for name in names if name.startswith("on")}
    assert "url(" not in html
    assert "http:" not in html.replace("http-equiv", "")
    assert "https:" not in html
    assert "default-src 'none'" in html


def test_the_page_can_be_heard(result: Result) -> None:
    html = page.to_html(result)
    elements = Elements(html)
    drawn = [attributes for tag, attributes in elements.found if tag == "svg"]

    assert len(drawn) == 5
    assert all(d["role"] == "img" and len(d["aria-label"] or "") > 30 for d in drawn)
    for svg in re.findall(r"<svg.*?</svg>", html, re.DOTALL):
        root = ElementTree.fromstring(svg)  # noqa: S314  # it is our own
        assert root[0].tag == "title"
        assert root[0].text == root.get("aria-label")
    tags = [tag for tag, _ in elements.found]
    assert tags.count("caption") == tags.count("table")
    assert all(a.get("scope") in {"col", "row"} for tag, a in elements.found if tag == "th")
    assert '<html lang="en">' in html


def test_the_page_says_what_the_json_says(result: Result) -> None:
    html = page.to_html(result)
    document = json.loads(report.to_json(result))

    for row in document["attacks"]:
        if row["every"]["of"]:
            wanted = f"<td>{row['every']['recovered']:g} of {row['every']['of']}</td>"
            line = html.split(f'<th scope="row">{row["name"]}</th>')[1].split("</tr>")[0]
            assert wanted in line
    assert "not run: not installed" in html
    assert "it is no picture (give another)" in html
    assert "highest confidence there: 4.8" in html
    assert page.to_html(result) == html


def test_nobody_is_told_that_a_picture_is_not_marked(result: Result) -> None:
    said = report.to_table(result) + re.sub(r"<[^>]*>", "", page.to_html(result))

    assert not re.search(r"\b(real|fake|authentic)\b", said, re.IGNORECASE)
    assert "No mark readable” never means that a picture is not marked" in said


def contrast(colour: str) -> float:
    def channel(value: int) -> float:
        share = value / 255
        return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4

    red, green, blue = (channel(int(colour[i : i + 2], 16)) for i in (1, 3, 5))
    return 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05)


def test_colours_can_be_told_from_the_paper() -> None:
    assert all(contrast(c) >= 4.5 for c in (plots.INK, plots.BLUE, plots.RED, plots.AMBER))
    assert contrast(plots.BAR) >= 3


def test_many_pictures_make_no_giant_of_the_page(result: Result) -> None:
    many = replace(
        result, marked=tuple(replace(result.marked[0], name=f"{i}.png") for i in range(300))
    )

    html = page.to_html(many)

    assert "Every picture under every attack" not in html
    assert len(html) < 300_000
