"""What kind of media a file is, from its first bytes; the name only breaks ties."""

from __future__ import annotations

from pathlib import PurePath

HEAD = 4096  # bytes that `sniff` wants to see; MPEG audio after a large ID3 tag is told by the tag

_MAGIC: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (0, b"BM", "image/bmp"),
    (0, b"\xff\x0a", "image/jxl"),
    (0, b"\x00\x00\x00\x0cJXL \r\n\x87\n", "image/jxl"),
    (0, b"\x00\x00\x00\x0cjP  \r\n\x87\n", "image/jp2"),
    (0, b"%PDF-", "application/pdf"),
    (0, b"fLaC", "audio/flac"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"\x1aE\xdf\xa3", "video/x-matroska"),
    (0, b"OggS", "audio/ogg"),
)

# ISO/IEC 14496-12 brands, as registered at mp4ra.org; what is not named here is video.
_BRANDS = {
    b"avif": "image/avif",
    b"avis": "image/avif",
    b"heic": "image/heic",
    b"heix": "image/heic",
    b"heim": "image/heic",
    b"heis": "image/heic",
    b"hevc": "image/heic",
    b"hevx": "image/heic",
    b"hevm": "image/heic",
    b"hevs": "image/heic",
    b"mif1": "image/heif",
    b"msf1": "image/heif",
    b"M4A ": "audio/mp4",
    b"M4B ": "audio/mp4",
    b"qt  ": "video/quicktime",
    b"M4V ": "video/x-m4v",
    b"M4VH": "video/x-m4v",
}
_RIFF = {b"WEBP": "image/webp", b"WAVE": "audio/wav", b"AVI ": "video/x-msvideo"}
_IFF = {b"AIFF": "audio/aiff", b"AIFC": "audio/aiff"}
_BMFF_STARTS = {b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"styp", b"moof"}

DOCUMENTS = {"application/pdf"}
EXTENSIONS = {
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/gif": ".gif",
    "image/webp": ".webp",
    "image/tiff": ".tif",
    "image/x-adobe-dng": ".dng",
    "image/avif": ".avif",
    "image/heic": ".heic",
    "image/heif": ".heif",
    "image/jxl": ".jxl",
    "image/svg+xml": ".svg",
    "video/mp4": ".mp4",
    "video/quicktime": ".mov",
    "video/x-m4v": ".m4v",
    "video/x-msvideo": ".avi",
    "audio/mp4": ".m4a",
    "audio/wav": ".wav",
    "audio/mpeg": ".mp3",
    "audio/flac": ".flac",
    "application/pdf": ".pdf",
}


def sniff(head: bytes, name: str = "") -> str | None:  # noqa: PLR0911  # a line a family
    """Return the media type that `head` (the first `HEAD` bytes) shows, or None.

    Does not check that the rest of the file is whole, nor that it can be decoded.
    """
    for offset, magic, media_type in _MAGIC:
        if head.startswith(magic, offset):
            return _refine(media_type, head, name)
    if head[4:8] in _BMFF_STARTS:
        return _BRANDS.get(_brand(head), "video/mp4")
    if head.startswith(b"RIFF"):
        return _RIFF.get(head[8:12])
    if head.startswith(b"FORM"):
        return _IFF.get(head[8:12])
    if head.startswith((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")):
        is_dng = PurePath(name).suffix.lower() == ".dng" or _has_dng_version(head)
        return "image/x-adobe-dng" if is_dng else "image/tiff"
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0:  # MPEG frame sync
        return "audio/aac" if head[1] & 0x06 == 0 else "audio/mpeg"  # layer bits 00 are ADTS's
    return "image/svg+xml" if _is_svg(head) else None


def kind(media_type: str) -> str:
    """Return image, audio, video or document."""
    return "document" if media_type in DOCUMENTS else media_type.partition("/")[0]


def _brand(head: bytes) -> bytes:
    return head[8:12] if head[4:8] == b"ftyp" else b""


def _refine(media_type: str, head: bytes, name: str) -> str:
    suffix = PurePath(name).suffix.lower()
    if media_type == "video/x-matroska" and b"webm" in head[:64]:
        return "video/webm"
    if media_type == "audio/ogg":
        if b"OpusHead" in head[:128]:
            return "audio/opus"
        return "video/ogg" if b"theora" in head[:512] else "audio/ogg"
    if media_type == "audio/mpeg" and suffix in {".flac", ".aac"}:
        return {".flac": "audio/flac", ".aac": "audio/aac"}[suffix]  # an ID3 tag before the stream
    return media_type


def _has_dng_version(head: bytes) -> bool:
    # Tag 50706 (DNGVersion) as a directory entry: tag, type BYTE, count 4, little or big endian.
    little, big = b"\x12\xc6\x01\x00\x04\x00\x00\x00", b"\xc6\x12\x00\x01\x00\x00\x00\x04"
    return little in head or big in head


def _is_svg(head: bytes) -> bool:
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    return text.startswith((b"<svg", b"<?xml", b"<!DOCTYPE", b"<!--")) and b"<svg" in text
