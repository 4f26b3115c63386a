"""Secrets from files."""

import os

import pytest

from prober.gather.secret_source import Unusable
from prober.gather.secrets.file import LARGEST_BYTES, _others, exposure_of_file, from_file


@pytest.mark.parametrize(
    ("content", "expected"),
    [(b"value", "value"), (b"value\n", "value"), (b"value\n\n", "value\n"), (b"value\r\n", "value\r"), (b"", "")],
)
def test_one_newline_at_the_end_is_the_files_and_not_the_secrets(tmp_path, content, expected):
    """Only the one newline that every editor leaves is taken off."""
    path = tmp_path / "secret"
    path.write_bytes(content)

    assert expected == from_file(str(path), {}).value


def test_the_largest_file_is_read(tmp_path):
    """64 KiB are still read."""
    path = tmp_path / "secret"
    path.write_bytes(b"v" * LARGEST_BYTES)

    assert len(from_file(str(path), {}).value) == LARGEST_BYTES


def _missing(folder):
    return folder / "missing"


def _directory(folder):
    return folder


def _pipe(folder):
    os.mkfifo(folder / "pipe")
    return folder / "pipe"


def _large(folder):
    (folder / "large").write_bytes(b"v" * (LARGEST_BYTES + 1))
    return folder / "large"


def _binary(folder):
    (folder / "binary").write_bytes(b"\xff\xfe value")
    return folder / "binary"


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (_missing, "cannot be read: no such file or directory"),
        (_directory, "is a directory or a device, not a file"),
        (_pipe, "is a directory or a device, not a file"),
        (_large, "is larger than 64 KiB"),
        (_binary, "holds a character that is not ASCII"),
    ],
)
def test_what_is_no_file_of_a_secret_is_refused(tmp_path, make, complaint):
    """Each way of not being a readable, small text file has a complaint of its own, and none keeps us waiting."""
    place = str(make(tmp_path))

    with pytest.raises(Unusable) as refused:
        from_file(place, {})

    assert str(refused.value) == complaint


@pytest.mark.parametrize(
    ("mode", "told"),
    [
        (0o400, ""),
        (0o600, ""),
        (0o440, "its group has access to it (mode 0440): chmod 0400"),
        (0o620, "its group has access to it (mode 0620): chmod 0400"),
        (0o644, "everybody on this machine has access to it (mode 0644): chmod 0400"),
    ],
)
def test_a_file_that_others_may_open_is_told_of(tmp_path, mode, told):
    """To read it is enough, and so is to change it: then the key is theirs."""
    path = tmp_path / "secret"
    path.write_text("value")
    path.chmod(mode)

    assert told == exposure_of_file(str(path), {})


ROOT, US, SOMEBODY = 0, 10001, 1000


@pytest.mark.parametrize(
    ("mode", "owner", "group", "told"),
    [
        (0o440, ROOT, US, ""),
        (0o440, ROOT, ROOT, ""),
        (0o440, ROOT, SOMEBODY, "its group"),
        (0o440, SOMEBODY, US, "its group"),
        (0o460, ROOT, US, "its group"),
        (0o444, ROOT, US, "everybody on this machine"),
    ],
)
def test_what_root_hands_to_our_own_group_is_open_to_nobody_else(mode, owner, group, told):
    """As Kubernetes does with `fsGroup`, and systemd with LoadCredential: with 0400 we could not read it ourselves."""
    file = os.stat_result((mode, 0, 0, 0, owner, group, 0, 0, 0, 0))

    assert told == _others(file, US, US)


def test_root_is_handed_nothing():
    """A prober that runs as root could as well read it by itself, so whoever is of that group is somebody else."""
    file = os.stat_result((0o440, 0, 0, 0, ROOT, ROOT, 0, 0, 0, 0))

    assert "its group" == _others(file, ROOT, ROOT)


def test_a_file_that_is_not_there_is_open_to_nobody(tmp_path):
    """That it is missing is said elsewhere."""
    assert not exposure_of_file(str(tmp_path / "missing"), {})


def test_a_file_tells_when_it_was_written(tmp_path):
    """That is all the version it has."""
    path = tmp_path / "secret"
    path.write_text("value")
    os.utime(path, (0, 1_764_000_000))

    assert "2025-11-24T16:00:00Z" == from_file(str(path), {}).version


def _mount(folder, moment, value):
    """As Kubernetes mounts a secret: a directory for each moment, and a link that is turned at once."""
    (folder / moment).mkdir()
    (folder / moment / "jwt").write_text(value)
    (folder / "..new").symlink_to(moment)
    (folder / "..new").rename(folder / "..data")
    if not (folder / "jwt").is_symlink():
        (folder / "jwt").symlink_to("..data/jwt")


def test_what_kubernetes_mounts_has_the_moment_as_its_version(tmp_path):
    """It is the name of the directory that `..data` leads to, before and after a rotation."""
    seen = []
    for moment, value in (("..2026_11_22_10_00_00.1", "first"), ("..2026_11_22_11_00_00.2", "second")):
        _mount(tmp_path, moment, value)
        found = from_file(str(tmp_path / "jwt"), {})
        seen.append((found.version, found.value))

    assert [("..2026_11_22_10_00_00.1", "first"), ("..2026_11_22_11_00_00.2", "second")] == seen
