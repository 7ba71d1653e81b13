"""XMP packets: what they say, and where in the packet it stands (ISO 16684-1).

Parsed by defusedxml: no document type, no entity. Depth and number of elements are limited.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple
from xml.parsers.expat import ExpatError  # the error alone: defusedxml makes the parser

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from trustkit.media.metadata.blocks import MAX_BLOCK, MalformedError
from trustkit.media.metadata.fields import PREFIXES

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_XML = "http://www.w3.org/XML/1998/namespace"
_MAX_DEPTH = 64  # elements within each other; XMP of real files has some ten
_MAX_ELEMENTS = 100_000
_MAX_VALUES = 5_000  # values that are kept; a long edit history has some hundred
_MAX_NAME = 2_048  # characters of a name with its namespace
_MAX_PATH = 1_000  # characters that are kept of a path, and of a language
# Expat writes a namespace out for every name that has it: a long one, named often, fills memory
# before any handler is asked. So does an attribute that a document type gives to every element.
_MAX_NAMESPACES = 5_000
_LONG_NAMESPACE = re.compile(
    rb"""xmlns(?:[^\s=]{1024}|[^\s=]{0,1023}\s*=\s*(?:"[^"]{1024}|'[^']{1024}))"""
)
_DEFAULTS = b"<!ATTLIST"
_ABOUT, _RESOURCE, _LANGUAGE = f"{RDF}}}about", f"{RDF}}}resource", f"{_XML}}}lang"
_ROOT = f"{RDF}}}RDF"
_ITEMS = {f"{RDF}}}{name}" for name in ("Alt", "Seq", "Bag", "li", "Description", "value")}
_TAG = re.compile(rb"""<[^>"']*(?:"[^"]*"[^>"']*|'[^']*'[^>"']*)*>""")
_BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))


class Value(NamedTuple):
    """One value of a property: `path` names it and, in a structure, its parts."""

    namespace: str
    local: str
    path: str
    language: str
    text: str


class Span(NamedTuple):
    """Where in the text a top-level property stands, as an element or as an attribute."""

    namespace: str
    local: str
    start: int
    end: int


@dataclass
class Packet:
    """What a packet says. The places count bytes of `text`, its UTF-8."""

    text: bytes
    encoding: str
    values: list[Value] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    about: str = ""
    rdf_start: int = -1
    rdf_end: int = -1  # where </rdf:RDF> begins; equal to `rdf_start` if the element is empty


def parse(content: bytes, *, in_drawing: bool = False, placed: bool = False) -> Packet:
    """Return what stands in a packet; raises `MalformedError` where it is not XMP.

    With `in_drawing` it is a whole SVG file, which may name its document type and has more
    elements; entities are refused there, too. Only with `placed` it is told where things stand.
    """
    text, encoding = _utf8(content)
    if text.count(b"xmlns") > _MAX_NAMESPACES or _LONG_NAMESPACE.search(text):
        raise MalformedError("more namespaces, or longer ones, than XMP has")
    if _DEFAULTS in text:
        raise MalformedError("its document type adds attributes, which XMP has not")
    packet = Packet(text, encoding)
    reader = _Reader(packet, _MAX_ELEMENTS * (10 if in_drawing else 1), placed=placed)
    parser: Any = DefusedXMLParser(forbid_dtd=not in_drawing, encoding="utf-8").parser
    reader.listen(parser)
    try:
        parser.Parse(text, True)  # expat's signature: there is no more
    except ExpatError as error:
        raise MalformedError(f"no well-formed XML: {error}") from error
    except DefusedXmlException as error:
        raise MalformedError(
            "it declares a document type or entities, which XMP has not"
        ) from error
    if packet.rdf_start < 0:
        raise MalformedError("there is no rdf:RDF in it")
    return packet


def _utf8(content: bytes) -> tuple[bytes, str]:
    if len(content) > MAX_BLOCK:
        raise MalformedError("more XMP than is read")
    content = content.rstrip(b"\0") if content[1:2] != b"\0" else content
    encoding = "utf-8"
    for bom, name in _BOMS:
        if content.startswith(bom):
            encoding = name
    if encoding == "utf-8" and content[1:2] == b"\0":
        encoding = "utf-16-le"
    elif encoding == "utf-8" and content[:1] == b"\0":
        encoding = "utf-16-be"
    if encoding == "utf-8":
        return content, encoding
    try:
        return content.decode(encoding).encode(), encoding
    except UnicodeError as error:
        raise MalformedError(f"its text is no {encoding}") from error


@lru_cache(1024)
def split(name: str) -> tuple[str, str]:
    """Return namespace and local name of an expanded name."""
    namespace, _, local = name.rpartition("}")
    return namespace, local


@lru_cache(1024)
def shown(name: str) -> str:
    """Return an expanded name with the usual prefix of its namespace."""
    namespace, local = split(name)
    prefix = PREFIXES.get(namespace)
    return f"{prefix}:{local}" if prefix else (f"{{{namespace}}}{local}" if namespace else local)


class _Reader:
    """Takes the parser's events; a top-level property is a child of a child of rdf:RDF."""

    def __init__(self, packet: Packet, most: int, *, placed: bool) -> None:
        self._packet = packet
        self._placed = placed
        self._most = most
        self._open: list[tuple[str, dict[str, str]]] = []
        self._elements = 0
        self._rdf = 0  # depth at which rdf:RDF is open; 0 if it is not
        self._words: list[str] = []
        self._prefixes: list[tuple[str, str]] = []
        self._start = 0
        self.parser: Any = None

    def listen(self, parser: Any) -> None:
        """Take the events of defusedxml's own parser, without the tree it would make of them."""
        self.parser = parser
        parser.ordered_attributes = False
        parser.StartElementHandler, parser.EndElementHandler = self.start, self.end
        parser.CharacterDataHandler = self._words.append
        parser.DefaultHandlerExpand = None
        if self._placed:
            parser.StartNamespaceDeclHandler = self.start_ns
            parser.EndNamespaceDeclHandler = self.end_ns

    def start_ns(self, prefix: str | None, uri: str | None) -> None:
        self._prefixes.append((prefix or "", uri or ""))

    def end_ns(self, _prefix: str | None) -> None:
        self._prefixes.pop()

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._elements += 1
        too_many = len(self._open) >= _MAX_DEPTH or self._elements > self._most
        if too_many or len(name) > _MAX_NAME:
            raise MalformedError("more elements, or deeper ones, than XMP has")
        self._open.append((name, attributes))
        self._words.clear()
        depth = len(self._open) - self._rdf
        at = self.parser.CurrentByteIndex
        if not self._rdf:
            if name == _ROOT and self._packet.rdf_start < 0:
                self._rdf, self._packet.rdf_start = len(self._open), at
        elif depth == 1:
            self._packet.about = self._packet.about or attributes.get(_ABOUT, "")
            self._attributes(at, attributes)
        else:
            if depth == 2:  # noqa: PLR2004  # RDF, Description, property
                self._start = at
            for key, value in attributes.items():
                if split(key)[0] not in {RDF, _XML, ""}:
                    self._say(shown(key), value)
            resource = attributes.get(_RESOURCE)
            if resource is not None:
                self._say("", resource)

    def end(self, _tag: str) -> None:
        name, _ = self._open[-1]
        depth = len(self._open) - self._rdf
        if self._rdf and depth >= 2:  # noqa: PLR2004
            text = "".join(self._words)
            if self._words and text.strip():
                self._say("", text)
            if depth == 2 and self._placed:  # noqa: PLR2004
                namespace, local = split(name)
                end = self._end_of_tag()
                self._packet.spans.append(Span(namespace, local, self._start, end))
        elif self._rdf and depth == 0:
            self._rdf = 0
            if self._placed:
                self._packet.rdf_end = self._end_of_rdf()
        self._words.clear()
        self._open.pop()

    def _end_of_rdf(self) -> int:
        text, begin = self._packet.text, self._packet.rdf_start
        end = end_of_start_tag(text, begin)
        at: int = self.parser.CurrentByteIndex
        return begin if text[end - 2 : end] == b"/>" else at

    def _end_of_tag(self) -> int:
        # Of an empty element expat says where it ends, of others where its end tag begins.
        text, end = self._packet.text, end_of_start_tag(self._packet.text, self._start)
        if text[end - 2 : end] == b"/>":
            return end
        return text.index(b">", self.parser.CurrentByteIndex) + 1

    def _say(self, more: str, text: str) -> None:
        if len(self._packet.values) >= _MAX_VALUES:
            raise MalformedError(f"more than {_MAX_VALUES:,} values")
        inside = self._open[self._rdf + 1 :]
        parts = [shown(name) for name, _ in inside if name not in _ITEMS]
        namespace, local = split(inside[0][0])
        language = self._open[-1][1].get(_LANGUAGE, "")[:_MAX_PATH]
        path = "/".join([*parts, more] if more else parts)[:_MAX_PATH]
        self._packet.values.append(Value(namespace, local, path, language, text))

    def _attributes(self, at: int, attributes: dict[str, str]) -> None:
        if len(attributes) + len(self._packet.values) > _MAX_VALUES:
            raise MalformedError(f"more than {_MAX_VALUES:,} values")
        values = {}
        for key, value in attributes.items():
            namespace, local = split(key)
            if namespace not in {RDF, _XML, ""}:
                self._packet.values.append(Value(namespace, local, shown(key), "", value))
                values[namespace, local] = value
        if not values or not self._placed:
            return
        bound = dict(self._prefixes)
        for prefix, local, start, end in raw_attributes(self._packet.text, at):
            namespace = bound.get(prefix, "")
            if prefix and (namespace, local) in values:
                self._packet.spans.append(Span(namespace, local, start, end))


def end_of_start_tag(text: bytes, at: int) -> int:
    """Return where the start tag that begins at `at` ends; a > within quotes is no end."""
    found = _TAG.match(text, at)
    if found is None:
        raise MalformedError("a tag without end")
    return found.end()


def raw_attributes(text: bytes, at: int) -> Iterator[tuple[str, str, int, int]]:
    """Yield prefix, local name, start (with the space before) and end of a tag's attributes."""
    end, place = end_of_start_tag(text, at), at
    while place < end and text[place] not in b" \t\r\n":
        place += 1
    while place < end:
        start = place
        while place < end and text[place] in b" \t\r\n":
            place += 1
        equal = text.find(b"=", place, end)
        if equal < 0:
            return
        name = text[place:equal].strip().decode()
        place = equal + 1
        while place < end and text[place] in b" \t\r\n":
            place += 1
        closing = text.find(text[place : place + 1], place + 1, end)
        if closing < 0:
            return
        place = closing + 1
        prefix, _, local = name.rpartition(":")
        yield prefix, local, start, place
