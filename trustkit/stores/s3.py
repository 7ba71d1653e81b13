"""Blobs in a bucket of S3, or of what speaks like it; keys and endpoint are those of AWS_*."""

from __future__ import annotations

import ipaddress
import os
import re
from datetime import timedelta
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import S3Store

from trustkit.errors import ConfigError
from trustkit.stores import StoreError
from trustkit.stores.blobs import (
    MAX_BYTES,
    check_name,
    checked,
    missing,
    name_of,
    without_secret,
)

_URL = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])((?:/[\w.=-]+)*)/?", re.ASCII)
_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
# One of these says who asks. Without, the engine would ask the machine's metadata service.
_KEYS = (
    "AWS_ACCESS_KEY_ID",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)
_CONNECT, _ANSWER = timedelta(seconds=5), timedelta(seconds=30)
_RETRIES, _RETRYING = 2, timedelta(seconds=40)


def open_bucket(url: str) -> S3Blobs:
    """Open `s3://BUCKET/PREFIX`; raises `ConfigError`. Nothing is asked of the server yet."""
    found = _URL.fullmatch(url)
    if not found or ".." in url:
        raise ConfigError(
            f"{without_secret(url)!r} is no bucket",
            "write s3://BUCKET or s3://BUCKET/PREFIX; keys belong into AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY",
        )
    return S3Blobs(found[1], found[2].strip("/"))


class S3Blobs:
    """Blobs as objects of a bucket, below a prefix."""

    def __init__(self, bucket: str, prefix: str) -> None:
        self._place = f"s3://{bucket}/{prefix}".rstrip("/")
        endpoint = _endpoint()
        if not any(os.environ.get(name) for name in _KEYS):
            raise ConfigError(
                f"there is no key for {self._place}",
                "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
            )
        try:
            self._store = S3Store(
                bucket,
                prefix=prefix or None,
                config={"endpoint": endpoint} if endpoint else None,
                client_options={
                    "connect_timeout": _CONNECT,
                    "timeout": _ANSWER,
                    "allow_http": endpoint.startswith("http://"),
                },
                retry_config={"max_retries": _RETRIES, "retry_timeout": _RETRYING},
            )
        except (BaseError, ValueError) as error:
            raise ConfigError(
                f"{self._place} cannot be used: {type(error).__name__}", "check the AWS_* variables"
            ) from error

    def put(self, content: bytes) -> str:
        """See `Blobs`; a damaged blob of this name is replaced."""
        name = name_of(content)
        path = _path(name)
        try:
            try:
                obstore.put(self._store, path, content, mode="create", use_multipart=False)
            except AlreadyExistsError:
                if self._read(path) != content:
                    obstore.put(self._store, path, content, use_multipart=False)
        except (BaseError, FileNotFoundError) as error:  # the latter: there is no such bucket
            raise self._failed(f"the blob {name} cannot be written", error) from error
        return name

    def get(self, sha256: str) -> bytes:
        """See `Blobs`."""
        check_name(sha256)
        try:
            content = self._read(_path(sha256))
        except FileNotFoundError as error:
            raise missing(sha256, self._place) from error
        except BaseError as error:
            raise self._failed(f"the blob {sha256} cannot be read", error) from error
        return checked(content, sha256, self._place)

    def delete(self, sha256: str) -> None:
        """See `Blobs`."""
        check_name(sha256)
        try:
            obstore.delete(self._store, _path(sha256))
        except FileNotFoundError:
            return
        except BaseError as error:
            raise self._failed(f"the blob {sha256} cannot be deleted", error) from error

    def _read(self, path: str) -> bytes:
        found = obstore.get(self._store, path)
        if found.meta["size"] > MAX_BYTES:
            return b""  # nothing of ours is that long, so it is damaged whatever it holds
        return bytes(found.bytes())

    def _failed(self, what: str, error: Exception) -> StoreError:
        return StoreError(
            f"{what}: {self._place}: {_said(error)}",
            "check the bucket, AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
        )


def _path(name: str) -> str:
    return f"{name[:2]}/{name[2:]}"


def _endpoint() -> str:
    """Return the endpoint that was set, or nothing; in the clear only on this machine."""
    endpoint = next((os.environ[name] for name in _ENDPOINTS if os.environ.get(name)), "")
    if not endpoint or endpoint.startswith("https://"):
        return endpoint
    if not endpoint.startswith("http://") or not _is_loopback(urlsplit(endpoint).hostname or ""):
        raise ConfigError(
            f"the S3 endpoint {without_secret(endpoint)} would be used in the clear",
            "write https://; http:// is for this machine alone",
        )
    return endpoint


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _said(error: Exception) -> str:
    # The engine tells all it knows, over many lines: what the server answered is among them.
    told = str(error)
    answers = (re.search(r"status(?: code)?: (\d{3})\b", told), re.search(r"<Code>(\w+)<", told))
    words = [found[1] for found in answers if found]
    return f"the server answered {' '.join(words)}" if words else "no answer"
