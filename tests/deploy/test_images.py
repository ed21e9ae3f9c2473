"""Images have versions, and digests in all places or in none; `make image-pin` writes them."""

import os
import shutil
from pathlib import Path

import pytest
from deploy.images import COMPOSE, DOCKERFILE, check, pin, references

from support import ROOT

DIGEST = "sha256:" + "0123456789abcdef" * 4
OTHER = "sha256:" + "f" * 64


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of every file that names an image."""
    for path in {path for path, _ in references(ROOT)} | {COMPOSE, DOCKERFILE}:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, tmp_path / path)
    return tmp_path


def registry(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Put a program in the place of skopeo: it answers for the registry, which no test may ask."""
    folder.mkdir()
    (folder / "skopeo").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "skopeo").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}/usr/bin{os.pathsep}/bin")


def test_every_image_of_the_repository_has_a_version_and_one_digest_or_none_has() -> None:
    assert {COMPOSE, DOCKERFILE} < {path for path, _ in references(ROOT)}
    assert check(ROOT) == []


def test_pinning_writes_a_digest_behind_every_name_and_again_a_new_one(
    tree: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = {image.partition("@")[0] for _, image in references(tree)}
    for number, digest in enumerate((DIGEST, OTHER)):
        registry(tmp_path_factory.mktemp("bin") / str(number), monkeypatch, f"echo {digest}")
        assert pin(tree) == 0
        assert {image for _, image in references(tree)} == {f"{name}@{digest}" for name in names}
        assert check(tree) == []
    assert "v-factory:${VFACTORY_VERSION" in (tree / COMPOSE).read_text()


@pytest.mark.parametrize(
    "script",
    ["exit 1", "echo sha256:short", f'case "$4" in *valkey*) exit 1 ;; esac; echo {DIGEST}'],
    ids=["away", "nonsense", "one is missing"],
)
def test_without_every_digest_nothing_is_changed(
    tree: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    script: str,
) -> None:
    before = list(references(tree))
    registry(tmp_path_factory.mktemp("bin") / "x", monkeypatch, script)
    assert pin(tree) == 69
    assert list(references(tree)) == before
    assert "No digest for" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("image", "said"),
    [
        ("postgres", "needs a version"),
        ("postgres:latest", "needs a version"),
        ("postgres:18@sha256:abc", "needs a digest"),
        (f"postgres:18@{OTHER}", "another digest"),
        ("postgres:18", "has no digest"),
    ],
)
def test_an_image_that_is_named_badly_is_found(
    tree: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    image: str,
    said: str,
) -> None:
    registry(tmp_path_factory.mktemp("bin") / "x", monkeypatch, f"echo {DIGEST}")
    pin(tree)
    compose = (tree / COMPOSE).read_text()
    (tree / COMPOSE).write_text(compose.replace(f"postgres:18@{DIGEST}", image, 1))
    assert said in " ".join(str(finding) for finding in check(tree))
