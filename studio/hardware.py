"""What this machine has, and how hard it works: by NVIDIA's NVML and by psutil, without torch."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
import platform
import re
import shutil
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import psutil

from studio.limits import memory_limits
from studio.wheels import Capability, InstalledCard, built_for, driver_number, say_trouble

PROCESSOR_FACTS = Path("/proc/cpuinfo")
BF16_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}  # Intel and AMD; AMX; Arm
BF16_CAPABILITY = 8  # Ampere


@dataclass(frozen=True)
class Card:
    """A graphics card, or a part of one; memory in bytes. `used_by` names the other programs that have memory on it.

    `trouble` and `remedy`: why it cannot be used and what to do about it, two sentences; empty if it can be.
    """

    name: str
    memory_bytes: int
    free_bytes: int
    driver: str = ""
    bf16: bool = False
    used_by: tuple[str, ...] = ()
    uuid: str = ""
    trouble: str = ""
    remedy: str = ""


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
        """The one that is used."""
        return choose_card(self.cards)

    @property
    def unusable_card(self) -> Card | None:
        """One that is here and cannot be used, where there is no other."""
        return self.cards[0] if self.cards and not self.card else None


def choose_card(cards: Iterable[Card]) -> Card | None:
    """Of those that can be used, the one with the most memory; workers see that one alone."""
    return max((card for card in cards if not card.trouble), key=lambda card: card.memory_bytes, default=None)


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
    """NVIDIA cards as nvidia-smi numbers them, but for those that CUDA_VISIBLE_DEVICES hides."""
    nvml = _load_nvml()
    return tuple(card for card, _ in _read_all(nvml)) if nvml else ()


def _read_all(nvml: Any) -> Iterator[tuple[Card, Any]]:
    """Cards and the handles by which NVML knows them."""
    for handle in _visible_handles(nvml, os.environ.get("CUDA_VISIBLE_DEVICES")):
        with contextlib.suppress(nvml.NVMLError):  # one that has fallen off the bus does not hide the others
            yield _read_card(nvml, handle), handle


def _visible_handles(nvml: Any, visible: str | None) -> Iterator[Any]:
    """As CUDA reads its variable: numbers or beginnings of UUIDs, up to the first that names nothing."""
    if visible is None:
        for index in range(nvml.nvmlDeviceGetCount()):
            with contextlib.suppress(nvml.NVMLError):
                yield from _parts_of(nvml, nvml.nvmlDeviceGetHandleByIndex(index))
        return
    for name in visible.split(","):
        try:
            yield _find_handle(nvml, name.strip())
        except (nvml.NVMLError, LookupError):
            return


def _find_handle(nvml: Any, name: str) -> Any:
    """Raises: NVMLError or LookupError if nothing is named so."""
    if name.isdecimal():
        return nvml.nvmlDeviceGetHandleByIndex(int(name))
    if name.startswith("MIG-"):
        return nvml.nvmlDeviceGetHandleByUUID(name)
    every = [nvml.nvmlDeviceGetHandleByIndex(index) for index in range(nvml.nvmlDeviceGetCount())]
    found = [handle for handle in every if name and nvml.nvmlDeviceGetUUID(handle).startswith(name)]
    return found[0]


def _parts_of(nvml: Any, handle: Any) -> Iterator[Any]:
    """The card itself, or the parts that a large one was divided into (MIG), of which CUDA gives one to a process."""
    parts = []
    with contextlib.suppress(nvml.NVMLError):  # cards that cannot be divided do not answer
        if nvml.nvmlDeviceGetMigMode(handle)[0]:
            for index in range(nvml.nvmlDeviceGetMaxMigDeviceCount(handle)):
                with contextlib.suppress(nvml.NVMLError):
                    parts.append(nvml.nvmlDeviceGetMigDeviceHandleByIndex(handle, index))
    yield from parts or [handle]


def _load_nvml() -> Any | None:
    """NVML, ready to be asked. Reading its 100 ms of declarations waits until somebody asks."""
    nvml = importlib.import_module("pynvml")
    try:
        nvml.nvmlInit()
    except nvml.NVMLError:
        return None
    return nvml


def _read_card(nvml: Any, handle: Any) -> Card:
    total, free = _memory_of(nvml, handle)
    name, driver = nvml.nvmlDeviceGetName(handle), nvml.nvmlSystemGetDriverVersion()
    capability = _capability_of(nvml, handle)
    installed = InstalledCard(name, driver_number(driver), capability)
    trouble, remedy = say_trouble(platform.system(), installed, cuda_of_torch())
    return Card(
        name=name,
        memory_bytes=total,
        free_bytes=free,
        driver=driver,
        bf16=capability[0] >= BF16_CAPABILITY,
        used_by=_users(nvml, handle),
        uuid=nvml.nvmlDeviceGetUUID(handle),
        trouble=trouble,
        remedy=remedy,
    )


def _memory_of(nvml: Any, handle: Any) -> tuple[int, int]:
    """Total and free; of a card that shares the machine's memory, which does not answer, the machine's."""
    try:
        memory = nvml.nvmlDeviceGetMemoryInfo(handle)
        return int(memory.total), int(memory.free)
    except nvml.NVMLError:
        nvml.nvmlDeviceGetUUID(handle)  # one that has fallen off the bus does not answer this either
        machine = psutil.virtual_memory()
        return int(machine.total), int(machine.available)


def _capability_of(nvml: Any, handle: Any) -> Capability:
    """A part of a card does not answer; the card does."""
    try:
        return tuple(nvml.nvmlDeviceGetCudaComputeCapability(handle))
    except nvml.NVMLError:
        return tuple(nvml.nvmlDeviceGetCudaComputeCapability(nvml.nvmlDeviceGetDeviceHandleFromMigDeviceHandle(handle)))


@cache
def cuda_of_torch() -> int | None:
    """The major version of CUDA that the installed torch was built for; None for a build without."""
    found = importlib.util.find_spec("torch")
    place = found.origin if found else None
    return built_for(Path(place).with_name("version.py")) if place else None


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
    found = list(_read_all(nvml)) if nvml else []
    used = choose_card(card for card, _ in found)
    if nvml is None or used is None:
        resident = int(psutil.Process().memory_info().rss)
        return Load(resident, psutil.cpu_percent() / 100, _processor_temperature())
    handle = next(handle for card, handle in found if card is used)

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
    return choose_card(read_cards())


def missing_for_kernels(
    system: str, environ: Mapping[str, str] = os.environ, headers: Path | None = None
) -> list[str]:  # fmt: skip
    """Name what is missing for Triton to compile Unsloth's kernels at a run's first step; empty if nothing is.

    Source: triton/runtime/build.py. Its build for Windows brings a compiler and headers along.
    """
    if system != "Linux":
        return []
    path = environ.get("PATH", "")
    compilers = [environ["CC"]] if environ.get("CC") else ["gcc", "clang"]
    scheme = sysconfig.get_default_scheme().replace("posix_local", "posix_prefix")  # as Triton asks on Debian
    headers = headers or Path(sysconfig.get_path("include", scheme))
    missing = []
    if not any(shutil.which(name, path=path) for name in compilers):
        missing.append("a C compiler")
    if not (headers / "Python.h").is_file():
        missing.append("Python's headers")
    return missing


def say_missing(missing: list[str]) -> str:
    """What is lost without it, and how to have it; empty where nothing is missing."""
    if not missing:
        return ""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return (
        f"Unsloth's fast kernels need {' and '.join(missing)}, which this computer lacks: training goes through "
        f"Transformers, slower and with more memory. On Debian, Ubuntu or WSL: "
        f"sudo apt install gcc python{version}-dev"
    )


def describe_accelerator() -> str:
    cards = read_cards()
    card = choose_card(cards)
    if card:
        return f"{card.name}, {card.free_bytes / 2**30:.1f} of {card.memory_bytes / 2**30:.0f} GB free"
    if cards:
        return cards[0].trouble
    if sys.platform == "darwin" and platform.machine() == "arm64":
        return "Apple graphics; Tunesmith trains on the processor here"
    return f"no graphics card; {psutil.cpu_count()} processor cores"


def memory_bytes() -> int:
    """Of the card where there is one, else of the machine."""
    machine = read_machine()
    return machine.card.memory_bytes if machine.card else machine.memory_bytes
