"""The issuers that a service trusts, as its settings name them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import msgspec

from utils.auth.jwks import JwksKeys
from utils.auth.key_documents import KeyDocumentError
from utils.auth.key_file import KeyFile
from utils.auth.principal import Role
from utils.auth.tokens import Issuer, KeySource, SharedSecret
from utils.logging import logger
from utils.settings import ServiceSettings, SettingsError, is_url

_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
_VARIABLE: Final = "AUTH_ISSUERS"


class TrustedIssuer(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One entry of AUTH_ISSUERS.

    Args:
        issuer: the `iss` of its tokens.
        roles: the roles that it may grant.
        audience: the `aud` that its tokens must have.
        jwks_url: where the provider publishes its keys, or
        keys_file: the file of its public keys, JWKS or PEM; relative to the folder of AUTH_ISSUERS_FILE.
    """

    issuer: _Name
    roles: Annotated[list[Role], msgspec.Meta(min_length=1)]
    audience: _Name = "v-factory"
    jwks_url: str | None = None
    keys_file: str | None = None


def create_issuers(settings: ServiceSettings) -> list[Issuer]:
    """Return the issuers that the settings name; with only the shared secret, log that it is deprecated.

    Raises:
        SettingsError: there is none, one of them is not usable, or two have one name.
    """
    issuers = [*_listed(settings), *_single(settings)]
    if not issuers:
        needed = (
            "is required, or AUTH_ISSUERS_FILE, or AUTH_JWKS_URL; deprecated: AUTH_SECRET, AUTH_SECRET_FILE"
        )
        raise SettingsError([(_VARIABLE, needed)])
    names = [issuer.name for issuer in issuers]
    for name in names:
        if names.count(name) > 1:
            raise SettingsError([(_VARIABLE, f"two issuers have the name {name}; each needs one of its own")])
    if all(isinstance(issuer.keys, SharedSecret) for issuer in issuers):
        logger.warning(
            "AUTH_SECRET is deprecated: whoever has it can issue any token. "
            "Name issuers and their public keys in AUTH_ISSUERS"
        )
    return issuers


def _single(settings: ServiceSettings) -> list[Issuer]:
    """Return the one issuer of the variables AUTH_ISSUER and AUTH_AUDIENCE, which may grant every role."""
    secret, url = settings.auth_secret, settings.auth_jwks_url
    if secret is not None and url is not None:
        raise SettingsError(
            [("AUTH_JWKS_URL", "set either it or AUTH_SECRET (or AUTH_SECRET_FILE), not both")]
        )
    keys: KeySource
    if url is not None:
        keys = JwksKeys(url)
    elif secret is not None:
        keys = SharedSecret(secret.get_secret_value().encode())
    else:
        return []
    return [Issuer(settings.auth_issuer, settings.auth_audience, keys)]


def _listed(settings: ServiceSettings) -> list[Issuer]:
    if settings.auth_issuers is None:
        return []
    try:
        listed = msgspec.json.decode(settings.auth_issuers, type=list[TrustedIssuer])
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        text = str(error).replace("`", "")
        raise SettingsError([(_VARIABLE, f"must be a JSON list of issuers: {text}")]) from None
    folder = None if settings.auth_issuers_file is None else settings.auth_issuers_file.parent
    return [Issuer(one.issuer, one.audience, _keys_of(one, folder), frozenset(one.roles)) for one in listed]


def _keys_of(one: TrustedIssuer, folder: Path | None) -> KeySource:
    """Return the issuer's keys.

    Raises:
        SettingsError: not exactly one source is named, or it cannot be used.
    """
    if (one.jwks_url is None) == (one.keys_file is None):
        raise _unusable(one, "needs either jwks_url or keys_file")
    if one.jwks_url is not None:
        if not is_url(one.jwks_url, "https", "http"):
            raise _unusable(one, "jwks_url must begin with https:// or http:// and name a host")
        return JwksKeys(one.jwks_url)
    path = Path(one.keys_file or "")
    if not path.is_absolute():
        if folder is None:
            raise _unusable(one, "keys_file must be an absolute path where AUTH_ISSUERS_FILE is not set")
        path = folder / path
    try:
        return KeyFile(path)
    except KeyDocumentError as error:
        raise _unusable(one, f"keys_file {path}: {error}") from None


def _unusable(one: TrustedIssuer, text: str) -> SettingsError:
    return SettingsError([(_VARIABLE, f"issuer {one.issuer}: {text}")])
