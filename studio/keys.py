"""Keys of services: in the environment or the system's keyring, never in a file of the workspace."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

import keyring
from keyring.errors import KeyringError

from studio.errors import SettingError

SERVICE = "tunesmith"
VARIABLE = "TUNESMITH_API_KEY"  # set for Tunesmith, so it goes to whatever address the person types
VARIABLES_OF = {"api.openai.com": "OPENAI_API_KEY"}  # set for others: they go to their own service alone


def read_key(address: str) -> str:
    """The key for an address; empty if there is none, as for most servers on this machine."""
    parts = urlsplit(address)
    known = VARIABLES_OF.get(parts.hostname or "", "") if parts.scheme == "https" else ""
    named = os.environ.get(VARIABLE) or os.environ.get(known)
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
            f"Set it as the environment variable {VARIABLE} before you start Tunesmith.",
        ) from error
