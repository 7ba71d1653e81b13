"""`trustkit models bench` on media whose scores are known beforehand."""

from __future__ import annotations

import csv
import hashlib
import json
import tomllib
import wave
from collections.abc import Callable, Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.conftest import Run
from tests.detector_toys import picture_card, picture_toy, sound_toy

JSON = ("-f", "json")
GROUPS = 4
SIDE = 64
KNOWN = [{"name": "elsewhere", "licence": "CC0", "count": 1, "source": "elsewhere"}]
Bench = Callable[..., Any]

# Grey levels: generated ones are brighter, and one source is brighter than most of them.
MADE = [[150, 160, 170, 180], [155, 165, 175, 185], [140, 150, 200, 210], [190, 195, 205, 215]]
SHOT = [[20, 30, 40, 50], [25, 35, 45, 55], [60, 70, 80, 90], [158, 168, 178, 188]]


def write_index(folder: Path, rows: Sequence[Sequence[object]], header: str = "") -> Path:
    lines = [header or "file\tlabel\tgenerator\tgallery\tkind"]
    path = folder / "INDEX.tsv"
    path.write_text("\n".join([*lines, *("\t".join(map(str, row)) for row in rows)]) + "\n")
    return path


def grey(path: Path, level: int, side: int = SIDE) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (side, side), (level, level, level)).save(path)


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four generators and four sources; generated pictures are larger."""
    folder = tmp_path_factory.mktemp("collection")
    rows = []
    for label, levels in ((1, MADE), (0, SHOT)):
        for group, own in enumerate(levels):
            for number, level in enumerate(own):
                word = "made" if label else "shot"
                file = f"{word}/{group}-{number}.png"
                grey(folder / file, level, SIDE + 32 * label)
                rows.append((file, label, f"{word}-{group}", f"{word}/gallery-{group}", "plain"))
    return write_index(folder, rows)


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return picture_toy(tmp_path_factory.mktemp("toys"), "toy-bench", trained_on=KNOWN)


@pytest.fixture
def bench(quick: Run) -> Bench:
    def call(*arguments: object, code: int = 0) -> Any:
        answer = quick("models", "bench", *arguments, "--draws", 50, "-q")
        assert answer.code == code, answer.stderr + answer.stdout[-2000:]
        return answer

    return call


def auc(made: Sequence[float], shot: Sequence[float]) -> float:
    return sum((m > s) + (m == s) / 2 for m in made for s in shot) / (len(made) * len(shot))


# --- what is refused ---


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("", 30, "empty"),
        ("file\tname\na.png\tx\n", 30, "no column label"),
        ("file\tlabel\n", 30, "no rows"),
        ("file\tlabel\na.png\tnan\n", 30, "label 'nan'"),
        ("file\tlabel\na.png\t2\n", 30, "label '2'"),
        ("file\tlabel\na.png\n", 30, "fewer cells"),
        ("file\tlabel\na.png\t1\tx\n", 30, "more cells"),
        ("file\tlabel\tlabel\na.png\t1\t1\n", 30, "two columns"),
        ("file\tlabel\n../../etc/passwd\t1\n", 30, "out of the index's folder"),
        ("file\tlabel\n/etc/passwd\t1\n", 30, "out of the index's folder"),
        ("file\tlabel\na.png\t1\na.png\t0\n", 30, "twice"),
        ("file\tlabel\n" + "a" * 2000 + "\t1\n", 30, "over 1000 characters"),
        ("\t".join(f"c{i}" for i in range(10**6)) + "\n", 30, "more than 200 columns"),
        ("file\tlabel\na\xff.png\t1\n", 30, "UTF-8"),
    ],
)
def test_what_is_no_index_is_refused_in_a_sentence(
    bench: Bench, toy: Path, tmp_path: Path, text: str, code: int, words: str
) -> None:
    path = tmp_path / "INDEX.tsv"
    path.write_bytes(text.encode("latin-1"))
    assert words in bench(toy, path, code=code).stderr


def test_a_missing_index_a_wrong_name_and_a_wrong_option_are_refused(
    bench: Bench, toy: Path, collection: Path, tmp_path: Path
) -> None:
    assert "there is no" in bench(toy, tmp_path / "no.tsv", code=3).stderr
    assert "is a folder" in bench(toy, tmp_path, code=2).stderr
    assert "no detector named" in bench("nobody", collection, code=33).stderr
    assert "no folder" in bench("./nobody", collection, code=2).stderr
    assert "no column colour" in bench(toy, collection, "--group", "colour", code=2).stderr
    assert "no condition fog" in bench(toy, collection, "--conditions", "fog", code=2).stderr
    assert "needs --card" in bench(toy, collection, "--recalibrate", code=2).stderr
    assert "no folder" in bench(toy, collection, "--json", tmp_path / "no/x.json", code=2).stderr


def test_a_link_out_of_the_folder_is_not_followed(bench: Bench, toy: Path, tmp_path: Path) -> None:
    grey(tmp_path / "secret.png", 99)
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "a.png").symlink_to(tmp_path / "secret.png")
    index = write_index(inside, [("a.png", 1, "m", "m", "-")])
    found = bench(toy, index, "-f", "json", code=30).json()
    assert {m["reason"] for m in found["missed"]} == {"a.png leads out of the index's folder"}
    assert found["scores"] == []


def test_files_that_cannot_be_read_are_told_and_the_others_counted(
    bench: Bench, toy: Path, tmp_path: Path
) -> None:
    for name, level in (("m.png", 200), ("s.png", 30)):
        grey(tmp_path / name, level)
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 40)
    rows = [("m.png", 1, "m", "m", "-"), ("s.png", 0, "s", "s", "-"),
            ("broken.png", 1, "m", "m", "-"), ("gone.png", 0, "s", "s", "-")]  # fmt: skip
    index = write_index(tmp_path, rows)
    found = bench(toy, index, "--conditions", "clean", "-f", "json", code=30).json()
    assert {m["file"] for m in found["missed"]} == {"broken.png", "gone.png"}
    assert found["conditions"][0]["auc"]["value"] == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("file\tvalue\nm.png\t1\n", "no columns file and score"),
        ("file\tscore\nm.png\tnan\n", "no number"),
        ("file\tscore\nother.png\t1\n", "does not name"),
        ("file\tscore\nm.png\t1\nm.png\t2\n", "twice"),
        ("file\tcondition\tscore\tfold\nm.png\tclean\t1\t0\nm.png\tx\t1\t1\n", "two folds"),
        ("file\tscore\tfold\nm.png\t1\t0\ns.png\t1\t\n", "some files alone"),
        ("file\tscore\n", "no scores"),
    ],
)
def test_scores_that_are_none_are_refused(
    bench: Bench, tmp_path: Path, text: str, words: str
) -> None:
    index = write_index(tmp_path, [("m.png", 1, "m", "m", "-"), ("s.png", 0, "s", "s", "-")])
    scores = tmp_path / "scores.tsv"
    scores.write_text(text)
    assert words in bench("new", index, "--scores", scores, code=30).stderr


# --- what is counted ---


def test_figures_are_those_that_the_pixels_say(bench: Bench, toy: Path, collection: Path) -> None:
    found = bench(toy, collection, "-f", "json").json()
    first = found["conditions"][0]
    assert [c["condition"] for c in found["conditions"]] == [
        "clean",
        "jpeg70-half",
        "social",
        "webp",
    ]
    assert (first["generated"], first["not_generated"]) == (16, 16)
    levels = [[level for own in side for level in own] for side in (MADE, SHOT)]
    assert first["auc"]["value"] == pytest.approx(auc(*levels), abs=1e-6)
    low, high = first["auc"]["interval_95"]
    assert low < first["auc"]["value"] <= high
    # What is found is a share of the generated ones, and of nothing else.
    assert {name: first[name]["of"] for name in ("auc", "tpr_1", "tpr_5")} == {
        "auc": 32, "tpr_1": 16, "tpr_5": 16,
    }  # fmt: skip
    scores = {s["file"]: s["score"] for s in found["scores"] if s["condition"] == "clean"}
    assert scores["made/0-0.png"] == pytest.approx(10 * (150 / 255 - 0.5), abs=1e-4)
    # The card's threshold of 1 % is a logit of 2: grey 179 and more.
    at = next(t for t in first["thresholds"] if t["false_positive_rate"] == 0.01)
    assert at["set"] == "of the card"
    assert at["true_positives"]["value"] == sum(level >= 179 for level in levels[0]) / 16
    assert at["false_positives"]["value"] == sum(level >= 179 for level in levels[1]) / 16


def test_every_generator_and_source_has_its_row(bench: Bench, toy: Path, collection: Path) -> None:
    found = bench(toy, collection, "--conditions", "clean", "-f", "json").json()
    groups = {(g["column"], g["value"]): g for g in found["conditions"][0]["groups"]}
    assert {column for column, _ in groups} == {"generator", "gallery", "kind"}
    assert groups["generator", "made-3"]["at_1_percent"]["value"] == 1
    assert groups["generator", "shot-3"]["at_1_percent"]["value"] == 0.25
    assert groups["generator", "shot-0"]["at_1_percent"]["value"] == 0
    assert groups["generator", "shot-0"]["at_1_percent"]["interval_95"][1] > 0.4  # of 4 files


def test_generators_and_sources_may_stand_in_columns_of_their_own(
    bench: Bench, toy: Path, tmp_path: Path
) -> None:
    rows = []
    for number, (level, label) in enumerate([(200, 1), (210, 1), (30, 0), (40, 0)]):
        grey(tmp_path / f"{number}.png", level)
        words = (f"gen{number}", "shop", "x") if label else ("", f"camera{number}", "x")
        rows.append((f"{number}.png", label, *words))
    index = write_index(tmp_path, rows, "file\tlabel\tgenerator\tsource\tlens")
    found = bench(toy, index, "--conditions", "clean", "--group", "lens", "-f", "json").json()
    assert (found["generators"], found["sources"]) == (2, 2)
    groups = {(g["column"], g["label"], g["value"]) for g in found["conditions"][0]["groups"]}
    assert groups == {
        ("generator", 1, "gen0"), ("generator", 1, "gen1"), ("source", 1, "shop"),
        ("source", 0, "camera2"), ("source", 0, "camera3"), ("lens", 1, "x"), ("lens", 0, "x"),
    }  # fmt: skip


def test_what_size_alone_gives_away_stands_beside_it(
    bench: Bench, toy: Path, collection: Path
) -> None:
    answer = bench(toy, collection, "--conditions", "clean", "-f", "json").json()
    beside = answer["size_and_format_alone"]
    assert beside["auc"]["value"] == 1  # all generated ones are larger
    assert "width" in beside["features"]
    assert "size and format alone" in bench(toy, collection, "--conditions", "clean").stdout


def test_an_answer_tells_why_it_is_none(bench: Bench, quick: Run, tmp_path: Path) -> None:
    toy = picture_toy(tmp_path, "toy-domain", trained_on=KNOWN)
    rows = []
    for number, (level, label) in enumerate([(160, 1), (165, 1), (250, 1), (10, 0), (20, 0)]):
        grey(tmp_path / f"{number}.png", level)
        rows.append((f"{number}.png", label, f"g{number}", "-", "-"))
    grey(tmp_path / "tiny.png", 250, 16)
    rows.append(("tiny.png", 1, "tiny", "-", "-"))
    index = write_index(tmp_path, rows)
    found = bench(toy, index, "--conditions", "clean", "-f", "json").json()["conditions"][0]
    made, others = found["answers"]
    assert made["why"] == {"band": 2, "domain": 1}
    assert (made["likely"]["value"], made["inconclusive"]["value"]) == (0.25, 0.75)
    assert others["unlikely"]["value"] == 1
    assert found["inconclusive_in_domain"]["value"] == pytest.approx(2 / 5)


def test_what_the_model_was_trained_on_is_in_no_headline(
    bench: Bench, collection: Path, tmp_path: Path
) -> None:
    seen = [
        {"name": "made-0", "licence": "CC0", "count": 4, "source": "somewhere"},
        {"name": "four pictures", "licence": "CC0", "count": 4,
         "source": "https://example.org/Shot/Gallery-3, as of May"},
    ]  # fmt: skip
    toy = picture_toy(tmp_path, "toy-seen", trained_on=seen)
    found = bench(toy, collection, "--conditions", "clean", "-f", "json").json()
    assert (found["seen"], found["unseen"]) == (8, 24)
    first = found["conditions"][0]
    assert (first["generated"], first["not_generated"]) == (12, 12)
    assert first["auc"]["value"] == 1  # shot-3, the difficult one, is not in it
    values = {group["value"] for group in first["groups"]}
    assert not {"made-0", "shot-3"} & values
    assert found["of_seen_media"][0]["generated"] == 4
    text = bench(toy, collection, "--conditions", "clean").stdout
    assert "8 are of generators, families or galleries that the model was trained on" in text


def test_where_nothing_is_unseen_there_is_no_headline(
    bench: Bench, collection: Path, tmp_path: Path
) -> None:
    names = [f"{word}-{i}" for word in ("made", "shot") for i in range(GROUPS)]
    seen = [{"name": n, "licence": "CC0", "count": 4, "source": "-"} for n in names]
    toy = picture_toy(tmp_path, "toy-all-seen", trained_on=seen)
    page = tmp_path / "page.html"
    answer = bench(toy, collection, "--conditions", "clean", "--html", page, code=30)
    assert "NO HEADLINE: the model was trained on relatives of every file" in answer.stdout
    assert "never saw\n" not in answer.stdout
    assert "Only to compare" in answer.stdout
    assert "<svg" not in page.read_text()
    refused = bench(
        toy, collection, "--conditions", "clean", "--card", toy, "--recalibrate", code=2
    )
    assert "nothing to calibrate on" in refused.stderr


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("Generator", "SDXL_Turbo"),  # a header and a name, written in another way
        ("generator\tSystem", "ours\tsdxl turbo"),  # a second name beside the first
        ("generator\tSource repo", "ours\tSDXL Turbo"),
    ],
)
def test_another_way_to_write_it_does_not_make_it_unseen(
    bench: Bench, collection: Path, tmp_path: Path, header: str, words: str
) -> None:
    seen = [{"name": "sdxl-turbo (v1), others", "licence": "CC0", "count": 4, "source": "-"}]
    toy = picture_toy(tmp_path, "toy-spelt", trained_on=seen)
    grey(tmp_path / "one.png", 20)
    index = write_index(tmp_path, [("one.png", 1, words)], f"File\tLabel\t{header}")
    answer = bench(toy, index, "--conditions", "clean", code=30)
    assert "NO HEADLINE: the model was trained on relatives of every file" in answer.stdout


def test_figures_are_not_written_over_an_index_or_into_another_card(
    bench: Bench, toy: Path, collection: Path, tmp_path: Path
) -> None:
    before = collection.read_bytes()
    assert "named twice" in bench(toy, collection, "--json", collection, code=2).stderr
    other = picture_toy(tmp_path, "toy-other")
    page = (other / "CARD.md").read_bytes()
    assert "is the folder of toy-other" in bench(toy, collection, "--card", other, code=2).stderr
    assert (collection.read_bytes(), (other / "CARD.md").read_bytes()) == (before, page)


def test_a_card_that_does_not_tell_its_training_is_not_believed(
    bench: Bench, collection: Path, tmp_path: Path
) -> None:
    toy = picture_toy(tmp_path, "toy-silent", trained_on=[])
    text = bench(toy, collection, "--conditions", "clean").stdout
    assert "does not say what the model was trained on" in text
    assert "never saw" not in text


def test_the_answer_is_the_same_with_more_workers(
    bench: Bench, toy: Path, collection: Path
) -> None:
    one, two = (
        bench(toy, collection, "--conditions", "clean,webp", "--limit", 12, "-j", jobs, *JSON)
        .json()
        for jobs in (1, 2)
    )  # fmt: skip
    assert one.pop("cpu_s_per_file") >= 0
    two.pop("cpu_s_per_file")
    assert one == two
    assert one["generators"] == one["sources"] == GROUPS  # twelve files, spread over all


def test_sounds_go_through_codecs_and_telephone(bench: Bench, tmp_path: Path) -> None:
    toy = sound_toy(tmp_path, "toy-heard", trained_on=KNOWN)
    rows = []
    for label, pitches in (("fake", (3000, 2600)), ("real", (200, 300))):
        for number, pitch in enumerate(pitches):
            file = f"{label}-{number}.wav"
            tone(tmp_path / file, pitch)
            rows.append((file, label, f"{label}{number}", f"page-{label}{number}"))
    index = write_index(tmp_path, rows, "file\tlabel\tsystem\tsource_repo")
    found = bench(toy, index, "-f", "json").json()
    conditions = {c["condition"]: c for c in found["conditions"]}
    assert list(conditions) == ["clean", "mp3-64", "opus-24", "aac-64", "telephone", "noise-20db"]
    assert all(c["auc"]["value"] == 1 for c in conditions.values())
    assert not found["missed"]


def test_several_indexes_are_one_and_their_files_are_told_apart(
    bench: Bench, toy: Path, tmp_path: Path
) -> None:
    indexes = []
    for name, levels in (("old", (200, 30)), ("new", (190, 40))):
        for file, level in zip(("m.png", "s.png"), levels, strict=True):
            grey(tmp_path / name / file, level)
        rows = [("m.png", 1, f"m-{name}", "m", "-"), ("s.png", 0, f"s-{name}", "s", "-")]
        indexes.append(write_index(tmp_path / name, rows))
    found = bench(toy, *indexes, "--conditions", "clean", "-f", "json").json()
    assert [s["file"] for s in found["scores"]] == [
        "old/m.png", "old/s.png", "new/m.png", "new/s.png",
    ]  # fmt: skip
    assert found["index"]["name"] == "old/INDEX.tsv + new/INDEX.tsv"
    assert (found["generators"], found["sources"]) == (2, 2)
    assert "folders of one name" in bench(toy, indexes[0], indexes[0], code=2).stderr


# --- scores of somebody else's folds ---


def test_scores_of_folds_get_thresholds_of_the_other_folds(
    bench: Bench, collection: Path, tmp_path: Path
) -> None:
    scores = tmp_path / "scores.tsv"
    write_scores(scores, collection)
    found = bench("new", collection, "--scores", scores, "-f", "json").json()
    assert found["scores_from"] == "scores.tsv"
    assert (found["seen"], found["unseen"]) == (0, 32)
    first = found["conditions"][0]
    (way,) = {t["set"] for t in first["thresholds"]}
    assert way == "set on the other folds"
    # Sources 0 and 2 are fold 0, whose threshold is set by shot-3 of fold 1, and the reverse.
    at = next(t for t in first["thresholds"] if t["false_positive_rate"] == 0.01)
    assert at["score"] == "90 to 188"
    assert at["false_positives"]["value"] == 4 / 16
    assert first["ece"]["of"] == 32


def write_scores(path: Path, index: Path, **more: str) -> None:
    with index.open() as stream:
        rows = list(csv.DictReader(stream, delimiter="\t"))
    lines = ["file\tcondition\tscore\tfold"]
    for row in rows:
        word, place = row["file"].split("/")
        group, number = (int(part) for part in place.removesuffix(".png").split("-"))
        level = (MADE if word == "made" else SHOT)[group][number]
        lines.append(f"{row['file']}\tclean\t{level - 1e-5:.5f}\t{group % 2}")
    path.write_text("\n".join(lines) + "\n")


def test_one_source_alone_sets_no_threshold(bench: Bench, tmp_path: Path) -> None:
    rows = [("m.png", 1, "m", "m", "-"), ("s.png", 0, "s", "s", "-"), ("t.png", 0, "s", "s", "-")]
    index, scores = write_index(tmp_path, rows), tmp_path / "scores.tsv"
    scores.write_text("file\tscore\nm.png\t2\ns.png\t1\nt.png\t0\n")
    grey(tmp_path / "s.png", 9)
    found = bench("new", index, "--scores", scores, "-f", "json").json()
    assert found["conditions"][0]["auc"]["value"] == 1
    assert found["conditions"][0]["thresholds"] == []
    assert any("one source alone" in note for note in found["notes"])
    assert any("too narrow" in note for note in found["notes"])


# --- what is written ---


class _Page(HTMLParser):
    void = frozenset({"meta"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)
        if tag not in self.void:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes.update(name for name, _ in attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_whole_in_itself_and_hostile_names_stay_text(
    bench: Bench, toy: Path, tmp_path: Path
) -> None:
    rows = []
    for number, (level, label) in enumerate([(200, 1), (210, 1), (220, 1), (30, 0), (40, 0)]):
        grey(tmp_path / f"{number}.png", level)
        name = f'<script src="http://example.org/{number}">|x' if label else "plain"
        rows.append((f"{number}.png", label, name, "`|<b>", "-"))
    index = write_index(tmp_path, rows)
    page = tmp_path / "page.html"
    bench(toy, index, "--html", page)
    text = page.read_text()
    parser = _Page()
    parser.feed(text)
    assert not parser.open
    assert "svg" in parser.tags
    assert not parser.tags & {"script", "img", "link", "iframe", "object", "b"}
    assert not parser.attributes & {"src", "href", "onload", "xlink:href"}
    assert "default-src 'none'" in text


def test_the_card_keeps_what_people_wrote(
    bench: Bench, quick: Run, collection: Path, tmp_path: Path
) -> None:
    toy = picture_toy(tmp_path, "toy-page", trained_on=KNOWN)
    (toy / "CARD.md").write_text("# A toy\n\nWritten by hand, *above*.\n")
    rehash(toy)
    before = (toy / "card.toml").read_text()
    bench(toy, collection, "--conditions", "clean", "--card", toy)
    page = (toy / "CARD.md").read_text()
    assert page.startswith("# A toy\n\nWritten by hand, *above*.\n")
    assert "| clean | 16 / 16 |" in page
    (toy / "CARD.md").write_text(page + "\nWritten by hand, below.\n")
    rehash(toy)
    bench(toy, collection, "--conditions", "clean,webp", "--card", toy)
    again = (toy / "CARD.md").read_text()
    assert again.endswith("\nWritten by hand, below.\n")
    assert again.count("measured: begin") == 1
    assert "| webp | 16 / 16 |" in again
    # Of card.toml one line has changed: the page's hash.
    after = (toy / "card.toml").read_text()
    digest = hashlib.sha256(again.encode()).hexdigest()
    changed = [b for a, b in zip(before.splitlines(), after.splitlines(), strict=True) if a != b]
    assert [digest in line for line in changed] == [True]


def test_recalibration_replaces_what_is_measured_and_nothing_else(
    bench: Bench, collection: Path, tmp_path: Path
) -> None:
    toy = picture_toy(tmp_path, "toy-anew", trained_on=KNOWN)
    old = tomllib.loads((toy / "card.toml").read_text())
    bench(toy, collection, "--conditions", "clean", "--card", toy, "--recalibrate")
    new = tomllib.loads((toy / "card.toml").read_text())
    measured = {"calibration", "threshold", "metrics", "files"}
    assert {k: v for k, v in old.items() if k not in measured} == {
        k: v for k, v in new.items() if k not in measured
    }
    assert new["files"]["model.onnx"] == old["files"]["model.onnx"]
    ratios = new["calibration"]["log_likelihood_ratios"]
    assert ratios == sorted(ratios)
    assert max(map(abs, ratios)) < np.log(17) + 1e-3  # of sixteen on either side
    rates = [t["false_positive_rate"] for t in new["threshold"]]
    assert rates == [0.05, 0.01, 0.001]
    # None of the others is above its threshold but where another source sets it.
    assert new["threshold"][1]["measured"] == 4 / 16
    assert new["metrics"]["clean"]["auc"][3] == 32
    # And the detector still is what its card says.
    found = bench(toy, collection, "--conditions", "clean", "-f", "json").json()
    assert found["conditions"][0]["thresholds"][1]["score"] == f"{new['threshold'][1]['score']:.4g}"


def test_a_card_that_cannot_be_rewritten_is_left_as_it_is(
    bench: Bench, collection: Path, tmp_path: Path
) -> None:
    toy = picture_toy(tmp_path, "toy-odd", trained_on=KNOWN)
    text = (toy / "card.toml").read_text()
    start = "<!-- measured: begin (written by `trustkit models bench --card`) -->"
    (toy / "CARD.md").write_text(f"# A toy\n{start}\nand no end\n")
    rehash(toy)
    text = (toy / "card.toml").read_text()
    answer = bench(toy, collection, "--conditions", "clean", "--card", toy, code=33)
    assert "one of the two markers alone" in answer.stderr
    assert (toy / "card.toml").read_text() == text


def rehash(toy: Path) -> None:
    card = tomllib.loads((toy / "card.toml").read_text())
    digest = hashlib.sha256((toy / "CARD.md").read_bytes()).hexdigest()
    text = (toy / "card.toml").read_text().replace(card["files"]["CARD.md"], digest)
    (toy / "card.toml").write_text(text)


def tone(path: Path, pitch: float) -> None:
    # A chord with a breath of noise, two seconds long.
    time = np.arange(32_000) / 16_000
    sound = 0.4 * np.sin(2 * np.pi * pitch * time) * (0.6 + 0.4 * np.sin(2 * np.pi * 3 * time))
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(16_000)
        out.writeframes((sound * 32767).astype("<i2").tobytes())


def test_the_json_is_one_document_of_numbers(bench: Bench, toy: Path, collection: Path,
                                             tmp_path: Path) -> None:  # fmt: skip
    path = tmp_path / "all.json"
    shown = bench(toy, collection, "--conditions", "clean", "--json", path, "-f", "json").json()
    written = json.loads(path.read_text(), parse_constant=pytest.fail)
    shown.pop("cpu_s_per_file")
    written.pop("cpu_s_per_file")
    assert shown == written
    assert written["intervals"]["draws"] == 50
    assert picture_card()["kind"] == written["detector"]["kind"]
