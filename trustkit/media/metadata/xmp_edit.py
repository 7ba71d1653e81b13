"""XMP packets edited as text: what is not ours stays as it was written, to the byte."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from trustkit.media.metadata.blocks import MalformedError
from trustkit.media.metadata.fields import BY_NAME, LIST_SEPARATOR, Field, Shape
from trustkit.media.metadata.xmp import RDF, Packet, end_of_start_tag, parse

_HEAD = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'.encode()
_TAIL = b'\n<?xpacket end="w"?>'
_EMPTY = (
    _HEAD
    + f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{RDF}">'.encode()
    + b"</rdf:RDF></x:xmpmeta>"
    + _TAIL
)
_END = b"<?xpacket end="


def edited(
    content: bytes | None,
    wanted: Mapping[str, str],
    removed: Iterable[str],
    *,
    in_drawing: bool = False,
) -> bytes:
    """Return a packet with the fields `wanted` set and those `removed` gone.

    Where the padding has room for it the packet keeps its length. Raises `MalformedError` for a
    packet that cannot be read: it is not replaced, for what it says would be lost.
    """
    packet = parse(content if content is not None else _EMPTY, in_drawing=in_drawing, placed=True)
    ours = [BY_NAME[name] for name in {*wanted, *removed}]
    text = _without(packet, {(f.namespace, f.local) for f in ours})
    if wanted:
        fields = [BY_NAME[name] for name in BY_NAME if name in wanted]
        text = _with(parse(text, in_drawing=in_drawing, placed=True), fields, wanted)
    if content is None:
        return text
    if packet.encoding != "utf-8":
        return text.decode().encode(packet.encoding)
    return fitted(text, len(content))


def fitted(text: bytes, length: int) -> bytes:
    """Return `text` with its padding cut or grown to `length` bytes, or as it is if it cannot."""
    at = text.rfind(_END)
    if at < 0:
        return text
    begin = at
    while begin > 0 and text[begin - 1] in b" \t\r\n":
        begin -= 1
    more = length - len(text)
    if more > 0:
        return text[:at] + b" " * more + text[at:]
    room = at - begin - 1  # one of them stays
    return text[:begin] + text[begin : at + more] + text[at:] if -more <= room else text


def _without(packet: Packet, names: set[tuple[str, str]]) -> bytes:
    text = packet.text
    for span in sorted(packet.spans, key=lambda s: s.start, reverse=True):
        if (span.namespace, span.local) in names:
            text = text[: span.start] + text[span.end :]
    return text


def _with(packet: Packet, fields: list[Field], wanted: Mapping[str, str]) -> bytes:
    text = packet.text
    open_tag = packet.text[packet.rdf_start : end_of_start_tag(packet.text, packet.rdf_start)]
    name = open_tag[1:].split(None, 1)[0].rstrip(b"/>").decode()
    prefix = name.rpartition(":")[0]
    if not prefix:
        raise MalformedError("its rdf:RDF has no prefix")
    spaces = "".join(
        f' xmlns:{p}="{uri}"' for p, uri in sorted({(f.prefix, f.namespace) for f in fields})
    )
    properties = "".join(_element(f, wanted[f.name], prefix) for f in fields)
    about = _escaped(packet.about, in_attribute=True)
    made = (
        f'<{prefix}:Description {prefix}:about="{about}"{spaces}>'
        f"{properties}</{prefix}:Description>"
    ).encode()
    if packet.rdf_end > packet.rdf_start:
        return text[: packet.rdf_end] + made + text[packet.rdf_end :]
    end = packet.rdf_start + len(open_tag)  # <rdf:RDF/>
    opened = open_tag.rstrip(b">").rstrip().rstrip(b"/") + b">"
    return text[: packet.rdf_start] + opened + made + f"</{name}>".encode() + text[end:]


def _element(field: Field, value: str, rdf: str) -> str:
    name = f"{field.prefix}:{field.local}"
    if field.shape is Shape.LANGUAGES:
        inside = (
            f'<{rdf}:Alt><{rdf}:li xml:lang="x-default">{_escaped(value)}</{rdf}:li></{rdf}:Alt>'
        )
    elif field.shape is Shape.LIST:
        items = "".join(f"<{rdf}:li>{_escaped(v)}</{rdf}:li>" for v in value.split(LIST_SEPARATOR))
        inside = f"<{rdf}:Seq>{items}</{rdf}:Seq>"
    else:
        inside = _escaped(value)
    return f"<{name}>{inside}</{name}>"


def _escaped(text: str, *, in_attribute: bool = False) -> str:
    for sign, name in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("\r", "&#13;")):
        text = text.replace(sign, name)
    return text.replace('"', "&quot;") if in_attribute else text
