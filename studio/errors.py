"""Every failure that a person may meet, with what happened and what to do.

TunesmithError
├── DamagedError     a file of the studio's own that cannot be read any more
├── DataError        a file or a data set
├── TemplateError    a chat template that does not say where an answer begins
├── ModelError       a base model that cannot be found, fetched or loaded
├── RunError         a run that cannot be started, stopped or resumed
├── ExportError      a file that could not be made, or that answers otherwise than the adapter
└── SettingError     a value out of its bounds
"""

from __future__ import annotations


class TunesmithError(Exception):
    """Says what happened, then what to do. The window and the command line each show it in one place."""

    def __init__(self, what: str, do: str) -> None:
        super().__init__(f"{what} {do}")
        self.what = what
        self.do = do

    def as_dict(self) -> dict[str, str]:
        return {"what": self.what, "do": self.do}


class DamagedError(TunesmithError, ValueError):
    """Also a ValueError, as it is where the text of a file makes no sense: some readers go on without the file."""


class DataError(TunesmithError):
    pass


class TemplateError(TunesmithError):
    pass


class ModelError(TunesmithError):
    pass


class RunError(TunesmithError):
    pass


class ExportError(TunesmithError):
    pass


class SettingError(TunesmithError):
    pass
