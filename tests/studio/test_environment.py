"""Setting up, with real environments: only uv is a small stand-in, which pip installs from a folder."""

import ast
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath

import pytest

from studio import addition, environment
from studio.environment import SetupError
from tests.conftest import FIRST, LONG

ROOT = Path(__file__).parents[2]

STAND_IN_FOR_UV = """
import os, pathlib, sys
with pathlib.Path("uv-calls").open("a") as calls:
    calls.write("+".join(pathlib.Path(each).name for each in sys.argv if each.endswith(".lock")) + "\\n")
sys.exit(os.environ.get("UV_FAILS"))
"""
STAND_IN_FOR_VERBS = """
import json, os, sys
def main(argv):
    card = os.environ.get("CUDA_VISIBLE_DEVICES")
    print(json.dumps({"argv": argv, "prefix": sys.prefix, "folder": os.getcwd(), "studio": __file__, "card": card}))
    return 3
"""


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of wheels for pip, so that no test needs a network."""
    folder = tmp_path_factory.mktemp("shelf")
    with zipfile.ZipFile(folder / "uv-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("uv/__init__.py", "")
        wheel.writestr("uv/__main__.py", STAND_IN_FOR_UV)
        wheel.writestr("uv-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: uv\nVersion: 1.0\n")
        wheel.writestr("uv-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr("uv-1.0.dist-info/RECORD", "")
    return folder


@pytest.fixture(autouse=True)
def offline(shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(shelf))


def write_program(root: Path) -> Path:
    (root / "tests").mkdir(parents=True)
    (root / "studio").mkdir()
    for name in (
        "launch.py",
        *(
            f"studio/{name}.py"
            for name in ("__init__", "addition", "disk", "environment", "errors", "extras", "wheels")
        ),
    ):
        shutil.copy(ROOT / name, root / name)
    (root / "studio" / "verbs.py").write_text(STAND_IN_FOR_VERBS)
    (root / "requirements.lock").write_text("uv==1.0\n")
    (root / "requirements.similarity.lock").write_text("wordllama==1.0\n")
    (root / "tests" / "requirements.lock").write_text("pytest==9.2.0\nuv==1.0\n")
    return root


@pytest.fixture(scope="module")
def installed_once(tmp_path_factory: pytest.TempPathFactory, shelf: Path) -> Path:
    root = write_program(tmp_path_factory.mktemp("installed") / "program")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PIP_CONFIG_FILE", os.devnull)
        patch.setenv("PIP_NO_INDEX", "1")
        patch.setenv("PIP_FIND_LINKS", str(shelf))
        environment.set_up(root)
    return root


@pytest.fixture
def installed(installed_once: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(installed_once, tmp_path / "program", symlinks=True))


def syncs(root: Path) -> list[str]:
    return (root / "uv-calls").read_text().split()


def launch(root: Path, *arguments: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(root / "launch.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder or root)


# Commands


@pytest.mark.parametrize(
    ("system", "root", "python"),
    [
        ("Linux", PurePosixPath("/home/ada/tunesmith"), "/home/ada/tunesmith/.venv/bin/python"),
        ("Darwin", PurePosixPath("/Users/ada/tunesmith"), "/Users/ada/tunesmith/.venv/bin/python"),
        ("Windows", PureWindowsPath(r"C:\Ada\tunesmith"), r"C:\Ada\tunesmith\.venv\Scripts\python.exe"),
    ],
)
def test_pip_brings_uv_and_uv_brings_the_rest(system: str, root: PurePath, python: str) -> None:
    lock = root / "requirements.lock"
    assert environment.install_commands(system, root, [lock], uv="uv==1.2") == [
        [python, "-m", "pip", "install", "--disable-pip-version-check", "uv==1.2"],
        [python, "-m", "uv", "pip", "sync", "--compile-bytecode", "--python", python, str(lock)],
    ]


def test_what_an_older_driver_needs_comes_with_its_build_of_torch() -> None:
    root = PurePosixPath("/tunesmith")
    bring_uv, sync, add = environment.install_commands("Linux", root, [root / "requirements.lock"], backend="cu126")
    assert "uv" in bring_uv
    assert "--torch-backend=cu126" in sync
    assert add[-3:] == ["--torch-backend=cu126", "torch", "torchvision"]
    windows = PureWindowsPath(r"C:\tunesmith")
    _, sync = environment.install_commands("Windows", windows, [windows / "requirements.lock"], backend="cu126")
    assert "--torch-backend=cu126" in sync, "whose wheels bring NVIDIA's libraries along"


def test_lock_without_the_libraries_of_one_cuda() -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    left = environment.without_nvidia(lock)
    gone = set(lock.splitlines()) - set(left.splitlines())
    assert any(line.startswith("nvidia-cudnn") for line in gone)
    assert all(line.startswith(("nvidia-", "cuda-")) for line in gone)
    assert "nvidia-ml-py==" in left
    assert "torch==" in left


@pytest.mark.parametrize(
    ("system", "has_nvidia", "words"),
    [
        ("Linux", False, "about 3.5 GB, which takes about 5 minutes"),
        ("Windows", True, "about 3 GB, which takes about 4 minutes"),
        ("Windows", False, "about 1 GB, which takes about 2 minutes"),
        ("Darwin", False, "about 1 GB, which takes about 2 minutes"),
    ],
)
def test_the_download_is_told_before_it_begins(system: str, has_nvidia: bool, words: str) -> None:
    assert environment.describe_download(system, has_nvidia).startswith(words)


def test_uv_is_the_one_that_the_lock_pins(tmp_path: Path) -> None:
    lock = tmp_path / "requirements.lock"
    lock.write_text("uvicorn==0.54.0\nuv==0.13.9 ; python_version > '3'\n")
    assert environment.pinned_uv(lock) == "uv==0.13.9"
    lock.write_text("uvicorn==0.54.0\n")
    assert environment.pinned_uv(lock) == "uv"


# Locks


def pins(lock: Path) -> set[str]:
    return {line.split(" ;")[0] for line in lock.read_text().splitlines()}


def test_the_lock_of_the_tests_holds_all_of_the_programs() -> None:
    assert pins(ROOT / "requirements.lock") <= pins(ROOT / "tests" / "requirements.lock")


def test_the_lock_of_an_extra_holds_what_the_programs_lacks_and_the_tests_have_it() -> None:
    extra = pins(ROOT / "requirements.similarity.lock")
    assert {pin.split("==")[0] for pin in extra} == {"wordllama", "toml"}
    assert not extra & pins(ROOT / "requirements.lock")
    assert extra <= pins(ROOT / "tests" / "requirements.lock")


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements.similarity.lock", "tests/requirements.lock"])
def test_a_lock_holds_pins_and_no_addresses(lock: str) -> None:
    assert all(re.fullmatch(r"[a-z0-9._-]+==[^\s/]+", pin) for pin in pins(ROOT / lock))
    assert "://" not in (ROOT / lock).read_text()


# Installations


def test_a_second_start_installs_nothing_and_says_nothing(
    installed: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert syncs(installed) == ["requirements.lock"]
    monkeypatch.setattr(subprocess, "run", pytest.fail)  # no process is started, so no network is used
    environment.set_up(installed)
    assert capfd.readouterr() == ("", "")


def test_an_installation_that_broke_off_leaves_nothing_half_done(
    installed: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (installed / "requirements.lock").write_text("uv==1.0\ntorch==2\n")
    monkeypatch.setenv("UV_FAILS", "error: killed")
    with pytest.raises(SetupError, match="broke off: error: killed"):
        environment.set_up(installed)
    assert not environment.stamp_path(installed).exists()
    half = installed / ".venv" / "torch"
    half.mkdir()
    monkeypatch.delenv("UV_FAILS")
    environment.set_up(installed)
    assert not half.exists()
    assert environment.is_installed(installed, with_tests=False)
    assert "was not finished" in capfd.readouterr().err


def lose_python(root: Path) -> None:
    Path(environment.venv_python(platform.system(), root)).unlink()


def lose_the_python_it_was_made_from(root: Path) -> None:
    (root / ".venv" / "pyvenv.cfg").write_text(f"home = {root / 'uninstalled'}\n")


@pytest.mark.parametrize("harm", [lose_python, lose_the_python_it_was_made_from])
def test_a_venv_without_its_python_is_made_anew(installed: Path, harm: Callable[[Path], None]) -> None:
    leftover = installed / ".venv" / "leftover"
    leftover.touch()
    harm(installed)
    environment.set_up(installed)
    assert not leftover.exists()
    assert syncs(installed) == ["requirements.lock"] * 2
    assert environment.is_installed(installed, with_tests=False)


def test_a_python_that_does_not_start_is_made_anew_by_the_next_start(installed: Path) -> None:
    python = Path(environment.venv_python(platform.system(), installed))
    python.unlink()
    python.touch()
    refused = launch(installed, "runs")
    assert refused.returncode == 1
    assert "does not start" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert launch(installed, "runs").returncode == 3


def test_a_changed_lock_is_installed(installed: Path) -> None:
    (installed / "requirements.lock").write_text("uv==1.0\ntorch==2\n")
    environment.set_up(installed)
    environment.set_up(installed)
    assert syncs(installed) == ["requirements.lock"] * 2


def test_the_test_tools_satisfy_the_program_too_until_its_lock_changes(installed: Path) -> None:
    environment.set_up(installed, with_tests=True)
    environment.set_up(installed)
    environment.set_up(installed, with_tests=True)
    assert [Path(lock).name for lock in syncs(installed)] == ["requirements.lock"] * 2
    (installed / "requirements.lock").write_text("uv==1.0\ntorch==2\n")
    environment.set_up(installed)
    assert not environment.is_installed(installed, with_tests=True)


def test_processor_flag_hides_the_card_from_all_that_is_started(
    installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    asked = json.loads(launch(installed, "train", "--processor", "recipe.yaml").stdout.splitlines()[-1])
    assert (asked["argv"], asked["card"]) == (["train", "recipe.yaml"], "")
    asked = json.loads(launch(installed, "train", "recipe.yaml").stdout.splitlines()[-1])
    assert asked["card"] is None


# Extras


def test_an_extra_is_added_by_one_command_and_stays_when_the_programs_lock_changes(installed: Path) -> None:
    added = launch(installed, "--add", "similarity")
    assert (added.returncode, added.stdout) == (0, "")
    assert "about 19 MB" in added.stderr
    assert (installed / "extras.txt").read_text() == "similarity\n"
    environment.set_up(installed)
    assert syncs(installed) == ["requirements.lock", "requirements.similarity.lock"]
    (installed / "requirements.lock").write_text("uv==1.0\ntorch==2\n")
    environment.set_up(installed)
    environment.set_up(installed)
    assert syncs(installed)[2:] == ["requirements.lock+requirements.similarity.lock"]


def test_an_extra_stays_with_a_venv_made_anew_with_the_test_tools_and_when_its_own_lock_changes(
    installed: Path,
) -> None:
    addition.add_extra(installed, ["similarity"])
    shutil.rmtree(installed / ".venv")
    environment.set_up(installed)
    environment.set_up(installed, with_tests=True)
    (installed / "requirements.similarity.lock").write_text("wordllama==2.0\n")
    assert not environment.is_installed(installed, with_tests=True)
    environment.set_up(installed)
    assert syncs(installed)[2:] == ["requirements.lock+requirements.similarity.lock"] * 3


def test_an_extra_added_beside_the_test_tools_leaves_them_installed(installed: Path) -> None:
    environment.set_up(installed, with_tests=True)
    addition.add_extra(installed, ["similarity"])
    assert environment.is_installed(installed, with_tests=True)
    assert environment.is_installed(installed, with_tests=False)


def test_an_extra_that_cannot_be_had_leaves_all_as_it_was(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_FAILS", "error: error sending request")
    failed = launch(installed, "--add", "similarity")
    assert failed.returncode == 1
    assert "There is no network" in failed.stderr
    assert not (installed / "extras.txt").exists()
    assert environment.is_installed(installed, with_tests=False)


@pytest.mark.parametrize("names", [[], ["nothing"], ["similarity", "more"]])
def test_an_extra_that_there_is_none_of_is_refused_with_those_there_are(installed: Path, names: list[str]) -> None:
    with pytest.raises(SetupError, match=r"the name of one extra.* Those there are: similarity, galore, apollo\."):
        addition.add_extra(installed, names)


def test_an_extra_that_a_later_program_no_longer_has_does_not_hinder_its_start(installed: Path) -> None:
    (installed / "extras.txt").write_text("gone\n")
    assert launch(installed, "runs").returncode == 3


# Refusals


def test_a_first_start_needs_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = write_program(tmp_path / "program")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**12, 10**12, 11_900_000_000))
    with pytest.raises(SetupError, match=r"12 GB of free disk, and there are 11\.9 GB.* Make room"):
        environment.set_up(root)
    assert not (root / ".venv").exists()


def test_a_python_without_venv_is_told_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment.importlib.util, "find_spec", lambda name: None if name == "ensurepip" else name)
    with pytest.raises(SetupError, match=r"no venv module.*apt install python3-venv"):
        environment.set_up(write_program(tmp_path / "program"))


def test_a_first_start_without_network_says_so(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (installed / "requirements.lock").write_text("uv==2.0\n")
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/")
    monkeypatch.setenv("PIP_RETRIES", "1")
    with pytest.raises(SetupError, match=r"no network.*Connect this machine"):
        environment.set_up(installed)


def test_uv_without_network_is_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "requirements.lock").write_text("nothing-of-this-name==1\n")
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:9/")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    command = [
        sys.executable,
        "-m",
        "uv",
        "pip",
        "sync",
        "--dry-run",
        "--python",
        sys.executable,
        "requirements.lock",
    ]
    failed = environment.run_silently(command, tmp_path)
    assert "no network" in environment.explain_failure(failed.stdout, tmp_path).what


@pytest.mark.parametrize(
    ("output", "words"),
    [
        ("error: failed to write: No space left on device (os error 28)", "The disk is full."),
        ("ssl.SSLError: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed", "does not trust"),
        ("cause: invalid peer certificate: UnknownIssuer\ncause: error sending request", "does not trust"),
        ("ERROR: Could not find a version that satisfies uv (from versions: none)", "no network"),
        ("error: something else\n", "broke off: error: something else"),
        ("", "broke off: it gave no reason."),
    ],
)
def test_a_failed_installation_says_what_happened(output: str, words: str, tmp_path: Path) -> None:
    assert words in environment.explain_failure(output, tmp_path).what


def test_a_missing_part_says_how_to_mend_it(tmp_path: Path) -> None:
    with (
        pytest.raises(SetupError, match=r"missing or damaged: No module named 'nowhere'.*Delete .*\.venv"),
        environment.explained_imports(tmp_path),
    ):
        __import__("nowhere")


# launch.py


def test_an_old_python_reads_launch_as_far_as_its_refusal() -> None:
    source = (ROOT / "launch.py").read_text()
    ast.parse(source, feature_version=(3, 8))
    old = f"import runpy, sys; sys.version_info = (3, 10, 13); runpy.run_path({str(ROOT / 'launch.py')!r})"
    refused = subprocess.run([sys.executable, "-c", old], capture_output=True, text=True)
    assert refused.returncode == 1
    assert refused.stderr.startswith("Tunesmith needs Python 3.11, 3.12 or 3.13")
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize(("flag", "words"), [("--version", "Tunesmith 0.1.0\n"), ("--help", "Tunesmith: teach a")])
def test_version_and_help_need_no_environment(flag: str, words: str, tmp_path: Path) -> None:
    root = write_program(tmp_path / "program")
    assert launch(root, flag).stdout.startswith(words)
    assert not (root / ".venv").exists()


def test_help_names_every_flag_and_verb(tmp_path: Path) -> None:
    shown = launch(ROOT, "--help").stdout
    flags = ["--workspace", "--port", "--no-browser", "--share", "--password", "--add", "--version", "--test"]
    verbs = ["demo", "audit", "train", "runs", "stop", "resume", "ask", "score", "export", "doctor"]
    assert [word for word in flags + verbs if word not in shown] == []


def test_a_verb_runs_inside_the_environment_where_the_person_stands(installed: Path, tmp_path: Path) -> None:
    (installed / "requirements.lock").write_text("uv==1.0\ntorch==2\n")  # so that this start has things to say
    done = launch(installed, "audit", "orders.csv", "--json", folder=tmp_path)
    assert done.returncode == 3
    assert json.loads(done.stdout) == {
        "argv": ["audit", "orders.csv", "--json"],
        "prefix": str(installed / ".venv"),
        "folder": str(tmp_path),
        "studio": str(installed / "studio" / "verbs.py"),
        "card": os.environ.get("CUDA_VISIBLE_DEVICES"),
    }
    assert "Everything is installed" in done.stderr


def test_a_verb_that_cannot_be_set_up_says_so_in_json(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (installed / "requirements.lock").write_text("uv==2.0\n")
    done = launch(installed, "runs", "--json")
    assert done.returncode == 1
    error = json.loads(done.stdout)["error"]
    assert f"{error['what']}\n{error['do']}" in done.stderr


# Checks and their browser


def test_every_check_runs_and_pytest_closes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    says = {"first": "raise SystemExit(1)", "second": "print('second ran')", "pytest": "print('1 passed')"}
    commands = {name: [sys.executable, "-c", program] for name, program in says.items()}
    monkeypatch.setattr(environment, "check_commands", lambda python, arguments: commands)
    monkeypatch.setenv("TUNESMITH_BROWSER", sys.executable)
    assert environment.run_checks(tmp_path, []) == 1
    lines = capfd.readouterr().out.split("\n")
    assert "second ran" in lines
    assert "Failed so far: first" in lines
    assert lines[-2:] == ["1 passed", ""]


def test_words_after_test_go_to_pytest() -> None:
    commands = environment.check_commands("python", ["-k", "words"])
    assert list(commands) == ["ruff check", "ruff format", "mypy", "pytest"]
    assert commands["pytest"][-2:] == ["-k", "words"]


def test_the_files_that_are_given_out_early_are_there() -> None:
    """Else one that was renamed begins last, and the other process waits for it."""
    assert all((ROOT / "tests" / file).is_file() for file in (FIRST, *LONG))


@pytest.mark.parametrize(
    ("system", "environ", "place"),
    [
        ("Linux", {}, "google-chrome"),
        ("Darwin", {"HOME": "/Users/ada"}, "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"),
        ("Darwin", {"HOME": "/Users/ada"}, "/Users/ada/Applications/Chromium.app/Contents/MacOS/Chromium"),
        ("Windows", {"PROGRAMFILES": r"C:\Programs"}, r"C:\Programs\Google\Chrome\Application\chrome.exe"),
        ("Windows", {"PROGRAMFILES(X86)": r"C:\Old"}, r"C:\Old\Microsoft\Edge\Application\msedge.exe"),
    ],
)
def test_browsers_are_looked_for_where_each_system_keeps_them(system: str, environ: dict[str, str], place: str) -> None:
    assert place in environment.browser_places(system, environ)


@pytest.fixture
def no_browser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that is all of the PATH."""
    monkeypatch.delenv("TUNESMITH_BROWSER", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def test_an_installed_browser_is_taken(no_browser: Path) -> None:
    chromium = no_browser / "chromium"
    chromium.touch(mode=0o755)
    assert environment.provide_browser("Linux") == str(chromium)


def test_a_chosen_browser_comes_before_an_installed_one(no_browser: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("chromium", "mine"):
        (no_browser / name).touch(mode=0o755)
    monkeypatch.setenv("TUNESMITH_BROWSER", str(no_browser / "mine"))
    assert environment.provide_browser("Linux") == str(no_browser / "mine")


def test_playwrights_own_browser_has_an_empty_path(no_browser: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "fetch_playwright_browser", lambda: True)
    assert environment.provide_browser("Linux") == ""


def test_without_any_browser_the_checks_say_what_to_install(no_browser: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "fetch_playwright_browser", lambda: False)
    with pytest.raises(SetupError, match=r"need a browser.*Install Google Chrome, Chromium or Microsoft Edge"):
        environment.provide_browser("Linux")
