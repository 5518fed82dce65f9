"""Cards by a small fake of NVML, containers by small files; the machine itself as it is."""

from __future__ import annotations

import os
import subprocess
import sys
import types
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

from studio import hardware
from studio.checkup import advise
from studio.hardware import Load, missing_for_kernels, read_cards, read_load, read_machine, say_missing
from studio.limits import Limit, memory_limits
from studio.process import worker_environment
from studio.train.facts import read_facts
from studio.train.recipe import make_recipe
from studio.train.rules import complaints
from studio.workspace import REPOSITORY, Workspace


class NVMLError(Exception):
    pass


@dataclass
class FakeNvml:
    """Answers as pynvml does for the cards given: what a question is not answered with, it refuses."""

    cards: list[dict[str, Any]] = field(default_factory=list)
    has_driver: bool = True
    NVMLError = NVMLError
    NVML_TEMPERATURE_GPU = 0

    def nvmlInit(self) -> None:
        if not self.has_driver:
            raise NVMLError("NVML Shared Library Not Found")

    def nvmlDeviceGetCount(self) -> int:
        return len(self.cards)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> dict[str, Any]:
        return self.cards[index]

    driver: str = "580.65.06"

    def nvmlSystemGetDriverVersion(self) -> str:
        return self.driver

    def __getattr__(self, name: str) -> Any:
        def answer(card: dict[str, Any], *details: Any) -> Any:
            if name not in card:
                raise NVMLError("Not Supported")
            return card[name]

        return answer


def card(
    capability: tuple[int, int] = (8, 9), pids: tuple[int, ...] = (), uuid: str = "1111", **more: Any
) -> dict[str, Any]:
    return {
        "nvmlDeviceGetName": "NVIDIA GeForce RTX 4090",
        "nvmlDeviceGetUUID": f"GPU-{uuid}",
        "nvmlDeviceGetMemoryInfo": types.SimpleNamespace(total=24 * 2**30, free=20 * 2**30, used=4 * 2**30),
        "nvmlDeviceGetCudaComputeCapability": capability,
        "nvmlDeviceGetComputeRunningProcesses": [types.SimpleNamespace(pid=pid) for pid in pids],
        **more,
    }


@pytest.fixture
def nvml(monkeypatch: pytest.MonkeyPatch) -> FakeNvml:
    fake = FakeNvml()
    monkeypatch.setitem(sys.modules, "pynvml", fake)
    monkeypatch.setattr(hardware, "cuda_of_torch", lambda: 13)
    monkeypatch.setattr(hardware.platform, "system", lambda: "Linux")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return fake


def test_a_machine_without_a_driver_has_no_card_and_says_so(nvml: FakeNvml) -> None:
    nvml.has_driver = False
    assert read_cards() == ()
    assert read_machine().card is None
    assert hardware.describe_accelerator().startswith(("no graphics card; ", "Apple graphics"))
    assert hardware.memory_bytes() == read_machine().memory_bytes


def test_the_real_library_can_be_asked_where_there_is_no_driver() -> None:
    assert isinstance(read_cards(), tuple)


def test_a_card_is_read_with_its_memory_and_its_driver(nvml: FakeNvml) -> None:
    nvml.cards = [card()]
    machine = read_machine()
    assert machine.card is not None
    assert (machine.card.name, machine.card.driver) == ("NVIDIA GeForce RTX 4090", "580.65.06")
    assert (machine.card.memory_bytes, machine.card.free_bytes) == (24 * 2**30, 20 * 2**30)
    assert hardware.describe_accelerator() == "NVIDIA GeForce RTX 4090, 20.0 of 24 GB free"
    assert hardware.memory_bytes() == 24 * 2**30


@pytest.mark.parametrize(("capability", "bf16"), [((7, 5), False), ((8, 0), True), ((12, 0), True)])
def test_cards_compute_in_bf16_from_ampere_on(nvml: FakeNvml, capability: tuple[int, int], bf16: bool) -> None:
    nvml.cards = [card(capability)]
    assert read_cards()[0].bf16 is bf16


