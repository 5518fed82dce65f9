"""Which build of torch a machine gets, and what is said where an installed one cannot use its card."""

from __future__ import annotations

import pytest

from studio import environment, hardware, wheels
from studio.wheels import InstalledCard, read_installed_cards, say_trouble

RTX_3060, RTX_5090, T4, GTX_1080, V100 = (8, 6), (12, 0), (7, 5), (6, 1), (7, 0)


@pytest.mark.parametrize(
    ("system", "driver", "capability", "backend"),
    [
        ("Linux", 580, RTX_3060, ""),  # PyPI's own
        ("Linux", 575, RTX_3060, "cu126"),
        ("Linux", 550, T4, "cu126"),  # Colab
        ("Linux", 525, RTX_3060, "cu126"),
        ("Linux", 470, RTX_3060, ""),  # too old for any: the processor
        ("Linux", 580, V100, "cu126"),
        ("Linux", 580, GTX_1080, ""),
        ("Linux", 570, RTX_5090, ""),  # no build of CUDA 12.6 has code for it
        ("Linux", 590, RTX_5090, ""),
        ("Windows", 581, RTX_3060, "cu130"),
        ("Windows", 566, RTX_3060, "cu126"),
        ("Windows", 516, RTX_3060, ""),
        ("Windows", 580, (0, 0), "cu130"),  # a driver that tells no capability
        ("Darwin", 0, (0, 0), ""),
    ],
)
def test_build_of_torch_by_system_driver_and_card(system, driver, capability, backend):
    assert environment.other_backend(system, [InstalledCard("RTX", driver, capability)]) == backend


def test_newest_build_that_one_of_the_cards_can_use():
    cards = [InstalledCard("GTX 1080", 580, GTX_1080), InstalledCard("RTX 3060", 580, RTX_3060)]
    assert wheels.choose_backend("Linux", cards) == "cu130"
    assert wheels.choose_backend("Linux", []) == "cpu"


@pytest.mark.parametrize(
    ("system", "driver", "capability", "cuda", "what", "do"),
    [
        ("Linux", 550, RTX_3060, 13, "its driver 550 is too old for what is installed here", "driver 580 or newer"),
        ("Linux", 470, RTX_3060, 13, "its driver 470 is too old, 580 is needed", "driver 580 or newer"),
        ("Linux", 570, RTX_5090, 12, "its driver 570 is too old, 580 is needed", "driver 580 or newer"),
        ("Linux", 580, RTX_5090, 12, "made for another driver or card", "set up anew"),
        ("Windows", 580, RTX_3060, None, "was set up without a card", "set up anew"),
        ("Linux", 0, (0, 0), 13, "its driver does not answer", "Restart the computer"),
        ("Linux", 580, GTX_1080, 13, "older than what the libraries of today can use", "--processor"),
    ],
)
def test_card_that_cannot_be_used_is_told_with_what_to_do(system, driver, capability, cuda, what, do):
    said = say_trouble(system, InstalledCard("RTX", driver, capability), cuda)
    assert what in said[0]
    assert do in said[1]


def test_nothing_is_said_of_a_card_that_can_be_used():
    assert say_trouble("Linux", InstalledCard("RTX 3060", 580, RTX_3060), 13) == ("", "")
    assert say_trouble("Linux", InstalledCard("RTX 3060", 550, RTX_3060), 12) == ("", "")
    assert say_trouble("Windows", InstalledCard("RTX 5090", 590, RTX_5090), 13) == ("", "")


def test_cards_are_read_as_the_driver_tells_them(tmp_path, monkeypatch):
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho 'NVIDIA GeForce RTX 3060, 550.163.01, 8.6'\necho 'Quadro, 580.65, [N/A]'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert read_installed_cards("Linux") == [
        InstalledCard("NVIDIA GeForce RTX 3060", 550, (8, 6)),
        InstalledCard("Quadro", 580, (0, 0)),
    ]
    program.write_text("#!/bin/sh\necho 'NVIDIA-SMI has failed' >&2\nexit 9\n")
    assert read_installed_cards("Linux") == [InstalledCard("The graphics card")]
    program.unlink()
    assert read_installed_cards("Linux") == []


def test_what_torch_was_built_for_is_read_without_importing_it(tmp_path):
    file = tmp_path / "version.py"
    file.write_text("__version__ = '2.14.1+cu126'\ncuda: Optional[str] = '12.6'\nhip: Optional[str] = None\n")
    assert wheels.built_for(file) == 12
    file.write_text("__version__ = '2.14.1'\ncuda: Optional[str] = None\n")
    assert wheels.built_for(file) is None
    import torch

    cuda = torch.version.cuda
    assert hardware.cuda_of_torch.__wrapped__() == (int(cuda.partition(".")[0]) if cuda else None)
