"""Keys that open something."""

from __future__ import annotations

import re
from collections.abc import Iterable

from studio.data.audit.finding import Check, Example, Mark

KIND = "SECRET"
# A word that each begins with, and all of it. The word is looked for first: that is fast.
KEYS: dict[str, re.Pattern[str]] = {
    word: re.compile(pattern)
    for word, pattern in {
        "AKIA": r"(?<![A-Za-z0-9])AKIA[0-9A-Z]{16}(?![A-Za-z0-9])",
        "ASIA": r"(?<![A-Za-z0-9])ASIA[0-9A-Z]{16}(?![A-Za-z0-9])",
        "aws_secret": r"(?i)aws_secret[\w ]{0,20}[=:]\W{0,3}[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])",
        "gh": r"(?<!\w)(?:ghp|gho|ghu|ghs|ghr)_[A-Za-z0-9]{36,}",
        "github_pat_": r"github_pat_\w{22,}",
        "glpat-": r"glpat-[\w-]{20,}",
        "xox": r"(?<!\w)xox[abeoprs]-[A-Za-z0-9-]{10,}",
        "hooks.slack.com": r"hooks\.slack\.com/services/T\w{6,}/B\w{6,}/\w{16,}",
        "_live_": r"(?<!\w)[spr]k_live_[A-Za-z0-9]{16,}",
        "_test_": r"(?<!\w)[spr]k_test_[A-Za-z0-9]{16,}",
        "whsec_": r"(?<!\w)whsec_[A-Za-z0-9+/]{20,}",
        "sk-": r"(?<![\w-])sk-(?:ant-|proj-|svcacct-|or-v1-)?(?=[\w-]*\d)(?=[\w-]*[A-Za-z])[\w-]{20,}",
        "AIza": r"(?<!\w)AIza[\w-]{35}(?![\w-])",
        "ya29.": r"(?<!\w)ya29\.[\w-]{20,}",
        "hf_": r"(?<!\w)hf_[A-Za-z0-9]{30,}",
        "npm_": r"(?<!\w)npm_[A-Za-z0-9]{36}",
        "pypi-": r"(?<!\w)pypi-AgE[\w-]{50,}",
        "SG.": r"(?<!\w)SG\.[\w-]{16,}\.[\w-]{16,}",
        "dop_v1_": r"(?<!\w)dop_v1_[0-9a-f]{64}",
        "shpat_": r"(?<!\w)shpat_[0-9a-fA-F]{32}",
        "sq0": r"(?<!\w)sq0(?:atp|csp)-[\w-]{22,}",
        "key-": r"(?<![\w-])key-[0-9a-f]{32}(?![0-9a-f])",
        "AccountKey=": r"AccountKey=[A-Za-z0-9+/]{40,}={0,2}",
        "eyJ": r"(?<!\w)eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}",
        ":AA": r"(?<!\d)\d{8,10}:AA[\w-]{32,33}(?![\w-])",
        "PRIVATE KEY": r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----",
        "://": r"[a-z][a-z0-9+.-]*://[^\s:/@<>{}\"'$]+:(?![*x]+@|<|\{|\$)[^\s@/<>{}\"']{3,}@[\w.-]+",
    }.items()
}
ASSIGNED = re.compile(
    r"(?i)(?<![a-z])(?:password|passwd|passwort|pwd|api[_ -]?key"
    r"|secret(?:[_ -]?key)?|access[_ -]?token|auth[_ -]?token)"
    r"[\"']?\s*(?:=|:|\bis\b)\s*[\"'`]?(?=[^\s\"'`]*\d)(?=[^\s\"'`]*[A-Za-z])(?![\w.]+\()([^\s\"'`<>{}$,;]{8,})"
)
_MAY_BE_ASSIGNED = re.compile(r"(?i)pass|pwd|secret|key|token")


def secrets(example: Example) -> Iterable[Mark]:
    for number, message in enumerate(example.conversation.messages):
        text = message.content
        for word, pattern in KEYS.items():
            if word in text:
                for found in pattern.finditer(text):
                    yield Mark(number, found.start(), found.end(), KIND)
        if _MAY_BE_ASSIGNED.search(text):
            for found in ASSIGNED.finditer(text):
                yield Mark(number, found.start(1), found.end(1), KIND)


CHECKS = (
    Check(
        "secret",
        "{count} example{s} with a key or a password",
        "Whoever has the model can ask it for the key; change the key, too, since it stands in this file.",
        "error",
        secrets,
    ),
)
