"""Keys of services: in the environment or in the system's keyring."""

from __future__ import annotations

from collections.abc import Iterator

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends import fail

from studio.errors import SettingError
from studio.keys import read_key, write_key

ADDRESS = "http://localhost:1234/v1"


class Remembering(KeyringBackend):
    """A keyring as of a desktop; this machine has none."""

    priority = 1  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self.known: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.known.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.known[service, username] = password


@pytest.fixture(autouse=True)
def put_back(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("TUNESMITH_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    before = keyring.get_keyring()
    yield
    keyring.set_keyring(before)


def test_a_key_is_kept_for_its_address_alone():
    keyring.set_keyring(Remembering())
    write_key(ADDRESS, "sk-one")
    assert read_key(ADDRESS) == "sk-one"
    assert read_key("http://elsewhere/v1") == ""


def test_the_environment_goes_before_the_keyring(monkeypatch):
    keyring.set_keyring(Remembering())
    write_key(ADDRESS, "sk-one")
    monkeypatch.setenv("TUNESMITH_API_KEY", "sk-two")
    assert read_key(ADDRESS) == "sk-two"


def test_a_key_that_was_set_for_another_service_goes_to_that_service_alone(monkeypatch):
    keyring.set_keyring(Remembering())
    monkeypatch.setenv("OPENAI_API_KEY", "sk-two")
    assert read_key("https://api.openai.com/v1") == "sk-two"
    for elsewhere in (ADDRESS, "http://api.openai.com/v1", "https://api.openai.com.evil.example/v1", "rubbish", ""):
        assert read_key(elsewhere) == ""


def test_a_system_without_a_keyring_says_what_to_do_instead():
    keyring.set_keyring(fail.Keyring())
    assert read_key(ADDRESS) == ""
    with pytest.raises(SettingError, match="TUNESMITH_API_KEY"):
        write_key(ADDRESS, "sk-one")
