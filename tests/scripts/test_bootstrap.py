import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from zipfile import ZipFile

import bootstrap
import pytest

LOCK = """\
attrs==1.0 \\
    --hash=sha256:aa
    # via x
uv==0.13.9 \\
    --hash=sha256:bb \\
    --hash=sha256:cc
    # via v-factory (pyproject.toml)
uvicorn==1.0 \\
    --hash=sha256:dd
"""
PROJECT = """\
[build-system]
requires = []
[project]
name = "x"
version = "1"
[tool.hatch]
[tool.ruff]
line-length = 110
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with locks and a working environment, not in step with anything yet."""
    (tmp_path / "requirements").mkdir()
    for name in bootstrap.LOCKS + bootstrap.TOOLS:
        (tmp_path / "requirements" / f"{name}.txt").write_text(LOCK)
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").symlink_to(sys.executable)
    monkeypatch.setattr(bootstrap, "PROJECT", tmp_path)
    monkeypatch.setattr(bootstrap, "ENVIRONMENT", tmp_path / ".venv")
    monkeypatch.setattr(bootstrap, "CACHE", tmp_path / ".cache")
    return tmp_path


def install(project: Path, name: str) -> None:
    (project / ".venv" / "stamp").write_text(bootstrap.stamp(name))


def test_an_environment_is_in_step_until_its_lock_changes(project: Path) -> None:
    assert not bootstrap.is_done("local")
    install(project, "local")
    assert bootstrap.is_done("local")
    (project / "requirements" / "local.txt").write_text(LOCK + "more==1\n")
    assert not bootstrap.is_done("local")


def test_what_developers_have_is_enough_for_running_but_not_the_other_way(project: Path) -> None:
    install(project, "dev")
    assert bootstrap.is_done("dev")
    assert bootstrap.is_done("local")
    install(project, "local")
    assert not bootstrap.is_done("dev")


def test_tools_have_an_environment_of_their_own(project: Path) -> None:
    install(project, "dev")
    assert not bootstrap.is_done("deploy")
    apart = project / ".cache" / "deploy"
    (apart / "bin").mkdir(parents=True)
    (apart / "bin" / "python").symlink_to(sys.executable)
    (apart / "stamp").write_text(bootstrap.stamp("deploy"))
    assert bootstrap.is_done("deploy")
    (project / "requirements" / "deploy.txt").write_text(LOCK + "more==1\n")
    assert not bootstrap.is_done("deploy")


def test_tools_settings_do_not_put_it_out_of_step_but_metadata_does(project: Path) -> None:
    install(project, "dev")
    (project / "pyproject.toml").write_text(PROJECT.replace("110", "100"))
    assert bootstrap.is_done("dev")
    (project / "pyproject.toml").write_text(PROJECT.replace('"x"', '"y"'))
    assert not bootstrap.is_done("dev")


