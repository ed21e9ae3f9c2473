"""Answers to browsers' questions whether a page of another origin may call the API (CORS)."""

from typing import Final

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from utils.settings import ServiceSettings

_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
_SENT: Final = (
    "Authorization",
    "Content-Type",
    "Idempotency-Key",
    "If-Match",
    "If-None-Match",
    "Last-Event-ID",
    "Range",
    "X-Request-ID",
    "traceparent",
)
_READ: Final = (
    "Accept-Ranges",
    "Content-Range",
    "ETag",
    "Location",
    "Retry-After",
    "WWW-Authenticate",
    "X-Request-ID",
)


def allow_origins(app: FastAPI, settings: ServiceSettings) -> None:
    """Allow the setting's origins; without any, no page of another origin may call the API.

    Cookies are never allowed: a caller is known by its token, which a page must hold itself.
    """
    if settings.allowed_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.allowed_origins,
            allow_methods=_METHODS,
            allow_headers=_SENT,
            expose_headers=_READ,
            allow_credentials=False,
            max_age=600,
        )
