"""How near an answer is to the wanted one in meaning, by the extra `similarity`: static embeddings, made of English."""

from __future__ import annotations

import importlib.util
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import numpy

from studio.data.audit.language import language_of
from studio.extras import EXTRAS
from studio.scores.intervals import Floats

DIGITS = 4  # further ones are rounding of its 16-bit weights


def similarity(wanted: str, answer: str) -> float | None:
    """The cosine of both embeddings, -1 to 1; of a blank answer 0. To be called in a worker alone: it loads a model.

    None without the extra, where nothing was wanted, and where what was wanted is in another language than English.
    """
    if not EXTRAS["similarity"].is_added or not wanted.strip() or language_of(wanted) not in ("", "en"):
        return None
    if not answer.strip():
        return 0.0
    return round(float(_embed(wanted) @ _embed(answer)), DIGITS)


@lru_cache(maxsize=4096)
def _embed(text: str) -> Floats:
    """(dimensions,), of length 1; of length 0 where no token of it has a vector. A text is the mean of its tokens."""
    known = text.encode(errors="replace").decode()  # half of a surrogate pair is no text for a tokenizer
    vector = numpy.asarray(_model().embed([known])[0], float)
    return vector / (float(numpy.linalg.norm(vector)) or 1.0)


@cache
def _model() -> Any:
    """WordLlama, https://github.com/dleemiller/WordLlama: one vector of 256 a token, whatever stands beside it.

    Version 0.4 looks for its tokenizer in a folder that its package lacks, and then downloads it. The package's own
    folder, given as the cache, has both tokenizer and vectors.
    """
    # Imported here: whoever only names the measures needs no model.
    from wordllama import WordLlama  # noqa: PLC0415

    spec = importlib.util.find_spec("wordllama")
    assert spec is not None
    assert spec.origin is not None
    return WordLlama.load(cache_dir=Path(spec.origin).parent, disable_download=True)
