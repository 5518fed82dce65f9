"""A merged model -> one GGUF, by AutoRound: llama.cpp's formats in torch, calibrated, with no compiler."""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gguf
import torch
from auto_round import AutoRound
from auto_round.export.export_to_gguf.llama_cpp_conversion import get_conversion

from studio.errors import ExportError
from studio.export.gguf import Quant
from studio.tasks import Progress, Report

PIECES = 16
PIECE_TOKENS = 256  # 16 x 256 was as good as 48 x 512 and took half the time, see the README


def quantize(
    model: Any,
    tokenizer: Any,
    quant: Quant,
    calibration: Sequence[Sequence[int]],
    folder: Path,
    report: Report,
) -> Path:
    """Write the GGUF somewhere below `folder` and give its path.

    The model and the tokenizer are written below `folder` first: the converter reads the configuration from there, and
    that of the base says otherwise where word tables learned.
    Raises: ExportError if none was written.
    Source: AutoRound's RTN search with importance by activations, https://arxiv.org/abs/2309.05516.
    """
    whole = folder / "whole"
    model.save_pretrained(whole)
    tokenizer.save_pretrained(whole)
    if not quant.scheme:
        return _convert(whole, folder / "whole.gguf")
    model.name_or_path = str(whole)
    options: dict[str, Any] = {"disable_opt_rtn": True}
    if quant.calibrated:
        pieces = cut_pieces(calibration)
        options = {"dataset": pieces, "nsamples": len(pieces), "seqlen": pieces[0].shape[1]}
    layers = int(model.config.num_hidden_layers)
    listener = _LayerListener(layers, report)
    logger = logging.getLogger("autoround")
    logger.addHandler(listener)
    try:
        rounding = AutoRound(model, tokenizer, scheme=quant.scheme, iters=0, **options)
        rounding.quantize_and_save(str(folder), format=quant.scheme)
    finally:
        logger.removeHandler(listener)
    files = sorted(folder.rglob("*.gguf"), key=os.path.getsize)
    if not files:
        raise ExportError("The converter wrote no file.", "Try F16, or export the merged folder instead.")
    return files[-1]


def _convert(whole: Path, place: Path) -> Path:
    """As 16-bit numbers, by llama.cpp's converter alone: AutoRound 0.16 has no such scheme."""
    conversion = get_conversion(str(whole))
    hparams = conversion.ModelBase.load_hparams(whole, False)
    try:
        converter = conversion.get_model_class(conversion.get_model_architecture(hparams, conversion.ModelType.TEXT))
    except NotImplementedError as error:
        raise ExportError("llama.cpp knows no model of this kind.", "Export the merged folder instead.") from error
    converter(dir_model=whole, ftype=gguf.LlamaFileType.MOSTLY_F16, fname_out=place).write()
    return place


def cut_pieces(examples: Sequence[Sequence[int]]) -> list[torch.Tensor]:
    """Training examples end to end, cut into equal pieces. Shapes: each (1, seq), seq <= 256 tokens."""
    stream = [token for example in examples for token in example]
    length = min(PIECE_TOKENS, len(stream))
    starts = range(0, len(stream) - length + 1, length)
    return [torch.tensor([stream[start : start + length]]) for start in list(starts)[:PIECES]]


class _LayerListener(logging.Handler):
    """AutoRound names each tensor that it packs; that is the only word of how far it is."""

    def __init__(self, layers: int, report: Report) -> None:
        super().__init__()
        self.layers = layers
        self.report_progress = report
        self.layer = -1
        self.began_s = time.monotonic()

    def emit(self, record: logging.LogRecord) -> None:
        found = re.search(r"\bblk\.(\d+)\.", record.getMessage())
        if not found or int(found[1]) <= self.layer:
            return
        self.layer = int(found[1])
        done = self.layer + 1
        left = (time.monotonic() - self.began_s) / done * (self.layers - done)
        message = f"Converting and rounding: layer {done} of {self.layers}"
        self.report_progress(Progress(message, 0.2 + 0.65 * done / self.layers, left))
