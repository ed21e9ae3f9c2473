"""Who issues tokens for one stack: the command and Incident Event's worker, each with a key of its own.

Private keys are secrets of the state directory. The services get the public halves, in the folder `keys`.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from embedded import make_private_folder, write_private_file
from utils.auth import Role, SigningKey, SigningKeyError
from vfactory.stack.errors import NotRunningError
from vfactory.stack.state.secrets import find_secret, keep_secret

COMMAND: Final = "vfactory"
"""The issuer of the tokens that the command signs; it may grant every role."""
WORKER: Final = "incident-event-worker"
"""The issuer of the tokens that Incident Event's worker signs; it may grant the role `service` only."""
SHARED_SECRET: Final = "auth"  # noqa: S105 - a file's name
"""The secret of state directories made by earlier releases, by which their tokens hold until they expire."""

_KEY_OF: Final = {COMMAND: "signing-key", WORKER: "incident-event-worker-key"}


@dataclass(frozen=True)
class Issuers:
    """What the services are told of the issuers.

    Args:
        command_keys: the file of the command's public key.
        worker_keys: the file of the public key of Incident Event's worker.
        worker_key: the file of that worker's private key.
        shared_secret: the file of the deprecated shared secret; None unless an earlier release made one.
    """

    command_keys: Path
    worker_keys: Path
    worker_key: Path
    shared_secret: Path | None = None

    def trusted(self, *, worker: bool) -> str:
        """Return the value of AUTH_ISSUERS; `worker` tells whether the worker's tokens are accepted."""
        listed = [{"issuer": COMMAND, "roles": list(Role), "keys_file": str(self.command_keys)}]
        if worker:
            listed.append({"issuer": WORKER, "roles": [Role.SERVICE], "keys_file": str(self.worker_keys)})
        return msgspec.json.encode(listed).decode()


def keep_issuers(home: Path) -> Issuers:
    """Return the issuers of the stack in `home`, whose keys are made at its first start.

    Raises:
        EmbeddedError: a file cannot be read or written, or another user could have planted it.
    """
    folder = make_private_folder(home / "keys")
    private = {issuer: _keep_key(home, issuer) for issuer in _KEY_OF}
    for issuer, (key, _) in private.items():
        write_private_file(folder / f"{issuer}.pem", key.public_pem)
    shared = find_secret(home, SHARED_SECRET)
    return Issuers(
        folder / f"{COMMAND}.pem",
        folder / f"{WORKER}.pem",
        private[WORKER][1],
        None if shared is None else shared.file,
    )


def find_signing_key(home: Path) -> SigningKey:
    """Return the private key with which the command signs tokens for the stack in `home`.

    Raises:
        NotRunningError: there is none yet.
        EmbeddedError: it cannot be read, or another user could have planted it.
    """
    secret = find_secret(home, _KEY_OF[COMMAND])
    key = None if secret is None else _read(secret.value)
    if key is None:
        raise NotRunningError(f"There is no key in {home} yet. Start V-Factory with `vfactory up`.")
    return key


def _keep_key(home: Path, issuer: str) -> tuple[SigningKey, Path]:
    name = _KEY_OF[issuer]
    kept = keep_secret(home, name, make=_generate)
    key = _read(kept.value)
    if key is None:  # damaged, as any other secret may be: another one takes its place
        kept.file.unlink()
        kept = keep_secret(home, name, make=_generate)
        key = SigningKey.read(kept.value)
    return key, kept.file


def _generate() -> str:
    return SigningKey.generate().pem


def _read(pem: str) -> SigningKey | None:
    try:
        return SigningKey.read(pem)
    except SigningKeyError:
        return None
