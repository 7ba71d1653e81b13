"""Metadata made to fill memory or time, or to have another's bytes written over."""

from __future__ import annotations

import io
import struct
import time
import tracemalloc
import zlib
from pathlib import Path

import pytest

from tests.command import MEDIA
from trustkit.errors import PublishError
from trustkit.media.metadata import Metadata, read
from trustkit.media.metadata.write import checked, write

MEBI = 2**20
RDF = 'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'


def packet(inside: str, spaces: str = "", attributes: str = "") -> bytes:
    return (
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF {RDF} {spaces}><rdf:Description '
        f'rdf:about="" {attributes}>{inside}</rdf:Description></rdf:RDF></x:xmpmeta>'
    ).encode()


def chunk(kind: bytes, content: bytes) -> bytes:
    crc = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", crc)


def look(data: bytes, media_type: str) -> Metadata:
    """Read within a few seconds of CPU and 200 MiB, or fail."""
    tracemalloc.start()
    start = time.process_time()
    try:
        found = read(io.BytesIO(data), media_type)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert time.process_time() - start < 20
    assert peak < 200 * MEBI
    return found


@pytest.mark.parametrize("content", [
    packet(f"<a:{'n' * MEBI}><rdf:Bag>{'<rdf:li>x</rdf:li>' * 4_000}</rdf:Bag></a:{'n' * MEBI}>",
           'xmlns:a="u"'),
    packet("<a:b/>" * 50_000, f'xmlns:a="{"u" * MEBI}"'),
    packet("", f"xmlns:a = '{'u' * MEBI}'", " ".join(f'a:x{n}=""' for n in range(3_000))),
    packet("", " ".join(f'xmlns:a{n}="u"' for n in range(20_000)), 'a1:b="1"'),
    packet("", 'xmlns:a="u"', " ".join(f'a:x{n}=""' for n in range(50_000))),
], ids=["long name", "long namespace", "long namespace of attributes", "many namespaces",
        "many attributes"])  # fmt: skip
def test_xmp_that_unfolds_without_end_is_told(content: bytes) -> None:
    data = (MEDIA / "scene.png").read_bytes()
    text = chunk(b"iTXt", b"XML:com.adobe.xmp" + bytes(5) + content)
    found = look(data[:33] + text + data[33:], "image/png")

    assert [broken.place for broken in found.malformed] == ["xmp"]


def test_a_drawing_whose_document_type_adds_attributes_is_told() -> None:
    drawing = (
        f'<!DOCTYPE svg [<!ATTLIST g a CDATA "{"a" * MEBI}">]>'
        f'<svg xmlns="http://www.w3.org/2000/svg"><metadata><rdf:RDF {RDF}/></metadata>'
        f"{'<g/>' * 50_000}</svg>"
    )
    assert "attributes" in look(drawing.encode(), "image/svg+xml").malformed[0].why


def test_a_comment_in_a_million_pieces_is_read() -> None:
    head = b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0, 0, 0)
    found = look(head + b"\x21\xfe" + b"\1a" * MEBI + b"\0;", "image/gif")

    assert found.malformed == ()
    assert found.found[0].value.startswith("aaa")


def test_a_tag_of_a_million_frames_is_told() -> None:
    head = b"ID3\3\0\0" + bytes([6, 0, 0, 0])
    found = look(head + b"TABC\0\0\0\1\0\0\0" * (6 * 2**21 // 11) + bytes(99), "audio/mpeg")

    assert "frames" in found.malformed[0].why


def test_unsynchronisation_of_a_whole_tag_is_undone() -> None:
    title = b"\1\xff\0\xfe" + "Fog".encode("utf-16-le")
    frame = b"TIT2" + bytes([0, 0, 0, len(title)]) + bytes(2) + title
    tag = b"ID3\4\0\x80" + bytes([0, 0, 0, len(frame) + 20]) + frame + bytes(20)

    assert look(tag + bytes(100), "audio/mpeg").title == "Fog"


def test_a_film_whose_keys_have_places_of_their_own_is_not_moved(tmp_path: Path) -> None:
    data = (MEDIA / "clip-faststart.mp4").read_bytes()
    table = struct.pack(">I4sIII", 20, b"saio", 0, 1, 40)
    at, found = data.index(b"stco") - 4, bytearray(data)
    for kind in (b"moov", b"trak", b"mdia", b"minf", b"stbl"):
        start = data.rindex(kind, 0, at) - 4
        struct.pack_into(">I", found, start, struct.unpack_from(">I", data, start)[0] + len(table))
    source = tmp_path / "a.mp4"
    source.write_bytes(found[:at] + table + found[at:])
    block = (
        '{"Label":"1","ContentProducer":"x","ProduceID":"1","ReservedCode1":"",'
        '"ContentPropagator":"","PropagateID":"","ReservedCode2":""}'
    )
    with pytest.raises(PublishError, match="encryption"):
        write(source, tmp_path / "b.mp4", "video/mp4", checked({"AIGC": block}, (), {}))
    write(source, tmp_path / "c.mp4", "video/mp4", checked({"Credit": "X"}, (), {}))


def test_a_film_behind_a_picture_keeps_its_place_from_the_end(tmp_path: Path) -> None:
    first = tmp_path / "a.heic"
    write(MEDIA / "scene.heic", first, "image/heic", checked({"Credit": "X"}, (), {}))
    film = struct.pack(">I", 108) + b"mpvd" + bytes(100)
    first.write_bytes(first.read_bytes() + film)
    edit = checked({"Description": "long " * 500}, (), {})
    with pytest.raises(PublishError, match="from the end"):
        write(first, tmp_path / "b.heic", "image/heic", edit)


def test_new_text_stands_behind_the_header_even_if_another_chunk_comes_first(
    tmp_path: Path,
) -> None:
    data = (MEDIA / "scene.png").read_bytes()
    source, target = tmp_path / "a.png", tmp_path / "b.png"
    source.write_bytes(data[:8] + chunk(b"CgBI", b"P\0 \2") + data[8:])
    write(source, target, "image/png", checked({"Credit": "X"}, (), {}))
    made = target.read_bytes()

    assert made.index(b"IHDR") < made.index(b"iTXt")


def test_a_segment_with_a_checksum_of_the_whole_is_not_written(tmp_path: Path) -> None:
    inside = b"\xbf\x84\0\0\0\0" + b"\x11\x4d\x9b\x74\x80" + b"\xec\xc0" + bytes(64)
    head = b"\x1a\x45\xdf\xa3\x8b\x42\x82\x88matroska"
    source = tmp_path / "a.mkv"
    source.write_bytes(head + b"\x18\x53\x80\x67" + bytes([0x80 | len(inside)]) + inside)
    with pytest.raises(PublishError, match="checksum"):
        write(source, tmp_path / "b.mkv", "video/x-matroska", checked({"Credit": "X"}, (), {}))
