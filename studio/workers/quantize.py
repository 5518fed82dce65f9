"""A merged model -> one GGUF, by AutoRound: llama.cpp's formats in torch, calibrated, with no compiler."""

from __future__ import annotations

import logging
import os
import re
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gguf
import torch
from auto_round import AutoRound
from auto_round.data_type import gguf as rounding_of_gguf
from auto_round.export.export_to_gguf import packing
from auto_round.export.export_to_gguf.llama_cpp_conversion import get_conversion
from auto_round.utils.device_manager import get_ar_device
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from studio.data.tokens import FolderTokenizer
from studio.errors import ExportError
from studio.export.gguf import Quant
from studio.hardware import read_machine
from studio.tasks import Progress, Report
from studio.workers.gguf_names import fill_in_names, is_known, versions
from studio.workers.k_quants import write_plainly
from studio.workers.whole import name_layers_for_converter, speak_as_trained, write_whole

# AutoRound works on a tensor with seven copies of 32 bits, and only from 1 GB on in 16 pieces, to the same numbers: the
# word table of 1.5 billion parameters is just below that.
packing._LARGE_TENSOR_BYTES_THRESHOLD = rounding_of_gguf._LARGE_TENSOR_BYTES_THRESHOLD = 256_000_000
LOOK_S = 0.5
# What llama.cpp's own converter writes, tensor by tensor, without the model in memory.
DIRECTLY = {"f16": gguf.LlamaFileType.MOSTLY_F16, "q8_0": gguf.LlamaFileType.MOSTLY_Q8_0}
ROOMY = 4.0  # so many times a model at 32 bits must be free for it to be made so: others need memory too
PIECES = 16
PIECE_TOKENS = 256  # 16 x 256 was as good as 48 x 512 and took half the time, see the README


def quantize(
    model: Any,
    base: Path,
    tokenizer: FolderTokenizer,
    quant: Quant,
    calibration: Sequence[Sequence[int]],
    folder: Path,
    report: Report,
) -> Path:
    """Write the GGUF somewhere below `folder` and give its path.

    The model and the files of its base are written below `folder` first: the converter reads the configuration from
    there, and that of the base says otherwise where word tables learned.
    `calibration`: token ids of the examples by which weights are rounded; none for plain rounding.
    Raises: ExportError if none was written.
    Source: AutoRound's RTN search with importance by activations, https://arxiv.org/abs/2309.05516.
    """
    whole = folder / "whole"
    write_whole(model, base, tokenizer, whole)
    speak_as_trained(tokenizer, whole)
    name_layers_for_converter(whole)
    converter = find_converter(whole)
    if not calibration:
        place = folder / "whole.gguf"
        size = sum(file.stat().st_size for file in whole.glob("*.safetensors")) * quant.share
        with tokenizers_as_filed(), _growing(place, size, report):
            if quant.calibrated:
                write_plainly(converter, whole, place)
            else:
                converter(dir_model=whole, ftype=DIRECTLY[quant.id], fname_out=place).write()
        return place
    model.name_or_path = str(whole)
    pieces = cut_pieces(calibration)
    layers = int(model.config.get_text_config().num_hidden_layers)
    listener = _LayerListener(layers, report)
    logger = logging.getLogger("autoround")
    logger.addHandler(listener)
    try:
        # On a processor without instructions for bfloat16 it makes the whole model 32 bits wide, in memory, and is
        # quicker for it. Told that there are such instructions, it leaves the weights in their files.
        wide = 4 * sum(weights.numel() for weights in model.parameters())
        if read_machine().free_memory_bytes < ROOMY * wide:
            get_ar_device("cpu")._bf16_supported = True
        own = AutoTokenizer.from_pretrained(whole, trust_remote_code=False)
        options = {"dataset": pieces, "nsamples": len(pieces), "seqlen": pieces[0].shape[1]}
        rounding = AutoRound(model, own, scheme=f"gguf:{quant.id}", iters=0, **options)
        with tokenizers_as_filed():
            rounding.quantize_and_save(str(folder), format=f"gguf:{quant.id}")
    finally:
        logger.removeHandler(listener)
    files = sorted(folder.rglob("*.gguf"), key=os.path.getsize)
    if not files:
        raise ExportError("The converter wrote no file.", "Try F16, or export the merged folder instead.")
    return files[-1]


@contextmanager
def _growing(file: Path, size: float, report: Report) -> Iterator[None]:
    """Tell how far a file is that will have about so many bytes."""
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(LOOK_S):
            share = min(1.0, file.stat().st_size / size) if file.is_file() else 0.0
            report(Progress("Converting", 0.2 + 0.65 * share))

    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    try:
        yield
    finally:
        ended.set()
        watching.join()


@contextmanager
def tokenizers_as_filed() -> Iterator[None]:
    """Who loads a tokenizer gets the one of tokenizer.json, by which the model was trained.

    Transformers 5 builds some classes anew by their name: Phi-4's and OLMo 2's become GPT-2's, R1 Distill Llama's
    Llama 2's, and the converter then writes down another way to cut text into words.
    """
    found = AutoTokenizer.from_pretrained
    AutoTokenizer.from_pretrained = PreTrainedTokenizerFast.from_pretrained
    try:
        yield
    finally:
        AutoTokenizer.from_pretrained = found


def find_converter(folder: Path) -> Any:
    """The class that writes a model of this folder's architecture as GGUF.

    Raises: ExportError if there is none.
    """
    fill_in_names()
    conversion = get_conversion()
    hparams = conversion.ModelBase.load_hparams(folder, False)
    architecture = conversion.get_model_architecture(hparams, conversion.ModelType.TEXT)
    try:
        converter = conversion.get_model_class(architecture)
    except NotImplementedError as error:
        raise ExportError(
            f"llama.cpp has no form for a model of the kind {architecture}.", "Export the merged folder instead."
        ) from error
    if not is_known(converter):
        raise ExportError(
            f"{architecture} is newer than what writes GGUF files here ({versions()}).",
            "Export the merged folder now, and the GGUF after an update of Tunesmith.",
        )
    converter.no_mtp = True  # layers that foretell several tokens: Transformers leaves them out when it loads
    return converter


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
