"""The C2PA Conforming Products List: which products have passed. It vouches for nobody.

A product is named in it as it is sold, with no key and no certificate, so a name found there proves
nothing about a file: anyone can write it.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from trustkit.c2pa.document import MAX_NAME
from trustkit.c2pa.lote import first
from trustkit.c2pa.published import MAX_ENTRIES
from trustkit.errors import ConfigError

_VERSION = re.compile(r"v?\d[\w.+-]*")


class _Name(BaseModel):
    name: str = Field(alias="CN", min_length=1, max_length=MAX_NAME)
    organisation: str = Field(alias="O", default="", max_length=MAX_NAME)


class _Assurance(BaseModel):
    level: int = Field(alias="maxAssuranceLevel")


class _Product(BaseModel):
    kind: Literal["generatorProduct", "validatorProduct"] = Field(alias="productType")
    named: _Name = Field(alias="DN")
    assurance: _Assurance | None = None


class _Dates(BaseModel):
    changed: str = Field(alias="lastModification", default="")


class _Record(BaseModel):
    record: str = Field(alias="recordId", max_length=MAX_NAME)
    status: str = Field(default="", max_length=MAX_NAME)
    product: _Product
    dates: _Dates = _Dates()


_RECORDS = TypeAdapter(list[_Record])


@dataclass(frozen=True)
class Product:
    """One record: `status` is `conformant` or a word that begins with `revoked`."""

    record: str
    name: str
    organisation: str
    kind: str
    status: str
    level: int | None
    changed: str

    @property
    def is_revoked(self) -> bool:
        """Whether it no longer counts as conforming."""
        return self.status.startswith("revoked")


@dataclass(frozen=True)
class Products:
    """The list, with its SHA-256 and the day on which it was last fetched or found unchanged."""

    products: tuple[Product, ...]
    sha256: str
    checked: str = ""

    @property
    def changed(self) -> str:
        """The day of the youngest change of a record, or an empty text."""
        return max((product.changed for product in self.products), default="")

    def generators(self, named: str) -> tuple[Product, ...]:
        """Return the generator products of that name; `named` may end in a version."""
        return tuple(
            product
            for product in self.products
            if product.kind == "generatorProduct" and _is(product.name, named)
        )


def _is(product: str, named: str) -> bool:
    product, named = _plain(product), _plain(named)
    rest = named.removeprefix(f"{product} ") if named.startswith(f"{product} ") else ""
    return named == product or bool(rest and _VERSION.fullmatch(rest))


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


def read_products(document: bytes, checked: str = "") -> Products:
    """Return the list in `document`; raises `ConfigError` where it is none."""
    try:
        parsed: Any = json.loads(document)
        records = _RECORDS.validate_python(parsed)
    except ValidationError as error:
        raise ConfigError(
            f"this is no good list of conforming products: {first(error)}",
            "fetch it again from its publisher",
        ) from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(
            f"the list of conforming products is not JSON, or cut short: {error}",
            "fetch it again from its publisher",
        ) from error
    if not records or len(records) > MAX_ENTRIES:
        raise ConfigError(
            f"a list of {len(records):,} conforming products is none", "fetch it again"
        )
    return Products(
        tuple(_product(record) for record in records),
        hashlib.sha256(document).hexdigest(),
        checked,
    )


def _product(record: _Record) -> Product:
    product = record.product
    return Product(
        record.record,
        product.named.name,
        product.named.organisation,
        product.kind,
        record.status,
        product.assurance.level if product.assurance else None,
        record.dates.changed[:10],
    )
