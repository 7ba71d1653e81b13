"""What goes wrong as HTTP says it: our errors' sentence and hint, with a status."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from trustkit.errors import ConfigError, TrustkitError, UnreadableError
from trustkit.isolation import StartError
from trustkit.service.discretion import outside
from trustkit.service.pool import BusyError, EndingError
from trustkit.stores import StoreError

_BUSY = 429
_STATUS: tuple[tuple[type[TrustkitError], int], ...] = (
    (BusyError, _BUSY),
    (EndingError, 503),
    (StoreError, 503),
    (StartError, 503),
    (ConfigError, 503),
    (UnreadableError, 415),
)
_INTERNAL = 500
_WORDS = {
    400: "bad_request",
    401: "no_key",
    403: "not_allowed",
    404: "not_found",
    405: "method",
    408: "too_slow",
    413: "too_large",
    414: "too_long",
    415: "media_type",
    421: "host",
    429: "busy",
    507: "no_space",
}


class RefusedError(HTTPException):
    """A request that is not answered, with the reason in a sentence."""

    def __init__(self, status: int, message: str, hint: str = "", **headers: str) -> None:
        super().__init__(status, message, {k.replace("_", "-"): v for k, v in headers.items()})
        self.hint = hint


def body(code: str, message: str, hint: str = "") -> dict[str, Any]:
    """Return the JSON of an error."""
    return {"error": {"code": code, "message": message, "hint": hint}}


def response(error: HTTPException) -> JSONResponse:
    """Return the answer to a request that is refused."""
    word = _WORDS.get(error.status_code, "refused")
    content = body(word, str(error.detail), getattr(error, "hint", ""))
    return JSONResponse(content, error.status_code, headers=error.headers)


def add_handlers(app: FastAPI) -> None:
    """Make `app` answer errors as this module says."""
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(TrustkitError, _ours)
    app.add_exception_handler(OSError, _full)
    app.add_exception_handler(Exception, _bug)


def _refused(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101  # registered for it
    return response(error)


def _invalid(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101  # registered for it
    # Where and why, but not what was sent.
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return JSONResponse(body("bad_request", f"{where}: {first['msg']}", "see /openapi.json"), 400)


def answer(error: TrustkitError) -> JSONResponse:
    """Return the answer to a request that met an error of ours."""
    error = outside(error)
    status = next((status for kind, status in _STATUS if isinstance(error, kind)), _INTERNAL)
    after = {"Retry-After": str(error.after)} if isinstance(error, BusyError) else None
    word = _WORDS[_BUSY] if status == _BUSY else error.code
    content = body(word, error.message, error.hint)
    return JSONResponse(content, status, headers=after)


def _ours(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, TrustkitError)  # noqa: S101  # registered for it
    return answer(error)


def _full(_request: Request, _error: Exception) -> JSONResponse:
    content = body("no_space", "the upload could not be kept while it is checked", "try later")
    return JSONResponse(content, 507)


def _bug(_request: Request, _error: Exception) -> JSONResponse:
    return JSONResponse(body("internal", "internal error", "this is a bug: please report it"), 500)
