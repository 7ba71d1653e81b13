"""Who may ask for what: a key with its role, or nobody's where reading is open to all."""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.types import ASGIApp, Receive, Scope, Send

from trustkit.errors import ConfigError
from trustkit.service.errors import RefusedError, answer, response
from trustkit.service.keys import KeyFile, Role

_BEARER = HTTPBearer(auto_error=False, description="A key of `trustkit serve key add`.")
_Presented = Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]


class Access:
    """`is_public` lets everybody read; so does a service on loopback for which no key was made."""

    def __init__(self, keys: KeyFile, *, is_public: bool, is_loopback: bool) -> None:
        self._keys = keys
        self._is_public = is_public
        self._is_loopback = is_loopback
        self._had_keys = False

    @property
    def is_at_home(self) -> bool:
        """Whether anybody may read because only this machine can ask."""
        # A file of keys that is gone opens nothing that was closed.
        self._had_keys = self._had_keys or bool(self._keys.all())
        return self._is_loopback and not self._is_public and not self._had_keys

    def role(self, presented: str | None) -> Role | None:
        """Return the role of whoever presents this key (None: nothing may be asked)."""
        if presented is not None:
            return self._keys.role_of(presented)
        return Role.READ if self._is_public or self.is_at_home else None


def needs(asked: Role) -> Callable[[Request, _Presented], Awaitable[Role]]:
    """Return a dependency that gives the role of the caller, or refuses (401, 403)."""

    # No thread for it: a stamp of a file is looked at, and threads are for the registry.
    async def check(request: Request, presented: _Presented) -> Role:
        access: Access = request.app.state.access
        role = access.role(presented.credentials if presented else None)
        if role is None:
            raise RefusedError(
                401,
                "this key is not known" if presented else "a key is needed",
                "send Authorization: Bearer KEY",
                WWW_Authenticate="Bearer",
            )
        if not role.covers(asked):
            raise RefusedError(403, f"a key with the role {asked} is needed", "ask for such a key")
        return role

    return check


class Hosts:
    """Refuses foreign names for a service that is open because it is on loopback alone.

    A page of the web could have its own name resolved to 127.0.0.1 and read through the browser of
    whoever runs the service (DNS rebinding); it cannot make the browser send another Host.
    """

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        refusal = self._refusal(scope) if scope["type"] == "http" else None
        await (refusal or self._app)(scope, receive, send)

    def _refusal(self, scope: Scope) -> ASGIApp | None:
        try:
            if self._access.is_at_home and not _is_home(_host(scope)):
                return response(
                    RefusedError(421, "this service answers to its loopback names alone")
                )
        except ConfigError as error:
            return answer(error)
        return None


def is_loopback(host: str) -> bool:
    """Tell whether `host` (a name or an address) is this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _host(scope: Scope) -> str:
    text = next((value for name, value in scope["headers"] if name == b"host"), b"")
    return str(text.decode("latin-1"))


def _is_home(host: str) -> bool:
    name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    return is_loopback(name.lower())