def test_a_moved_project_and_a_broken_interpreter_are_out_of_step(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(project, "dev")
    python = project / ".venv" / "bin" / "python"
    python.unlink()
    python.symlink_to(project / "gone")
    assert not bootstrap.is_done("dev")
    python.unlink()
    python.symlink_to(sys.executable)
    assert bootstrap.is_done("dev")
    moved = project.with_name("moved")
    project.rename(moved)
    monkeypatch.setattr(bootstrap, "PROJECT", moved)
    monkeypatch.setattr(bootstrap, "ENVIRONMENT", moved / ".venv")
    assert not bootstrap.is_done("dev")


@pytest.mark.usefixtures("project")
def test_the_installer_is_pinned_by_the_lock() -> None:
    pinned = bootstrap.pinned("uv")
    assert pinned.splitlines()[0] == "uv==0.13.9 \\"
    assert pinned.count("--hash=sha256:") == 2
    assert "uvicorn" not in pinned


def test_the_real_lock_pins_it_by_hash_and_names_no_address() -> None:
    assert "--hash=sha256:" in bootstrap.pinned("uv")
    for name in ("dev", "local", "runtime", "deploy"):
        text = (bootstrap.PROJECT / "requirements" / f"{name}.txt").read_text()
        assert "://" not in text
        assert len(hashlib.sha256(text.encode()).hexdigest()) == 64


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("PIP_INDEX_URL", True),
        ("PIP_CERT", True),
        ("UV_DEFAULT_INDEX", True),
        ("UV_INDEX_INTERNAL_PASSWORD", True),
        ("UV_CACHE_DIR", True),
        ("SSL_CERT_FILE", True),
        ("HTTPS_PROXY", True),
        ("PIP_TARGET", False),
        ("PIP_PREFIX", False),
        ("PIP_CONSTRAINT", False),
        ("PIP_NO_BINARY", False),
        ("UV_PYTHON", False),
        ("UV_SYSTEM_PYTHON", False),
        ("UV_PROJECT_ENVIRONMENT", False),
        ("UV_NO_BINARY", False),
        ("PYTHONPATH", False),
        ("PYTHONHOME", False),
        ("VIRTUAL_ENV", False),
        ("CONDA_PREFIX", False),
    ],
)
def test_only_what_leads_to_packages_is_taken_from_the_environment(
    name: str, *, kept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "value")
    assert (bootstrap.clean_environment().get(name) == "value") is kept


def test_pip_installs_nowhere_else_whatever_it_is_configured_to() -> None:
    environment = bootstrap.clean_environment()
    assert (environment["PIP_USER"], environment["PIP_REQUIRE_VIRTUALENV"]) == ("0", "0")