def large(uuid: str, gigabytes: int, **more: Any) -> dict[str, Any]:
    memory = types.SimpleNamespace(total=gigabytes * 2**30, free=gigabytes * 2**30, used=0)
    return card(uuid=uuid, nvmlDeviceGetMemoryInfo=memory, **more)


def test_of_two_cards_the_one_with_the_most_memory_is_told_and_is_all_that_a_worker_sees(
    nvml: FakeNvml, workspace: Workspace
) -> None:
    nvml.cards = [large("small", 8, nvmlDeviceGetName="RTX 3050"), large("large", 24)]
    found = read_machine().card
    assert found is not None
    assert (found.uuid, found.memory_bytes) == ("GPU-large", 24 * 2**30)
    environment = worker_environment(workspace, "train")
    assert environment["CUDA_VISIBLE_DEVICES"] == "GPU-large"
    assert environment["CUDA_DEVICE_ORDER"] == "PCI_BUS_ID"


@pytest.mark.parametrize(
    ("visible", "uuids"),
    [
        ("0", ["GPU-small"]),
        ("1,0", ["GPU-large", "GPU-small"]),
        ("GPU-la", ["GPU-large"]),
        ("", []),
        ("-1", []),
        ("0,7,1", ["GPU-small"]),
        ("nonsense", []),
    ],
)
def test_cards_that_a_person_hides_are_not_told(
    nvml: FakeNvml, monkeypatch: pytest.MonkeyPatch, workspace: Workspace, visible: str, uuids: list[str]
) -> None:
    nvml.cards = [large("small", 8), large("large", 24)]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert [found.uuid for found in read_cards()] == uuids
    seen = worker_environment(workspace, "train")["CUDA_VISIBLE_DEVICES"]
    assert seen == (max(uuids, key=["GPU-small", "GPU-large"].index) if uuids else visible)


def test_load_is_that_of_the_card_that_is_used(nvml: FakeNvml) -> None:
    nvml.cards = [large("small", 8, nvmlDeviceGetPowerUsage=8_000), large("large", 24, nvmlDeviceGetPowerUsage=24_000)]
    assert read_load().power_w == 24


def test_parts_of_a_divided_card_are_told_in_its_place(nvml: FakeNvml) -> None:
    part = large("part", 10, nvmlDeviceGetUUID="MIG-1", nvmlDeviceGetName="H200 MIG 1g")
    del part["nvmlDeviceGetCudaComputeCapability"]
    whole = card(capability=(9, 0), nvmlDeviceGetMigMode=(1, 1), nvmlDeviceGetMaxMigDeviceCount=1)
    part["nvmlDeviceGetDeviceHandleFromMigDeviceHandle"] = whole
    whole["nvmlDeviceGetMigDeviceHandleByIndex"] = part
    nvml.cards = [whole]
    assert [(found.uuid, found.memory_bytes, found.bf16) for found in read_cards()] == [("MIG-1", 10 * 2**30, True)]


def test_card_that_shares_the_memory_of_the_machine_has_as_much(nvml: FakeNvml) -> None:
    nvml.cards = [card(capability=(12, 1))]
    del nvml.cards[0]["nvmlDeviceGetMemoryInfo"]
    assert read_cards()[0].memory_bytes == psutil.virtual_memory().total


def test_card_whose_driver_is_too_old_is_seen_said_and_not_used(nvml: FakeNvml, workspace: Workspace) -> None:
    nvml.cards, nvml.driver = [card()], "470.82"
    machine = read_machine()
    assert machine.card is None
    assert machine.unusable_card is not None
    words = "NVIDIA GeForce RTX 4090 cannot be used: its driver 470 is too old, 580 is needed."
    assert machine.unusable_card.trouble == hardware.describe_accelerator() == words
    assert "CUDA_VISIBLE_DEVICES" not in worker_environment(workspace, "train")
    facts = read_facts(None, machine, None)
    said = [found for found in complaints(make_recipe(data="x"), facts) if found.refuses]
    assert [(found.field, found.sentence) for found in said] == [
        ("method", f"{words} Install NVIDIA's driver 580 or newer, restart the computer, and start Tunesmith again.")
    ]
    assert list(advise("Linux", machine, ["a C compiler"])) == [said[0].sentence]


