"""Tokenizers and tiny models of the families, fetched and built once for all tests of a session."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from studio.data.tokens import FolderTokenizer, load_tokenizer
from studio.process import worker_environment
from studio.workspace import REPOSITORY, Workspace
from tests.families.ollama import build_renderer
from tests.families.tiny import FAMILIES, NARROW, WIDE
from tests.families.tokenizers import write_tokenizer

PATIENCE_S = 240  # of a family's whole job


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where what npm brings is kept."""
    return tmp_path_factory.mktemp("packages")


@pytest.fixture(scope="session")
def tokenizer_folder(packages: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    @cache
    def write(family: str) -> Path:
        folder = tmp_path_factory.mktemp("tokenizer")
        write_tokenizer(FAMILIES[family].vocabulary, folder, packages)
        return folder

    return write


@pytest.fixture(scope="session")
def tokenizer_of_family(tokenizer_folder: Callable[[str], Path]) -> Callable[[str], FolderTokenizer]:
    return cache(lambda family: load_tokenizer(tokenizer_folder(family)))


@pytest.fixture(scope="session")
def renderer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program that renders Ollama's templates."""
    return build_renderer(tmp_path_factory.mktemp("go"))


@pytest.fixture(scope="session")
def run_job(packages: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., dict[str, dict[str, Any]]]:
    """The whole job for families, one after the other in one process: what `job.work` found of each."""

    def run(families: list[str], method: str, quants: list[str]) -> dict[str, dict[str, Any]]:
        folder = tmp_path_factory.mktemp("families")
        hidden = NARROW if quants == ["f16"] else WIDE
        environment = worker_environment(Workspace.open(folder / "workspace"), "train") | {"OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-m", "tests.families.job", folder, packages, hidden, method, ",".join(quants)]
        with (folder / "log").open("wb") as log:
            subprocess.run(
                [*map(str, command), *families], cwd=REPOSITORY, env={**os.environ, **environment}, stdout=log,
                stderr=log, check=True, timeout=PATIENCE_S * len(families),
            )  # fmt: skip
        from tests.families.job_names import name_of

        return {family: json.loads((folder / f"{name_of(family)}.json").read_text()) for family in families}

    return run
