"""Looks texts through for patterns, so that whoever asks may end it. On its input: [patterns, texts] as JSON."""

from __future__ import annotations

import json
import re
import sys

from studio.scores.extract import extract


def main() -> None:
    patterns, texts = json.load(sys.stdin.buffer)
    for pattern in patterns:
        for text in texts:
            re.search(pattern, text, re.MULTILINE)
            extract(pattern, text)


if __name__ == "__main__":
    main()
