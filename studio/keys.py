"""Keys of services: in the environment or the system's keyring, never in a file of the workspace."""

from __future__ import annotations

import os

import keyring
from keyring.errors import KeyringError

from studio.errors import SettingError

SERVICE = "tunesmith"
VARIABLES = ("TUNESMITH_API_KEY", "OPENAI_API_KEY")


def read_key(address: str) -> str:
    """The key for an address; empty if there is none, as for most servers on this machine."""
    named = next((os.environ[name] for name in VARIABLES if os.environ.get(name)), "")
    if named:
        return named
    try:
        return keyring.get_password(SERVICE, address) or ""
    except KeyringError:  # a machine without a keyring has none of ours
        return ""


def write_key(address: str, key: str) -> None:
    """Raises: SettingError if this system has no keyring."""
    try:
        keyring.set_password(SERVICE, address, key)
    except KeyringError as error:
        raise SettingError(
            f"This system has no keyring to keep the key in: {error}.",
            f"Set it as the environment variable {VARIABLES[0]} before you start Tunesmith.",
        ) from error
