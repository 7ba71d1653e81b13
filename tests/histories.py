"""Files with a history that other software wrote: positions, names and small pictures in it.

Made with the engine alone, as a camera or an editor would; `trustkit sign` writes no Exif.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from c2pa import Builder, C2paSignerInfo, Context, Reader, Signer

from tests.command import KEYS, MEDIA

CAPTURE = "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture"
AI = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
_KEY = KEYS / "signer/es256"
_NO_AUTOMATIC = {f"auto_{n}_action": {"enabled": False} for n in ("created", "opened", "placed")}
_FIELDS = {"exif": "http://ns.adobe.com/exif/1.0/", "dc": "http://purl.org/dc/elements/1.1/"}


def exif(place: str) -> dict[str, Any]:
    """Return an Exif statement with a position called `place`."""
    data = {"@context": _FIELDS, "exif:GPSLatitude": place, "exif:Make": "Example Cameras"}
    return {"label": "stds.exif", "kind": "Json", "data": data}


def author(name: str) -> dict[str, Any]:
    """Return a statement of who the author is."""
    people = [{"@type": "Person", "name": name}]
    data = {"@context": "https://schema.org", "@type": "CreativeWork", "author": people}
    return {"label": "stds.schema-org.CreativeWork", "kind": "Json", "data": data}


def metadata(**fields: Any) -> dict[str, Any]:
    """Return a CAWG metadata statement; `dc_creator` is written dc:creator."""
    data = {name.replace("_", ":", 1): value for name, value in fields.items()}
    return {"label": "cawg.metadata", "kind": "Json", "data": {"@context": _FIELDS, **data}}


def made(
    target: Path,
    statements: Sequence[dict[str, Any]] = (),
    *,
    parent: Path | None = None,
    parts: Sequence[Path] = (),
    thumbnail: bool = False,
    beside: bool = False,
) -> str:
    """Write a signed JPEG to `target` and return its manifest's label."""
    source = parent or MEDIA / "scene.jpg"
    steps: list[dict[str, Any]] = [{"action": "c2pa.created", "digitalSourceType": CAPTURE}]
    if parent:
        steps = [{"action": "c2pa.opened", "parameters": {"ingredientIds": ["parent"]}}]
    for number, _ in enumerate(parts):
        steps.append({"action": "c2pa.placed", "parameters": {"ingredientIds": [f"p{number}"]}})
    definition = {
        "claim_version": 2,
        "title": target.name,
        "claim_generator_info": [{"name": "Example Camera", "version": "1"}],
        "assertions": [
            {"label": "c2pa.actions.v2", "created": True, "data": {"actions": steps}},
            *statements,
        ],
    }
    settings = {
        "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False},
        "core": {"allowed_network_hosts": []},
        "builder": {
            "thumbnail": {"enabled": thumbnail},
            "actions": _NO_AUTOMATIC,
            "created_assertion_labels": ["c2pa.actions.v2", "c2pa.ingredient.v3"],
        },
    }
    chain, key = ((_KEY / name).read_bytes() for name in ("chain.pem", "key.pem"))
    context = Context.from_dict(settings)
    builder = Builder(json.dumps(definition), context)
    for name, path, role in [
        *([("parent", parent, "parentOf")] if parent else []),
        *((f"p{number}", part, "componentOf") for number, part in enumerate(parts)),
    ]:
        about = {"title": path.name, "relationship": role, "instance_id": name, "label": name}
        with path.open("rb") as stream:
            builder.add_ingredient(json.dumps(about), "image/jpeg", stream)
    if beside:
        builder.set_no_embed()
    signer = Signer.from_info(C2paSignerInfo(b"es256", chain, key, None))
    content_type = "application/octet-stream" if beside else "image/jpeg"
    with source.open("rb") as stream, target.open("w+b") as out:
        manifest = builder.sign(signer, content_type, stream, out)
    if beside:
        target.write_bytes(source.read_bytes())
        target.with_name(f"{target.name}.c2pa").write_bytes(manifest)
        with target.open("rb") as stream, Reader(content_type, stream, manifest, context) as reader:
            return str(json.loads(reader.json())["active_manifest"])
    with Reader("image/jpeg", target.open("rb"), context=context) as reader:
        return str(json.loads(reader.json())["active_manifest"])
