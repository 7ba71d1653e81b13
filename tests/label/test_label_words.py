"""The words of labels: all languages of the EU, each with all it needs, in letters of our own."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from trustkit.errors import UsageError
from trustkit.label import Label, Text
from trustkit.label.page import alt_text
from trustkit.label.words import (
    languages,
    local_words,
    main_words,
    parse_languages,
    sentence,
    voice,
)
from trustkit.media.labels import Box, Words
from trustkit.media.labels.drawing import draw
from trustkit.media.labels.letters import Letters
from trustkit.media.labels.turning import shown_size, stored

# Council Regulation No 1 of 1958, as amended by the accession of Croatia.
OF_THE_EU = {
    *("bg", "cs", "da", "de", "el", "en", "es", "et", "fi", "fr", "ga", "hr"),
    *("hu", "it", "lt", "lv", "mt", "nl", "pl", "pt", "ro", "sk", "sl", "sv"),
}


def test_all_languages_of_the_union_are_there() -> None:
    assert set(languages()) == OF_THE_EU | {"zh"}


@pytest.mark.parametrize("code", languages())
def test_each_language_has_its_words_its_sentence_and_its_voice(code: str) -> None:
    said = {sentence(text, code) for text in Text}
    words = [local_words(text, [code]) for text in Text]

    assert len(said) == len(Text)
    assert all(one.strip() == one and one[-1] in ".。" for one in said)
    assert voice(code)
    if code == "en":
        assert words == [(), (), ()]
    else:
        assert len({one for (one,) in words}) == len(Text)


@pytest.mark.parametrize("code", sorted(OF_THE_EU))
def test_our_own_letters_write_every_language_of_the_union(code: str) -> None:
    letters = Letters()
    for text in Text:
        whole = main_words(text) + "".join(local_words(text, [code]))

        assert letters.missing(whole) == ""
        for capital in (9.0, 30.0):
            mask, base = letters.line(whole, capital)
            assert mask.max() == 1.0
            assert capital <= base <= 2 * capital


def test_the_capital_letters_ai_are_the_largest() -> None:
    for text in Text:
        assert main_words(text).startswith("AI")
    stamp = draw(Words("AI", ("Mit KI erzeugt",)), 40.0, Letters())
    rows = np.flatnonzero((stamp.letters > 0.5).any(axis=1))
    # Two lines, the first of them higher.
    gaps = np.flatnonzero(np.diff(rows) > 1)
    assert len(gaps) == 1
    assert gaps[0] + 1 > len(rows) - gaps[0] - 1


def test_what_is_not_drawn_is_named() -> None:
    assert Letters().missing("AI 人ß1") == "人1"


def test_languages_are_parsed_once_each_and_regions_ignored() -> None:
    assert parse_languages("de-AT, fr,de_DE") == ("de", "fr")
    assert parse_languages("") == ()
    with pytest.raises(UsageError):
        parse_languages("de,xx")


def test_alt_texts_end_one_sentence_before_the_next() -> None:
    label = Label(Text.GENERATED)

    assert alt_text(label, "A red bus") == f"A red bus. {sentence(Text.GENERATED, 'en')}"
    assert alt_text(label, "Who is it?") == f"Who is it? {sentence(Text.GENERATED, 'en')}"
    assert alt_text(label) == sentence(Text.GENERATED, "en")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_stamp_is_turned_as_viewers_turn_it_back(orientation: int) -> None:
    stamp, size = draw(Words("AI"), 20.0, Letters()), (300, 200)
    shown = shown_size(size, orientation)
    box = Box(shown[0] - stamp.size[0] - 7, 11, *stamp.size)
    turned, there = stored(stamp, box, size, orientation)
    canvas = np.zeros((size[1], size[0]), np.float32)
    canvas[there.y : there.bottom, there.x : there.right] = turned.letters
    image = Image.fromarray(canvas)
    exif = image.getexif()
    exif[0x0112] = orientation
    from PIL import ImageOps

    upright = np.asarray(ImageOps.exif_transpose(image))

    assert upright.shape == (shown[1], shown[0])
    assert (upright[box.y : box.bottom, box.x : box.right] == stamp.letters).all()
