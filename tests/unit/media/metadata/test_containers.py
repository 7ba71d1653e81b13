"""Every container, written and read back: by us, by exiftool, and compared part by part."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import pytest
from PIL import Image, ImageSequence

from tests.command import MEDIA
from trustkit.disclosure import SOURCE_TYPES, uri
from trustkit.errors import PublishError
from trustkit.media.metadata import Metadata, read
from trustkit.media.metadata.write import checked, write
from trustkit.media.sniff import sniff

BLOCK = {
    "Label": "1",
    "ContentProducer": "001191110102MAD55U9H0F10002",
    "ProduceID": "42",
    "ReservedCode1": "",
    "ContentPropagator": "",
    "PropagateID": "",
    "ReservedCode2": "",
}
AIGC = json.dumps(BLOCK, separators=(",", ":"))
TERMS = {term: uri(term) for term in SOURCE_TYPES}
AI = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
WANTED = {
    "DigitalSourceType": "trainedAlgorithmicMedia",
    "AISystemUsed": "Example Painter <5> & Söhne",
    "AISystemVersionUsed": "v3",
    "AIPromptInformation": "a lighthouse in fog",
    "AIPromptWriterName": "A. Writer",
    "DataMining": "DMI-PROHIBITED-GENAIMLTRAINING",
    "AIGC": AIGC,
    "Credit": "Example Agency",
    "Creator": "First; Second",
    "CopyrightNotice": "© 2026 Example",
    "UsageTerms": "editorial use",
    "WebStatement": "https://example.org/rights",
    "Title": "Fog",
    "Description": "A lighthouse.",
}
WRITABLE = (
    "scene.jpg", "scene-progressive.jpg", "scene-cmyk.jpg", "scene.png", "scene-alpha.png",
    "anim.png", "scene.webp", "scene-lossless.webp", "anim.webp", "scene.tif", "scene.dng",
    "scene.gif", "anim.gif", "scene.avif", "scene.heic", "scene.jxl", "clip.mp4",
    "clip-faststart.mp4", "clip-two-mdat.mp4", "clip-fragmented.mp4", "clip.m4v", "clip.mov",
    "sound.m4a", "sound.mp3", "sound.aac", "sound.wav", "sound.flac", "clip.mkv", "clip.webm",
    "clip.avi",
)  # fmt: skip
BY_TAGS = {".flac", ".mkv", ".webm"}  # they keep free tags, no XMP
MOVING = {".avi", ".mp4", ".m4v", ".mov", ".m4a", ".mp3", ".aac", ".wav", ".flac", ".mkv", ".webm"}

by_name = pytest.mark.parametrize("name", WRITABLE)
needs_exiftool = pytest.mark.skipif(
    shutil.which("exiftool") is None, reason="exiftool is not installed"
)


def media_type(path: Path) -> str:
    with path.open("rb") as file:
        found = sniff(file.read(4096), path.name)
    assert found
    return found


def look(path: Path) -> Metadata:
    with path.open("rb") as file:
        return read(file, media_type(path))


def written(source: Path, target: Path, *, remove: tuple[str, ...] = (), **wanted: str) -> Path:
    write(source, target, media_type(source), checked(wanted, remove, TERMS))
    return target


def exiftool(path: Path, *options: str) -> dict[str, Any]:
    done = subprocess.run(
        ["exiftool", "-j", "-struct", "-G1", *options, str(path)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    found: dict[str, Any] = json.loads(done.stdout)[0]
    return found


def content(path: Path) -> str:
    """Hash what is seen and heard: decoded pixels, or every packet as it is."""
    found = hashlib.sha256()
    if path.suffix in MOVING:
        with av.open(str(path)) as container:
            for packet in container.demux():
                found.update(bytes(packet) + str((packet.pts, packet.dts)).encode())
        return found.hexdigest()
    if path.suffix == ".heic":
        pytest.importorskip("pillow_heif").register_heif_opener()
    if path.suffix == ".jxl":
        pytest.importorskip("pillow_jxl")
    with Image.open(path) as picture:
        for frame in ImageSequence.Iterator(picture):
            found.update(frame.mode.encode() + frame.tobytes())
    return found.hexdigest()


def parts(path: Path) -> list[tuple[str, str]]:
    """List the parts of a file that hold no metadata of ours, each with its digest."""
    data = path.read_bytes()
    walk = {b"\xff\xd8": _jpeg, b"\x89P": _png, b"RI": _riff}.get(data[:2], _boxes)
    if path.suffix in {".mkv", ".webm"}:
        walk = _matroska
    return [(kind, hashlib.sha256(part).hexdigest()) for kind, part in walk(data)]


def _jpeg(data: bytes) -> Iterator[tuple[str, bytes]]:
    at = 2
    while data[at + 1] != 0xDA:
        size = struct.unpack(">H", data[at + 2 : at + 4])[0]
        part = data[at + 4 : at + 2 + size]
        if not part.startswith(b"http://ns.adobe.com/xap/1.0/"):
            yield f"{data[at + 1]:x}", part
        at += 2 + size
    yield "scan", data[at:]


def _png(data: bytes) -> Iterator[tuple[str, bytes]]:
    at = 8
    while at < len(data):
        size = struct.unpack(">I", data[at : at + 4])[0]
        part = data[at + 4 : at + 12 + size]
        if not part.startswith(b"iTXtXML:com.adobe.xmp"):
            yield part[:4].decode(), part
        at += 12 + size


def _riff(data: bytes) -> Iterator[tuple[str, bytes]]:
    at = 12
    assert struct.unpack("<I", data[4:8])[0] == len(data) - 8
    while at < len(data):
        kind, size = data[at : at + 4], struct.unpack("<I", data[at + 4 : at + 8])[0]
        if kind not in {b"XMP ", b"_PMX", b"VP8X"}:
            yield kind.decode(), data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2


def _boxes(data: bytes) -> Iterator[tuple[str, bytes]]:
    at = 0
    while at < len(data):
        size = struct.unpack(">I", data[at : at + 4])[0] or len(data) - at
        kind, part = data[at + 4 : at + 8], data[at + 8 : at + size]
        if kind == b"moov":  # its places move, and keys are ours
            yield from (p for p in _boxes(part) if p[0] not in {"meta", "trak"})
        elif kind not in {b"uuid", b"xml ", b"meta"} and not part.startswith(b"<?xpacket"):
            yield kind.decode("latin-1"), part
        at += size


def _matroska(data: bytes) -> Iterator[tuple[str, bytes]]:
    cluster, cues = data.index(bytes.fromhex("1f43b675")), data.rindex(bytes.fromhex("1c53bb6b"))
    tracks = data.rindex(bytes.fromhex("1654ae6b"), 0, cluster)
    yield "tracks", data[tracks : tracks + 90]
    yield "clusters and cues", data[cluster : cues + 10]


@by_name
def test_what_was_written_is_read_and_nothing_else_changes(name: str, tmp_path: Path) -> None:
    source = MEDIA / name
    target = written(source, tmp_path / name, **WANTED)

    found = look(target)
    assert found.malformed == ()
    assert found.digital_source_type == AI
    assert found.ai_system_used == WANTED["AISystemUsed"]
    assert found.creator == WANTED["Creator"]
    assert found.aigc
    assert found.aigc.is_valid
    assert found.aigc.block == BLOCK
    for field, value in WANTED.items():
        if field not in {"DigitalSourceType", "DataMining"}:
            assert found.value(field) == value
    assert content(target) == content(source)


@pytest.mark.parametrize("name", [n for n in WRITABLE if Path(n).suffix not in
                                  {".tif", ".dng", ".gif", ".mp3", ".aac", ".flac"}])  # fmt: skip
def test_every_other_part_stays_byte_for_byte(name: str, tmp_path: Path) -> None:
    once = written(MEDIA / name, tmp_path / name, **WANTED)
    twice = written(once, tmp_path / f"2{name}", AISystemUsed="Another " * 20, remove=("Creator",))

    assert parts(once) == parts(MEDIA / name)
    assert parts(twice) == parts(MEDIA / name)


@pytest.mark.parametrize("name", ["scene.tif", "scene.dng"])
def test_a_tiff_keeps_every_byte_but_the_pointer_to_its_directory(
    name: str, tmp_path: Path
) -> None:
    before = (MEDIA / name).read_bytes()
    after = written(MEDIA / name, tmp_path / name, **WANTED).read_bytes()

    assert after[:4] + before[4:8] + after[8 : len(before)] == before


@pytest.mark.parametrize("name", ["scene.gif", "anim.gif", "sound.mp3", "sound.aac"])
def test_a_file_with_one_insertion_is_the_old_one_without_it(name: str, tmp_path: Path) -> None:
    before = (MEDIA / name).read_bytes()
    after = written(MEDIA / name, tmp_path / name, **WANTED).read_bytes()

    grows = len(after) - len(before)
    if name.endswith("gif"):
        assert after[:6] == b"GIF89a"
        assert after[6 : len(before) - 1] == before[6:-1]
    else:
        assert after[grows:].endswith(before[-1000:])


@by_name
def test_writing_again_replaces_and_removing_takes_away(name: str, tmp_path: Path) -> None:
    once = written(MEDIA / name, tmp_path / name, **WANTED)
    long = written(once, tmp_path / f"long-{name}", AISystemUsed="Painter " * 200)
    short = written(long, tmp_path / f"short-{name}", AISystemUsed="P")
    bare = written(short, tmp_path / f"bare-{name}", remove=tuple(WANTED))

    assert look(long).ai_system_used == "Painter " * 200
    assert look(short).ai_system_used == "P"
    assert look(short).credit == "Example Agency"
    assert [found for found in look(bare).found if found.field] == []
    assert b"lighthouse in fog" not in bare.read_bytes()
    for path in (long, short, bare):
        assert content(path) == content(MEDIA / name)


@needs_exiftool
@pytest.mark.parametrize("name", [n for n in WRITABLE if Path(n).suffix not in BY_TAGS])
def test_exiftool_reads_what_we_wrote_and_finds_no_fault(name: str, tmp_path: Path) -> None:
    target = written(MEDIA / name, tmp_path / name, **WANTED)

    said = exiftool(target, "-validate", "-warning", "-XMP:all")
    assert said["XMP-iptcExt:DigitalSourceType"] == AI
    assert said["XMP-iptcExt:AISystemUsed"] == WANTED["AISystemUsed"]
    assert said["XMP-dc:Creator"] == ["First", "Second"]
    assert said["XMP-dc:Rights"] == WANTED["CopyrightNotice"]
    assert said["XMP-photoshop:Credit"] == "Example Agency"
    assert said["XMP-xmpRights:UsageTerms"] == "editorial use"
    before = exiftool(MEDIA / name, "-validate", "-warning")
    assert said.get("ExifTool:Warning") == before.get("ExifTool:Warning")


@needs_exiftool
@pytest.mark.parametrize("name", ["sound.flac"])
def test_exiftool_reads_free_tags(name: str, tmp_path: Path) -> None:
    said = exiftool(written(MEDIA / name, tmp_path / name, **WANTED), "-Vorbis:all")

    assert said["Vorbis:Digitalsourcetype"] == AI
    assert json.loads(said["Vorbis:Aigc"]) == BLOCK


@needs_exiftool
@pytest.mark.parametrize("name", ["scene.jpg", "scene.png", "scene.webp", "scene.tif", "scene.gif",
                                  "scene.avif", "scene.heic", "scene.jxl", "clip.mp4",
                                  "clip-faststart.mp4", "clip.mov", "sound.m4a"])  # fmt: skip
def test_we_read_and_change_what_exiftool_wrote(name: str, tmp_path: Path) -> None:
    path = Path(shutil.copy(MEDIA / name, tmp_path / name))
    done = subprocess.run(
        ["exiftool", "-overwrite_original", f"-XMP-iptcExt:DigitalSourceType={AI}",
         "-XMP-dc:Creator=Somebody", "-XMP-dc:Subject=kept", "-XMP-photoshop:Credit=Old", path],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        pytest.skip(f"this exiftool does not write it: {done.stderr.strip()}")

    found = look(path)
    assert (found.digital_source_type, found.creator) == (AI, "Somebody")

    changed = written(path, tmp_path / f"2{name}", Credit="New", AIGC=AIGC)
    said = exiftool(changed, "-XMP:all")
    assert said["XMP-photoshop:Credit"] == "New"
    assert said["XMP-dc:Subject"] in ("kept", ["kept"])
    assert content(changed) == content(MEDIA / name)


@needs_exiftool
def test_iim_and_exif_are_read_and_a_contradiction_is_told(tmp_path: Path) -> None:
    path = Path(shutil.copy(MEDIA / "scene.jpg", tmp_path / "a.jpg"))
    subprocess.run(
        ["exiftool", "-overwrite_original", "-IPTC:Credit=Old agency", "-EXIF:Artist=Somebody",
         "-EXIF:UserComment=prompt: fög", "-EXIF:Software=Example 1", path],
        capture_output=True, check=True,
    )  # fmt: skip
    found = look(path)
    assert found.credit == "Old agency"
    assert {(f.place, f.key, f.value) for f in found.found} >= {
        ("iptc-iim", "2:110", "Old agency"),
        ("exif", "Artist", "Somebody"),
        ("exif", "Software", "Example 1"),
        ("exif", "UserComment", "prompt: fög"),
    }

    done = write(path, tmp_path / "b.jpg", "image/jpeg", checked({"Credit": "New"}, (), TERMS))
    assert done.metadata.credit == "New"
    assert done.warnings == ("Credit is another in iptc-iim (2:110): Old agency",)


def test_ffmpeg_reads_the_aigc_key_and_we_read_the_one_it_writes(tmp_path: Path) -> None:
    ours = written(MEDIA / "clip-faststart.mp4", tmp_path / "ours.mp4", AIGC=AIGC)
    with av.open(str(ours)) as container:
        assert json.loads(container.metadata["AIGC"]) == BLOCK

    theirs = tmp_path / "theirs.mp4"
    options = {"movflags": "use_metadata_tags"}
    with av.open(str(MEDIA / "clip.mp4")) as film, av.open(str(theirs), "w", options=options) as to:
        streams = {s.index: to.add_stream_from_template(s) for s in film.streams}
        to.metadata["AIGC"] = AIGC
        for packet in film.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream.index]
                to.mux(packet)
    assert look(theirs).aigc
    assert look(theirs).aigc.block == BLOCK  # type: ignore[union-attr]
    changed = written(theirs, tmp_path / "2.mp4", AIGC=AIGC.replace("42", "43"))
    with av.open(str(changed)) as container:
        assert json.loads(container.metadata["AIGC"])["ProduceID"] == "43"
    assert content(changed) == content(theirs)


def test_a_film_whose_index_comes_first_still_plays_when_it_grows(tmp_path: Path) -> None:
    before, after = MEDIA / "clip-faststart.mp4", tmp_path / "a.mp4"
    written(before, after, AIGC=AIGC)

    def frames(path: Path) -> list[str]:
        with av.open(str(path)) as film:
            return [
                hashlib.sha256(f.to_ndarray().tobytes()).hexdigest() for f in film.decode(video=0)
            ]

    assert after.read_bytes().index(b"moov") < after.read_bytes().index(b"mdat")
    assert frames(after) == frames(before)


def test_a_webp_without_extended_header_gets_one_that_pillow_reads(tmp_path: Path) -> None:
    plain = tmp_path / "plain.webp"
    for options in ({"lossless": True}, {"quality": 80}):
        Image.new("RGB", (37, 21), "teal").save(plain, **options)
        target = written(plain, tmp_path / "a.webp", Credit="X")
        with Image.open(target) as picture:
            assert picture.size == (37, 21)
            assert b"X" in picture.info["xmp"]
        assert content(target) == content(plain)


def test_a_big_tiff_is_read_and_written(tmp_path: Path) -> None:
    plain = tmp_path / "big.tif"
    Image.new("RGB", (20, 10), "teal").save(plain, big_tiff=True)
    assert plain.read_bytes()[:4] == b"II+\0"
    target = written(plain, tmp_path / "a.tif", **WANTED)
    assert look(target).credit == "Example Agency"
    assert content(target) == content(plain)


def test_other_xmp_stays_to_the_byte(tmp_path: Path) -> None:
    theirs = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><!-- kept --><rdf:RDF '
        b'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
        b"rdf:about='' xmlns:my='urn:my' my:odd = 'a &gt; b'   /></rdf:RDF></x:xmpmeta>"
    )
    source = tmp_path / "a.jpg"
    Image.new("RGB", (8, 8)).save(source, xmp=theirs)
    target = written(source, tmp_path / "b.jpg", Credit="X")
    xmp = Image.open(target).info["xmp"]

    begin, end = theirs.index(b"</rdf:RDF>"), xmp.index(b"</rdf:RDF>")
    assert xmp[:begin] == theirs[:begin]
    assert xmp[end:] == theirs[begin:]
    gone = written(target, tmp_path / "c.jpg", remove=("Credit",))
    assert ("{urn:my}odd", "a > b") in {(f.key, f.value) for f in look(gone).found}


def test_a_packet_with_padding_is_changed_in_place(tmp_path: Path) -> None:
    source = tmp_path / "a.tif"
    packet = (
        b'<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/></x:xmpmeta>'
        + b" " * 2000
        + b'<?xpacket end="w"?>'
    )
    Image.new("RGB", (8, 8)).save(source, tiffinfo={700: packet})
    target = written(source, tmp_path / "b.tif", Credit="X")

    assert target.stat().st_size == source.stat().st_size
    assert look(target).credit == "X"


def test_extended_xmp_is_read_and_never_contradicted(tmp_path: Path) -> None:
    long = _packet("<photoshop:Credit>from afar</photoshop:Credit>")
    guid = hashlib.md5(long, usedforsecurity=False).hexdigest().upper().encode()
    half = len(long) // 2
    made = b"\xff\xd8" + _segment(b"http://ns.adobe.com/xap/1.0/\0" + _packet(""))
    for at in (half, 0):
        head = b"http://ns.adobe.com/xmp/extension/\0" + guid + struct.pack(">II", len(long), at)
        made += _segment(head + (long[:half] if at == 0 else long[half:]))
    source = tmp_path / "a.jpg"
    source.write_bytes(made + (MEDIA / "scene.jpg").read_bytes()[2:])

    assert look(source).credit == "from afar"
    assert look(written(source, tmp_path / "b.jpg", Title="T")).credit == "from afar"
    with pytest.raises(PublishError, match="extended XMP"):
        written(source, tmp_path / "c.jpg", Credit="X")


def _packet(inside: str) -> bytes:
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-'
        'syntax-ns#"><rdf:Description rdf:about="" xmlns:photoshop="http://ns.adobe.com/photoshop/'
        f'1.0/">{inside}</rdf:Description></rdf:RDF></x:xmpmeta>'
    ).encode()


def _segment(body: bytes) -> bytes:
    return b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body


def test_texts_of_a_png_are_read_as_they_stand(tmp_path: Path) -> None:
    from PIL.PngImagePlugin import PngInfo

    texts = PngInfo()
    texts.add_text("parameters", "a cat\nSteps: 20", zip=True)
    texts.add_itxt("prompt", '{"3": "ü"}', zip=True)
    texts.add_text("AIGC", AIGC)
    path = tmp_path / "a.png"
    Image.new("RGB", (8, 8)).save(path, pnginfo=texts)

    found = look(path)
    assert {(f.key, f.value) for f in found.found} >= {
        ("parameters", "a cat\nSteps: 20"),
        ("prompt", '{"3": "ü"}'),
    }
    assert found.aigc
    assert found.aigc.block == BLOCK


def test_a_text_that_unpacks_to_more_than_is_read_is_told(tmp_path: Path) -> None:
    import zlib

    bomb = zlib.compress(bytes(2**25), 9)
    body = b"zTXtbomb\0\0" + bomb
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    data = (MEDIA / "scene.png").read_bytes()
    path = tmp_path / "a.png"
    path.write_bytes(data[:33] + chunk + data[33:])

    assert "more than 16 MiB" in look(path).malformed[0].why


@pytest.mark.parametrize("packet", [
    b"<x", b"", b"<a/>", b"\xff\xfe<\0", b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>",
    b"<a>" * 5000, b"<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>",
])  # fmt: skip
def test_xmp_that_is_none_is_told_and_never_written_over(packet: bytes, tmp_path: Path) -> None:
    source = tmp_path / "a.jpg"
    body = _segment(b"http://ns.adobe.com/xap/1.0/\0" + packet)
    source.write_bytes(b"\xff\xd8" + body + (MEDIA / "scene.jpg").read_bytes()[2:])

    assert [broken.place for broken in look(source).malformed] == ["xmp"]
    with pytest.raises(PublishError, match="cannot be read"):
        written(source, tmp_path / "b.jpg", Credit="X")
    assert not (tmp_path / "b.jpg").exists()


def test_a_bare_jpeg_xl_stream_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.jxl"
    path.write_bytes(b"\xff\x0a" + bytes(100))

    assert look(path).found == ()
    with pytest.raises(PublishError, match="bare JPEG XL"):
        written(path, tmp_path / "b.jxl", Credit="X")


def test_a_wav_of_64_bits_keeps_its_sizes(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.wav"), "w", options={"rf64": "always"}) as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        frame = av.AudioFrame(format="s16", layout="mono", samples=800)
        frame.rate = 8000
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)
    source = tmp_path / "a.wav"
    assert source.read_bytes()[:4] == b"RF64"
    target = tmp_path / "b.wav"
    write(source, target, "audio/wav", checked({"Credit": "X"}, (), TERMS))

    data = target.read_bytes()
    assert struct.unpack("<Q", data[20:28])[0] == len(data) - 8
    assert content(target) == content(source)
    with target.open("rb") as file:
        assert read(file, "audio/wav").credit == "X"


def test_an_id3_tag_of_2_3_keeps_its_frames(tmp_path: Path) -> None:
    sound = (MEDIA / "sound.mp3").read_bytes()
    body = sound[10 + _safe(sound[6:10]) :] if sound.startswith(b"ID3") else sound
    frames = (
        b"TIT2" + struct.pack(">I", 4) + b"\0\0\0Fog" + b"XABC" + struct.pack(">I", 3) + b"\0\0x\0y"
    )
    tag = b"ID3\3\0\0" + bytes([0, 0, 1, 0]) + frames.ljust(128, b"\0")
    source = tmp_path / "a.mp3"
    source.write_bytes(tag + body)
    target = written(source, tmp_path / "b.mp3", AIGC=AIGC)

    assert frames in target.read_bytes()
    assert target.read_bytes().endswith(body)
    found = look(target)
    assert found.title == "Fog"
    assert {f.place for f in found.found if f.field == "AIGC"} == {"xmp", "id3"}


def _safe(data: bytes) -> int:
    return sum(byte << 7 * (3 - place) for place, byte in enumerate(data))


def test_an_open_end_is_closed_before_something_follows(tmp_path: Path) -> None:
    data = bytearray((MEDIA / "clip-faststart.mp4").read_bytes())
    at = data.index(b"mdat") - 4
    assert at + struct.unpack(">I", data[at : at + 4])[0] == len(data)
    data[at : at + 4] = bytes(4)
    source = tmp_path / "a.mp4"
    source.write_bytes(data)
    target = written(source, tmp_path / "b.mp4", **WANTED)

    assert content(target) == content(source)
    assert look(target).credit == "Example Agency"


def test_a_gif_of_1987_becomes_one_of_1989(tmp_path: Path) -> None:
    stream = io.BytesIO()
    Image.new("P", (4, 4)).save(stream, "GIF")
    source = tmp_path / "a.gif"
    source.write_bytes(b"GIF87a" + stream.getvalue()[6:])
    target = written(source, tmp_path / "b.gif", Credit="X")

    assert target.read_bytes().startswith(b"GIF89a")
    assert look(target).credit == "X"


def test_a_drawing_gets_xmp_and_keeps_the_rest(tmp_path: Path) -> None:
    before = (MEDIA / "drawing.svg").read_bytes()
    once = written(MEDIA / "drawing.svg", tmp_path / "a.svg", **WANTED)
    assert look(once).credit == "Example Agency"
    assert look(once).aigc
    data = once.read_bytes()
    start, end = data.index(b"<metadata>"), data.index(b"</metadata>") + len(b"</metadata>")
    assert data[:start] + data[end:] == before

    twice = written(once, tmp_path / "b.svg", Credit="Y", remove=("AIPromptInformation",))
    assert look(twice).credit == "Y"
    assert b"lighthouse in fog" not in twice.read_bytes()


def test_a_drawing_with_rdf_of_another_program_keeps_it(tmp_path: Path) -> None:
    theirs = (
        b'<?xml version="1.0"?><!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/'
        b'Graphics/SVG/1.1/DTD/svg11.dtd"><svg xmlns="http://www.w3.org/2000/svg" xmlns:cc="urn:cc"'
        b' xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:rdf="http://www.w3.org/1999/02/22-rdf-'
        b'syntax-ns#"><metadata><rdf:RDF><cc:Work rdf:about=""><dc:title>Hill</dc:title></cc:Work>'
        b'</rdf:RDF></metadata><path d="M0 0"/></svg>'
    )
    source = tmp_path / "a.svg"
    source.write_bytes(theirs)
    assert look(source).title == "Hill"
    target = written(source, tmp_path / "b.svg", Credit="X")

    assert (look(target).title, look(target).credit) == ("Hill", "X")
    assert (
        written(target, tmp_path / "c.svg", remove=("Credit",))
        .read_bytes()
        .startswith(theirs[: theirs.index(b"</rdf:RDF>")])
    )


def test_a_drawing_with_entities_is_not_unfolded(tmp_path: Path) -> None:
    source = tmp_path / "a.svg"
    source.write_bytes(
        b'<!DOCTYPE svg [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><svg xmlns="http://www.w3.org/'
        b'2000/svg"><metadata><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        b"&b;</rdf:RDF></metadata></svg>"
    )
    assert "entities" in look(source).malformed[0].why


def test_many_packed_texts_do_not_unpack_without_end(tmp_path: Path) -> None:
    import zlib

    body = b"zTXta\0\0" + zlib.compress(bytes(2**23), 9)
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    data = (MEDIA / "scene.png").read_bytes()
    path = tmp_path / "a.png"
    path.write_bytes(data[:33] + chunk * 1000 + data[33:])

    found = look(path)
    assert len(found.found) <= 4
    assert "more than 32 MiB" in found.malformed[0].why


def test_free_room_behind_the_index_is_used_before_packets_move(tmp_path: Path) -> None:
    data = (MEDIA / "clip-faststart.mp4").read_bytes()
    moov = data.index(b"moov") - 4
    end = moov + struct.unpack(">I", data[moov : moov + 4])[0]
    moved = bytearray(data)
    at = data.find(b"stco")
    while at > 0:
        count = struct.unpack(">I", data[at + 8 : at + 12])[0]
        places = struct.unpack_from(f">{count}I", data, at + 12)
        struct.pack_into(f">{count}I", moved, at + 12, *(place + 4096 for place in places))
        at = data.find(b"stco", at + 4)
    source = tmp_path / "a.mp4"
    source.write_bytes(moved[:end] + struct.pack(">I", 4096) + b"free" + bytes(4088) + moved[end:])
    assert content(source) == content(MEDIA / "clip-faststart.mp4")
    target = written(source, tmp_path / "b.mp4", AIGC=AIGC)

    assert content(target) == content(source)
    assert target.read_bytes().index(b"mdat") == source.read_bytes().index(b"mdat")
    gone = written(target, tmp_path / "c.mp4", remove=("AIGC",))
    assert content(gone) == content(source)
    assert b'"Label"' not in gone.read_bytes()


def test_the_pictures_behind_a_jpeg_are_still_found(tmp_path: Path) -> None:
    source = tmp_path / "a.jpg"
    pictures = [Image.new("RGB", (32, 24), colour) for colour in ("teal", "maroon", "olive")]
    pictures[0].save(source, "MPO", save_all=True, append_images=pictures[1:])
    target = written(source, tmp_path / "b.jpg", **WANTED)

    assert Image.open(target).n_frames == 3
    assert content(target) == content(source)
    assert look(target).credit == "Example Agency"


def test_in_a_fragmented_film_the_block_stands_in_xmp_alone_and_that_is_told(
    tmp_path: Path,
) -> None:
    source, edit = MEDIA / "clip-fragmented.mp4", checked({"AIGC": AIGC}, (), TERMS)
    done = write(source, tmp_path / "a.mp4", "video/mp4", edit)

    assert {found.place for found in done.metadata.found if found.field == "AIGC"} == {"xmp"}
    assert "XMP alone" in done.warnings[0]
