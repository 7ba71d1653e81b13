"""What a store holds of a record, and the leaf that stands for it in the log.

The leaf hashes what is personal only together with a random salt that is kept beside it: once
both are forgotten, nobody can find out by trying whether a name was in a record.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from typing import Any

from trustkit.record import CODE_BYTES, Code, Record, canonical
from trustkit.stores import ClashError, StoreError
from trustkit.stores.merkle import leaf_hash

SALT_BYTES = 16
TAIL = 8  # hex digits: the part of an id that the mark of a short sound holds
MAX_CODES = 200_000  # of one record: ten hours of sound at five a second
MAX_DETAILS = 2**20  # bytes of JSON, of measures, disclosure and what is personal, each
MAX_TEXT = 512  # bytes of any other field: PostgreSQL indexes no more than 2,700 together
_MAX_SIZE = 2**63 - 1  # what a database's integer holds
_ID = re.compile(r"[0-9a-f]{16}")
_TEXTS = (
    "created",
    "media_type",
    "kind",
    "sha256",
    "source_sha256",
    "order",
    "manifest",
    "manifest_id",
    "thumbnail",
)


def record_leaf(record: Record, salt: bytes) -> bytes:
    """Return the leaf of a record that was `settled`."""
    return told_leaf(record.public(), hidden(record, salt))


def hidden(record: Record, salt: bytes) -> str:
    """Return the hash that stands for what is personal, in hex."""
    return sha256(salt + canonical(record.personal)).hexdigest()


def told_leaf(public: Mapping[str, Any], personal: str) -> bytes:
    """Return the leaf of a record by what may be told of it: `Record.public`, and `hidden`."""
    return leaf_hash(canonical({"what": "record", "record": public, "personal": personal}))


def forget_leaf(record: str, leaf: bytes) -> bytes:
    """Return the leaf that says that the record of this id, whose leaf was `leaf`, is gone."""
    return leaf_hash(canonical({"what": "forget", "id": record, "leaf": leaf.hex()}))


def settled(record: Record) -> Record:
    """Return `record` as a store gives it back: plain JSON in it, floats where floats belong.

    Raises `StoreError` for what cannot be kept.
    """
    if not is_id(record.id):
        raise StoreError("the id of a record is 16 lower-case hex digits", "this one is not")
    codes = tuple(_code(record.id, code) for code in record.codes)
    if len(codes) > MAX_CODES:
        raise StoreError(f"the record {record.id} has more than {MAX_CODES:,} codes")
    if not 0 <= record.size <= _MAX_SIZE:
        raise StoreError(f"the record {record.id} has a size that no file has")
    _check_text(record.id, *(getattr(record, name) for name in _TEXTS))
    for one in record.bindings:
        _check_text(record.id, one.algorithm, one.value)
    return replace(
        record,
        codes=codes,
        bindings=tuple(record.bindings),
        measures=_plain(record.id, record.measures),
        disclosure=_plain(record.id, record.disclosure),
        personal=_plain(record.id, record.personal),
    )


def is_same(one: Record, other: Record) -> bool:
    """Tell whether two settled records say the same, what is personal too."""
    if one is other:
        return True
    public = canonical(one.public()) == canonical(other.public())
    return public and canonical(one.personal) == canonical(other.personal)


def check_same(there: Record, new: Record) -> None:
    """Raise `ClashError` where two settled records of one id do not say the same."""
    if not is_same(there, new):
        raise ClashError(
            f"there is another record of the id {new.id}", "a record is never overwritten"
        )


def is_id(text: str) -> bool:
    """Tell whether a record may be called that."""
    return bool(_ID.fullmatch(text))


def is_keepable(*texts: str) -> bool:
    """Tell whether a store can hold these texts, and so whether it is worth asking for them."""
    together = "".join(texts)
    return "\0" not in together and not any("\ud800" <= char <= "\udfff" for char in together)


def _code(record: str, code: Code) -> Code:
    if len(code.bits) != CODE_BYTES:
        raise StoreError(f"the record {record} has a code that is not of {CODE_BYTES} bytes")
    _check_text(record, code.algorithm, code.view)
    at = float(code.at) + 0.0  # never a negative zero
    if not 0 <= at < float("inf"):
        raise StoreError(f"the record {record} has a code at no second of a medium")
    return Code(code.algorithm, bytes(code.bits), at, code.view)


def _check_text(record: str, *texts: str) -> None:
    together = "".join(texts)
    try:
        size = len(together.encode())
    except UnicodeEncodeError as error:
        raise StoreError(f"the record {record} has a text that is not Unicode") from error
    if "\0" in together:  # PostgreSQL has no such text
        raise StoreError(f"the record {record} has a text with a null character")
    if size > MAX_TEXT and max(len(text.encode()) for text in texts) > MAX_TEXT:
        raise StoreError(f"the record {record} has a text of more than {MAX_TEXT} bytes")


def _plain(record: str, details: Mapping[str, Any]) -> dict[str, Any]:
    if not details:
        return {}
    try:
        content = canonical(details)
    except (TypeError, ValueError, RecursionError) as error:  # Unicode's error is a ValueError
        raise StoreError(f"the record {record} has details that JSON cannot hold") from error
    if len(content) > MAX_DETAILS:
        raise StoreError(f"the record {record} has more than 1 MiB of details")
    plain: dict[str, Any] = json.loads(content)
    return plain