def test_what_a_card_lacks_beside_it_is_advised(nvml: FakeNvml) -> None:
    nvml.cards = [large("small", 8, nvmlDeviceGetName="RTX 3050"), large("large", 24)]
    words = list(advise("Linux", read_machine(), ["a C compiler"]))
    assert words[0] == "Trains on NVIDIA GeForce RTX 4090, which has the most memory; not on RTX 3050."
    assert "need a C compiler" in words[1]
    assert list(advise("Linux", read_machine(), []))[1:] == []


def test_card_trains_and_one_that_does_not_answer_hides_no_other(nvml: FakeNvml) -> None:
    nvml.cards = [{}, card(nvmlDeviceGetName="NVIDIA A100")]
    assert [found.name for found in read_cards()] == ["NVIDIA A100"]


def test_other_programs_on_a_card_are_named_once_and_this_one_is_not(nvml: FakeNvml) -> None:
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    worker = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", "-m", "studio.workers.chat"])
    try:
        nvml.cards = [card(pids=(os.getpid(), other.pid, other.pid, worker.pid))]
        assert sorted(read_cards()[0].used_by) == ["Tunesmith (chat)", psutil.Process(other.pid).name()]
    finally:
        for process in (other, worker):
            process.kill()
            process.wait()


def test_a_process_that_cannot_be_seen_from_here_is_named_by_its_number(nvml: FakeNvml) -> None:
    nvml.cards = [card(pids=(2**22 + 1,))]
    assert read_cards()[0].used_by == (f"process {2**22 + 1}",)


def test_the_load_of_a_card_leaves_open_what_it_does_not_tell(nvml: FakeNvml) -> None:
    nvml.cards = [card(nvmlDeviceGetUtilizationRates=types.SimpleNamespace(gpu=83), nvmlDeviceGetPowerUsage=312_500)]
    assert read_load() == Load(4 * 2**30, 0.83, None, 312.5)


def test_the_load_without_a_card_is_that_of_the_processor(nvml: FakeNvml) -> None:
    nvml.has_driver = False
    read_load()
    load = read_load()
    assert load.memory_bytes is not None
    assert 10 * 2**20 < load.memory_bytes < psutil.virtual_memory().total
    assert load.utilisation is not None
    assert 0 <= load.utilisation <= 1
    assert load.power_w is None


@pytest.mark.parametrize(
    ("facts", "bf16"),
    [
        ("model name\t: AMD EPYC\nflags\t\t: fpu avx512_bf16 sse\n", True),
        ("model name\t: Intel Xeon\nflags\t\t: amx_bf16\n", True),
        ("Features\t: fp asimd bf16\n", True),
        ("model name\t: Old one\nflags\t\t: fpu avx2\n", False),
        ("", False),
    ],
)
def test_a_processor_computes_in_bf16_if_its_flags_say_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, facts: str, bf16: bool
) -> None:
    (tmp_path / "cpuinfo").write_text(facts)
    monkeypatch.setattr(hardware, "PROCESSOR_FACTS", tmp_path / "cpuinfo")
    machine = read_machine()
    assert machine.bf16 is bf16
    assert machine.processor
    assert ("AMD EPYC" in facts) == (machine.processor == "AMD EPYC")


def put(folder: Path, **files: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)