@pytest.mark.parametrize("home", [None, "/nonexistent", "/dev/null"])
def test_without_a_usable_home_the_caches_are_the_projects(
    home: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HOME", "XDG_CACHE_HOME", "UV_CACHE_DIR"):
        monkeypatch.delenv(name, raising=False)
    if home:
        monkeypatch.setenv("HOME", home)
    environment = bootstrap.clean_environment()
    assert environment["UV_CACHE_DIR"] == str(bootstrap.CACHE / "packages")
    assert environment["HOME"] == str(bootstrap.CACHE)


def test_uv_looks_where_pip_is_told_to_look(tmp_path: Path) -> None:
    configuration = tmp_path / "pip.conf"
    configuration.write_text(
        "[global]\nindex-url = https://mirror.example/simple\nextra-index-url = https://a https://b\n"
        "cert = /etc/ssl/own.pem\n[install]\nuser = true\n"
    )
    told = bootstrap.known_to_pip({"PATH": "/usr/bin:/bin", "PIP_CONFIG_FILE": str(configuration)})
    assert told["UV_DEFAULT_INDEX"] == "https://mirror.example/simple"
    assert told["UV_INDEX"].split()[-2:] == ["https://a", "https://b"]
    assert told["SSL_CERT_FILE"] == "/etc/ssl/own.pem"
    assert told["UV_INDEX_STRATEGY"] == "unsafe-best-match"


def test_uv_asks_no_network_where_pip_is_told_to_use_no_index() -> None:
    told = {"PATH": "/usr/bin:/bin", "PIP_CONFIG_FILE": os.devnull, "PIP_FIND_LINKS": "/wheels"}
    assert "UV_OFFLINE" not in bootstrap.known_to_pip(told)
    assert bootstrap.known_to_pip(told | {"PIP_NO_INDEX": "1"})["UV_OFFLINE"] == "1"
    assert bootstrap.known_to_pip(told | {"PIP_NO_INDEX": "1"})["UV_FIND_LINKS"] == "/wheels"
    itself = bootstrap.known_to_pip(told | {"PIP_NO_INDEX": "1", "UV_OFFLINE": "0"})
    assert "UV_OFFLINE" not in itself
    assert itself["UV_FIND_LINKS"] == "/wheels"


def test_a_variable_of_pip_goes_over_its_file(tmp_path: Path) -> None:
    configuration = tmp_path / "pip.conf"
    configuration.write_text("[global]\nfind-links = /file\n[install]\nfind-links = /section\n")
    known = {"PATH": "/usr/bin:/bin", "PIP_CONFIG_FILE": str(configuration)}
    assert bootstrap.known_to_pip(known)["UV_FIND_LINKS"] == "/section"
    assert bootstrap.known_to_pip(known | {"PIP_FIND_LINKS": "/variable"})["UV_FIND_LINKS"] == "/variable"


def test_certificates_that_are_known_anyway_leave_the_rest_of_pips_settings() -> None:
    known = {"PATH": "/usr/bin:/bin", "PIP_CONFIG_FILE": os.devnull, "SSL_CERT_FILE": "/etc/ssl/machine.pem"}
    told = bootstrap.known_to_pip(known | {"PIP_FIND_LINKS": "/wheels", "PIP_CERT": "/etc/ssl/own.pem"})
    assert told["UV_FIND_LINKS"] == "/wheels"
    assert "SSL_CERT_FILE" not in told


def write_wheel(folder: Path) -> str:
    """Write the wheel of a package called `tiny` into `folder`, and return its hash."""
    folder.mkdir()
    about = "tiny-1.0.dist-info"
    parts = {
        "tiny.py": "ANSWER = 42\n",
        f"{about}/METADATA": "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    parts[f"{about}/RECORD"] = "".join(f"{name},,\n" for name in [*parts, f"{about}/RECORD"])
    file = folder / "tiny-1.0-py3-none-any.whl"
    with ZipFile(file, "w") as wheel:
        for name, text in parts.items():
            wheel.writestr(name, text)
    return hashlib.sha256(file.read_bytes()).hexdigest()


@pytest.fixture
def without_network(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a project whose packages come from a folder of wheels, where no index answers."""
    digest = write_wheel(project / "wheelhouse")
    (project / "requirements" / "deploy.txt").write_text(f"tiny==1.0 --hash=sha256:{digest}\n")
    for name in list(os.environ):
        if name.startswith(("PIP_", "UV_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.defpath}")
    monkeypatch.setenv("HOME", str(project))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(project / "wheelhouse"))
    monkeypatch.chdir(project)
    return project


def test_a_folder_of_wheels_is_enough_where_no_index_answers(without_network: Path) -> None:
    bootstrap.install("deploy")
    place = without_network / ".cache" / "deploy"
    assert bootstrap.is_done("deploy")
    said = subprocess.check_output([place / "bin" / "python", "-c", "import tiny; print(tiny.ANSWER)"])
    assert said == b"42\n"
    assert list(place.glob("bin/pip*")) == []  # where uv fails, pip comes in its place


def test_a_wheel_of_another_content_is_refused_without_a_network_too(
    without_network: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lock = without_network / "requirements" / "deploy.txt"
    lock.write_text(f"tiny==1.0 --hash=sha256:{'0' * 64}\n")
    with pytest.raises(SystemExit):
        bootstrap.install("deploy")
    assert "tiny==1.0" in capsys.readouterr().err
    assert not bootstrap.is_done("deploy")


def test_what_uv_is_told_itself_goes_over_pips_configuration() -> None:
    assert bootstrap.known_to_pip({"UV_DEFAULT_INDEX": "https://own"}) == {}


def test_a_program_that_does_not_run_has_no_version() -> None:
    assert bootstrap.version("/nonexistent/uv") == ()
    assert bootstrap.version("/bin/false") == ()
    assert bootstrap.version(sys.executable) == sys.version_info[:2]


def test_a_failure_is_told_with_the_command_and_what_it_said() -> None:
    said = bootstrap.attempt([sys.executable, "-c", "raise SystemExit('no way')"], {})
    assert said is not None
    assert "raise SystemExit" in said
    assert "no way" in said
    assert bootstrap.attempt([sys.executable, "-c", ""], {}) is None


def test_a_second_bootstrap_waits_for_the_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "CACHE", tmp_path)
    code = "import sys, bootstrap; from pathlib import Path; bootstrap.CACHE = Path(sys.argv[1])\n"
    code += "with bootstrap.alone(): print('in')"
    command = [sys.executable, "-c", code, str(tmp_path)]
    folder = Path(bootstrap.__file__).parent
    with bootstrap.alone():
        second = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE)
        with pytest.raises(subprocess.TimeoutExpired):
            second.wait(0.5)
    assert second.communicate(timeout=20)[0] == b"in\n"


def test_ctrl_c_during_the_installation_is_no_programming_error(project: Path) -> None:
    scripts = project / "scripts"
    scripts.mkdir()
    shutil.copy(bootstrap.__file__, scripts)
    uv = project / "uv"
    uv.write_text('#!/bin/sh\n[ "$1" = --version ] && exec echo uv 99.0\ntouch hanging\nexec sleep 60\n')
    uv.chmod(0o755)
    command = [sys.executable, "-I", str(scripts / "bootstrap.py"), "local"]
    environment = {"PATH": f"{project}:{os.defpath}", "HOME": str(project)}
    installing = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, start_new_session=True)
    while not (project / "hanging").exists():
        assert installing.poll() is None
        time.sleep(0.02)
    os.killpg(installing.pid, signal.SIGINT)
    said = installing.communicate(timeout=20)[1].decode()
    assert installing.returncode == 130
    assert "stopped" in said
    assert "Traceback" not in said
    assert not (project / ".venv" / "stamp").exists()


@pytest.fixture
def unreachable(without_network: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make the project's packages come from a registry that nobody answers for."""
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    monkeypatch.setenv("PIP_INDEX_URL", "http://user:secret@127.0.0.1:9/simple")
    return without_network


def test_without_a_network_it_says_at_once_which_registry_was_asked_and_what_to_do(
    unreachable: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        bootstrap.install("deploy")
    said = capsys.readouterr().err
    assert "cannot reach the package registry http://127.0.0.1:9/simple (Connection refused)" in said
    assert "docs/installation.md" in said
    assert "secret" not in said
    assert "Traceback" not in said
    assert not (
        unreachable / ".cache" / "deploy" / "bin" / "pip"
    ).exists()  # pip's retries are not waited for
    assert not bootstrap.is_done("deploy")


def test_where_uv_is_missing_too_it_says_the_same(
    unreachable: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    bootstrap.CACHE.mkdir()
    with pytest.raises(SystemExit):
        bootstrap.install("deploy")
    assert capsys.readouterr().err.count("docs/installation.md") == 1
    assert not (unreachable / ".cache" / "uv" / "bin" / "uv").exists()


@pytest.mark.parametrize(
    ("variables", "registries"),
    [
        ({"PIP_INDEX_URL": "https://mirror.example/simple"}, ["https://mirror.example/simple"]),
        ({"PIP_NO_INDEX": "1"}, []),
        ({"PIP_INDEX_URL": "https://a/simple", "PIP_FIND_LINKS": "/wheels"}, []),
        ({"UV_OFFLINE": "1"}, []),
        ({"UV_DEFAULT_INDEX": "https://a/s", "UV_INDEX": "own=https://b/s"}, ["https://a/s", "https://b/s"]),
        ({"UV_INDEX_URL": "file:///srv/simple"}, []),
    ],
)
def test_the_registries_that_are_asked_are_those_of_the_settings(
    variables: dict[str, str], registries: list[str]
) -> None:
    environment = {"PATH": os.defpath, "PIP_CONFIG_FILE": os.devnull, **variables}
    assert bootstrap.registries(environment | bootstrap.known_to_pip(environment)) == registries


def test_without_settings_it_is_pips_own_registry() -> None:
    [url] = bootstrap.registries({"PATH": os.defpath, "PIP_CONFIG_FILE": os.devnull})
    assert url.startswith("https://")
