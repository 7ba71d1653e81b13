"""What goes into a manifest's history: files, each with the manifest it came with."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

from c2pa import Builder

from trustkit.asset import open_asset
from trustkit.c2pa.manifest import Ingredient
from trustkit.c2pa.read import Found, Unreadable, read
from trustkit.c2pa.settings import plain_context

OPAQUE = "application/octet-stream"


def engine_json(told: Mapping[str, Any]) -> str:
    """Return `told` as JSON for the engine, which takes UTF-8 alone; a file's name need not be."""
    return os.fsencode(json.dumps(told, ensure_ascii=False)).decode("utf-8", "replace")


def add_ingredient(builder: Builder, ingredient: Ingredient, stack: ExitStack) -> None:
    """Give `ingredient` to `builder` with its history; it is read until `stack` is left."""
    asset = open_asset(ingredient.path)
    about: dict[str, Any] = {
        "title": ingredient.path.name,
        "relationship": ingredient.relationship,
        "instance_id": ingredient.id,
        "label": ingredient.id,
    }
    media_type = asset.media_type
    reading = read(asset, plain_context())
    if isinstance(reading, Found) and reading.where == "sidecar":
        # The engine looks into files only, so the store beside one is handed over with what the
        # engine itself said of it.
        builder.add_resource(f"{ingredient.id}.c2pa", io.BytesIO(asset.sidecar.read_bytes()))
        about["manifest_data"] = {
            "format": "application/c2pa",
            "identifier": f"{ingredient.id}.c2pa",
        }
        about["active_manifest"] = reading.label
        about["validation_results"] = reading.report.get("validation_results")
    elif isinstance(reading, Unreadable):
        media_type = OPAQUE  # the engine would stop at the broken store; publish says so instead
    stream = stack.enter_context(asset.open())
    builder.add_ingredient(engine_json(about), media_type, stream)
