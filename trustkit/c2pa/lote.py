"""C2PA's trust lists as JSON: a list of trusted entities after ETSI TS 119 602 V1.1.1."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, Field, ValidationError

from trustkit.c2pa.document import MAX_NAME, Kind, Part, certificate_of, fingerprint, utc
from trustkit.errors import ConfigError

# The two words of C2PA's extension of that schema.
TRUSTED = "http://c2pa.org/conformance/trust-list/trusted"
UNTRUSTED = "http://c2pa.org/conformance/trust-list/untrusted"

_Time = Annotated[str, AfterValidator(utc)]


class _Text(BaseModel):
    lang: str
    value: str = Field(max_length=MAX_NAME)


class _Certificate(BaseModel):
    val: str


class _Identity(BaseModel):
    X509Certificates: list[_Certificate] = Field(min_length=1)


class _Service(BaseModel):
    ServiceName: list[_Text] = Field(min_length=1)
    ServiceDigitalIdentity: _Identity
    ServiceStatus: Literal[
        "http://c2pa.org/conformance/trust-list/trusted",
        "http://c2pa.org/conformance/trust-list/untrusted",
    ]


class _ServiceEntry(BaseModel):
    ServiceInformation: _Service


class _About(BaseModel):
    TEName: list[_Text] = Field(min_length=1)


class _Entity(BaseModel):
    TrustedEntityInformation: _About
    TrustedEntityServices: list[_ServiceEntry] = Field(min_length=1)


class _Scheme(BaseModel):
    LoTEVersionIdentifier: Literal[1]
    LoTESequenceNumber: int = Field(ge=0)
    ListIssueDateTime: _Time
    NextUpdate: _Time | None = None


class _List(BaseModel):
    ListAndSchemeInformation: _Scheme
    TrustedEntitiesList: list[_Entity] = Field(min_length=1)


def read_lote(parsed: dict[str, Any], name: str) -> Part:
    """Return what the list says; certificates with the status untrusted are left out, and noted.

    Raises `ConfigError` for a missing field, a wrong one, or a certificate that cannot be read.
    """
    try:
        lote = _List.model_validate(parsed["LoTE"])
    except ValidationError as error:
        raise ConfigError(
            f"trust list {name} is no good list of trusted entities: {first(error)}",
            "fetch the list again from its publisher",
        ) from error
    scheme = lote.ListAndSchemeInformation
    part = Part(
        Kind.LOTE,
        issued=scheme.ListIssueDateTime,
        next_update=scheme.NextUpdate or "",
        number=scheme.LoTESequenceNumber,
    )
    for entity in lote.TrustedEntitiesList:
        who = _english(entity.TrustedEntityInformation.TEName)
        for entry in entity.TrustedEntityServices:
            _add(part, entry.ServiceInformation, who, name)
    return part


def _add(part: Part, service: _Service, who: str, name: str) -> None:
    title = _english(service.ServiceName)
    if service.ServiceStatus == UNTRUSTED:
        part.notes.append(f"{title} ({who}) is listed as no longer trusted, so it is left out")
        return
    for held in service.ServiceDigitalIdentity.X509Certificates:
        certificate = certificate_of(held.val, f"the certificate of {title} in trust list {name}")
        part.certificates.append(certificate)
        part.entities[fingerprint(certificate)] = who


def _english(texts: list[_Text]) -> str:
    return next((t.value for t in texts if t.lang.startswith("en")), texts[0].value)


def first(error: ValidationError) -> str:
    """Say the first thing that is wrong, and where."""
    what: Any = error.errors()[0]
    place = ".".join(str(part) for part in what["loc"]) or "file"
    return f"{place}: {what['msg'][:1].lower()}{what['msg'][1:]}"
