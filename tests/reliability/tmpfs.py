"""A small file system of one's own, to be filled to the last byte or made read-only; only root may mount one."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


def _run(*words: object) -> None:
    subprocess.run([*map(str, words)], check=True, capture_output=True, timeout=20)


@contextmanager
def mounted(folder: Path, mebibytes: int) -> Iterator[Path]:
    """So large a tmpfs, gone afterwards; skips where this process may not mount."""
    folder.mkdir()
    try:
        _run("mount", "-t", "tmpfs", "-o", f"size={mebibytes}m", "tmpfs", folder)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"a tmpfs cannot be mounted here: {getattr(error, 'stderr', error)}")
    try:
        yield folder
    finally:
        _run("umount", "-l", folder)


def make_read_only(folder: Path) -> None:
    """Nothing in it can be changed; the kernel refuses this while a file in it is open for writing."""
    _run("mount", "-o", "remount,ro", folder)


def make_writable(folder: Path) -> None:
    """As before."""
    _run("mount", "-o", "remount,rw", folder)


@contextmanager
def full(folder: Path) -> Iterator[None]:
    """Not one byte more fits into it."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            os.posix_fallocate(file.fileno(), 0, shutil.disk_usage(folder).free)
            while file.write(bytes(4096)):
                pass
        except OSError:
            pass
    try:
        yield
    finally:
        filler.unlink()