def test_the_limit_of_a_container_is_read_with_what_is_taken_of_it(tmp_path: Path) -> None:
    (tmp_path / "membership").write_text("0::/box\n")
    stat = "anon 1\ninactive_file 300\n"
    put(tmp_path / "root" / "box", memory__max="1000\n", memory__current="500\n", memory__stat=stat)
    put(tmp_path / "root", memory__max="max\n", memory__current="9\n")
    limits = memory_limits(tmp_path / "root", tmp_path / "membership")
    assert limits == [Limit(1000, 200)], "files that the system would forget are not taken"
    assert limits[0].free_bytes == 800


def test_a_container_that_sees_its_group_as_the_root_is_limited_too(tmp_path: Path) -> None:
    (tmp_path / "membership").write_text("0::/somewhere/else\n")
    put(tmp_path / "root", memory__max="1000\n", memory__current="100\n")
    assert memory_limits(tmp_path / "root", tmp_path / "membership") == [Limit(1000, 100)]


def test_the_older_version_of_control_groups_is_read_as_well(tmp_path: Path) -> None:
    (tmp_path / "membership").write_text("4:memory:/box\n3:cpuset:/box\n0::/\n")
    memory = tmp_path / "root" / "memory"
    put(memory / "box", memory__limit_in_bytes="1000", memory__usage_in_bytes="400")
    put(memory, memory__limit_in_bytes=str(2**63 - 4096), memory__usage_in_bytes="5")
    assert memory_limits(tmp_path / "root", tmp_path / "membership") == [Limit(1000, 400)]


def test_outside_linux_nothing_limits(tmp_path: Path) -> None:
    assert memory_limits(tmp_path, tmp_path / "none") == []


def test_a_container_lowers_what_the_machine_says_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "memory_limits", lambda: [Limit(2**30, 2**29)])
    machine = read_machine()
    assert (machine.memory_bytes, machine.free_memory_bytes) == (2**30, 2**29)


def test_looking_at_the_machine_loads_nothing_slow() -> None:
    code = "import sys, studio.hardware; print({'torch', 'pynvml'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True)
    assert done.stdout == "set()\n", done.stderr


# What Triton needs to compile


@pytest.fixture
def tools(tmp_path: Path) -> tuple[Path, Path]:
    """An empty folder of programs, and one with Python's headers."""
    programs, headers = tmp_path / "bin", tmp_path / "include"
    for folder in (programs, headers):
        folder.mkdir()
    (headers / "Python.h").write_text("")
    return programs, headers


def put_program(folder: Path, name: str) -> None:
    (folder / name).write_text("#!/bin/sh\n")
    (folder / name).chmod(0o755)


@pytest.mark.parametrize("name", ["gcc", "clang"])
def test_nothing_is_missing_with_a_compiler_and_headers(tools: tuple[Path, Path], name: str) -> None:
    programs, headers = tools
    put_program(programs, name)
    assert missing_for_kernels("Linux", {"PATH": str(programs)}, headers) == []


def test_what_is_missing_is_named_with_how_to_have_it(tools: tuple[Path, Path]) -> None:
    programs, headers = tools
    (headers / "Python.h").unlink()
    missing = missing_for_kernels("Linux", {"PATH": str(programs)}, headers)
    assert missing == ["a C compiler", "Python's headers"]
    words = say_missing(missing)
    assert "need a C compiler and Python's headers" in words
    assert f"sudo apt install gcc python{sys.version_info.major}.{sys.version_info.minor}-dev" in words
    assert say_missing([]) == ""


def test_compiler_that_a_person_named_must_be_there(tools: tuple[Path, Path]) -> None:
    programs, headers = tools
    put_program(programs, "gcc")
    assert missing_for_kernels("Linux", {"PATH": str(programs), "CC": "my-cc"}, headers) == ["a C compiler"]
    put_program(programs, "my-cc")
    assert missing_for_kernels("Linux", {"PATH": str(programs), "CC": "my-cc"}, headers) == []


@pytest.mark.parametrize("system", ["Windows", "Darwin"])
def test_other_systems_need_none(system: str, tools: tuple[Path, Path]) -> None:
    assert missing_for_kernels(system, {"PATH": ""}, tools[0]) == []
