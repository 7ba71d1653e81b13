"""PDF: read where pikepdf is installed, told where it is not, never written."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.command import MEDIA
from trustkit.errors import MissingBackendError, PublishError
from trustkit.media.metadata import read
from trustkit.media.metadata.write import checked, write

AI = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"


@pytest.fixture
def document(tmp_path: Path) -> Path:
    pikepdf = pytest.importorskip("pikepdf")
    path = tmp_path / "a.pdf"
    with pikepdf.open(MEDIA / "page.pdf") as pdf:
        pdf.docinfo["/Title"], pdf.docinfo["/Author"] = "A page", "Somebody"
        with pdf.open_metadata(set_pikepdf_as_editor=False, update_docinfo=False) as xmp:
            xmp["{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}DigitalSourceType"] = AI
        pdf.save(path)
    return path


def test_xmp_and_document_information_are_read(document: Path) -> None:
    with document.open("rb") as file:
        found = read(file, "application/pdf")

    assert found.digital_source_type == AI
    assert (found.title, found.creator) == ("A page", "Somebody")
    assert found.malformed == ()


def test_a_damaged_document_is_told(document: Path) -> None:
    document.write_bytes(b"%PDF-1.7\n" + bytes(200))
    with document.open("rb") as file:
        assert "pikepdf cannot read it" in read(file, "application/pdf").malformed[0].why


def test_it_is_never_written(document: Path, tmp_path: Path) -> None:
    with pytest.raises(PublishError, match="is not written"):
        write(document, tmp_path / "b.pdf", "application/pdf", checked({"Credit": "X"}, (), {}))


def test_without_pikepdf_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pikepdf", None)
    monkeypatch.delitem(sys.modules, "trustkit.media.metadata.pdf", raising=False)
    with (MEDIA / "page.pdf").open("rb") as file, pytest.raises(MissingBackendError) as told:
        read(file, "application/pdf")

    assert told.value.hint == "pip install 'trustkit[pdf]'"
