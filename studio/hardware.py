"""What this machine has, and how hard it works: by NVIDIA's NVML and by psutil, without torch."""

from __future__ import annotations

import contextlib
import importlib
import platform
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from studio.limits import memory_limits

PROCESSOR_FACTS = Path("/proc/cpuinfo")
BF16_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}  # Intel and AMD; AMX; Arm
BF16_CAPABILITY = 8  # Ampere


@dataclass(frozen=True)
class Card:
    """A graphics card; memory in bytes. `used_by` names the other programs that have memory on it."""

    name: str
    memory_bytes: int
    free_bytes: int
    driver: str = ""
    bf16: bool = False
    used_by: tuple[str, ...] = ()


@dataclass(frozen=True)
class Machine:
    """Memory in bytes: what this process may take, so less than the machine has inside a container."""

    cards: tuple[Card, ...]
    processor: str
    cores: int
    memory_bytes: int
    free_memory_bytes: int
    bf16: bool

    @property
    def card(self) -> Card | None:
        """The first, which is the one that trains."""
        return self.cards[0] if self.cards else None


@dataclass(frozen=True)
class Load:
    """How hard the card works, or the processor where there is none; None where it cannot be told.

    `utilisation` is 0 to 1; memory is what is taken of the card, or what this process has resident.
    """

    memory_bytes: int | None = None
    utilisation: float | None = None
    temperature_c: float | None = None
    power_w: float | None = None


def read_machine() -> Machine:
    memory = psutil.virtual_memory()
    limits = memory_limits()
    return Machine(
        cards=read_cards(),
        processor=_processor_name(),
        cores=psutil.cpu_count() or 1,
        memory_bytes=min([int(memory.total), *(limit.memory_bytes for limit in limits)]),
        free_memory_bytes=min([int(memory.available), *(limit.free_bytes for limit in limits)]),
        bf16=processor_has_bf16(),
    )


def processor_has_bf16() -> bool:
    """Whether it multiplies 16-bit numbers as quickly as 32-bit ones; False where that cannot be told."""
    return bool(BF16_FLAGS & _processor_flags())


def read_cards() -> tuple[Card, ...]:
    """NVIDIA cards in the driver's order; none where there is no driver."""
    nvml = _load_nvml()
    if nvml is None:
        return ()
    cards = []
    for index in range(nvml.nvmlDeviceGetCount()):
        with contextlib.suppress(nvml.NVMLError):  # one that has fallen off the bus does not hide the others
            cards.append(_read_card(nvml, nvml.nvmlDeviceGetHandleByIndex(index)))
    return tuple(cards)


def _load_nvml() -> Any | None:
    """NVML, ready to be asked. Reading its 100 ms of declarations waits until somebody asks."""
    nvml = importlib.import_module("pynvml")
    try:
        nvml.nvmlInit()
    except nvml.NVMLError:
        return None
    return nvml


def _read_card(nvml: Any, handle: Any) -> Card:
    memory = nvml.nvmlDeviceGetMemoryInfo(handle)
    major, _ = nvml.nvmlDeviceGetCudaComputeCapability(handle)
    return Card(
        name=nvml.nvmlDeviceGetName(handle),
        memory_bytes=int(memory.total),
        free_bytes=int(memory.free),
        driver=nvml.nvmlSystemGetDriverVersion(),
        bf16=major >= BF16_CAPABILITY,
        used_by=_users(nvml, handle),
    )


def _users(nvml: Any, handle: Any) -> tuple[str, ...]:
    """Names of the programs on a card, each once. A container sees the numbers of processes that it cannot name."""
    numbers: list[int] = []
    for ask in (nvml.nvmlDeviceGetComputeRunningProcesses, nvml.nvmlDeviceGetGraphicsRunningProcesses):
        with contextlib.suppress(nvml.NVMLError):
            numbers += [process.pid for process in ask(handle)]
    this = psutil.Process().pid
    return tuple(dict.fromkeys(_program(number) for number in sorted(set(numbers)) if number != this))


def _program(number: int) -> str:
    """Our own workers by what they do, others as the system calls them."""
    try:
        process = psutil.Process(number)
        ours = next((word for word in process.cmdline() if word.startswith("studio.workers.")), "")
        return f"Tunesmith ({ours.removeprefix('studio.workers.')})" if ours else process.name()
    except psutil.Error:
        return f"process {number}"


def _processor_name() -> str:
    for line in _processor_lines():
        name, _, value = line.partition(":")
        if name.strip() == "model name" and value.strip():
            return value.strip()
    return platform.processor() or platform.machine() or "processor"


def _processor_flags() -> set[str]:
    """What the processor can do, as Linux names it; unknown elsewhere."""
    for line in _processor_lines():
        name, _, value = line.partition(":")
        if name.strip() in ("flags", "Features"):
            return set(value.split())
    return set()


def _processor_lines() -> Iterable[str]:
    with contextlib.suppress(OSError):
        return PROCESSOR_FACTS.read_text(encoding="utf-8", errors="replace").splitlines()
    return ()


def read_load() -> Load:
    """How things stand now. The processor's utilisation is that since the last look, so the first tells nothing."""
    nvml = _load_nvml()
    if nvml is None or nvml.nvmlDeviceGetCount() == 0:
        resident = int(psutil.Process().memory_info().rss)
        return Load(resident, psutil.cpu_percent() / 100, _processor_temperature())
    handle = nvml.nvmlDeviceGetHandleByIndex(0)

    def ask(question: Any, *details: Any) -> Any:
        try:
            return question(handle, *details)
        except nvml.NVMLError:  # laptops and virtual cards answer some questions alone
            return None

    memory = ask(nvml.nvmlDeviceGetMemoryInfo)
    rates = ask(nvml.nvmlDeviceGetUtilizationRates)
    power_mw = ask(nvml.nvmlDeviceGetPowerUsage)
    return Load(
        memory_bytes=None if memory is None else int(memory.used),
        utilisation=None if rates is None else rates.gpu / 100,
        temperature_c=ask(nvml.nvmlDeviceGetTemperature, nvml.NVML_TEMPERATURE_GPU),
        power_w=None if power_mw is None else power_mw / 1000,
    )


def _processor_temperature() -> float | None:
    read = getattr(psutil, "sensors_temperatures", None)  # not on Windows and macOS
    for name, sensors in (read() if read else {}).items():
        if re.match(r"coretemp|k10temp|zenpower|cpu", name) and sensors:
            return float(max(sensor.current for sensor in sensors))
    return None


def find_card() -> Card | None:
    return next(iter(read_cards()), None)


def describe_accelerator() -> str:
    card = find_card()
    if card:
        return f"{card.name}, {card.free_bytes / 2**30:.1f} of {card.memory_bytes / 2**30:.0f} GB free"
    if sys.platform == "darwin" and platform.machine() == "arm64":
        return "Apple graphics; Tunesmith trains on the processor here"
    return f"no graphics card; {psutil.cpu_count()} processor cores"


def memory_bytes() -> int:
    """Of the card where there is one, else of the machine."""
    machine = read_machine()
    return machine.card.memory_bytes if machine.card else machine.memory_bytes
