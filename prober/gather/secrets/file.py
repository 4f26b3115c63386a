"""`file:PATH`: a secret from a file, such as a mounted Kubernetes or Docker secret."""

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from stat import S_ISREG

from prober.gather.secret_source import Found, Unusable
from prober.model.copies import Fetched

LARGEST_BYTES = 64 * 1024

_GROUP, _EVERYBODY = 0o070, 0o007
_READ_BY_GROUP = 0o040

#: Kubernetes keeps what it mounts in a directory named after the moment, and turns this link to it, all at once.
_TURNED_LINK = "..data"

_NO_FILE = "is a directory or a device, not a file"
_NOT_ASCII = "holds a character that is not ASCII"
_TOO_LARGE = f"is larger than {LARGEST_BYTES // 1024} KiB"


def from_file(place: str, environ: Mapping[str, str]) -> Found:  # noqa: ARG001 - every source is called alike
    """The whole file at `place`, without the one newline at its end that editors and `echo` leave.

    Its version is the directory to which Kubernetes' `..data` leads, or else the time at which the file was written.
    """
    try:
        return _found(Path(place))
    except FileNotFoundError:
        return _again(Path(place))
    except OSError as error:
        raise _unreadable(error) from error


def _again(path: Path) -> Found:
    """Once more: a link that is turned between our two looks leads to a directory that has gone."""
    try:
        return _found(path)
    except OSError as error:
        raise _unreadable(error) from error


def _found(path: Path) -> Found:
    """Content and version of one and the same file: whatever is a link is followed first."""
    real = path.resolve()
    written, content = _read(real)
    try:
        return Found(value=content.decode("ascii").removesuffix("\n"), version=_mounted(path, real) or written)
    except UnicodeDecodeError:
        raise Unusable(_NOT_ASCII) from None  # the error holds the bytes of the file


def _mounted(path: Path, real: Path) -> str:
    """The directory that `..data` leads to; empty where nothing was mounted so."""
    is_mounted = (path.parent / _TURNED_LINK).is_symlink() and real.parent != path.parent
    return real.parent.name if is_mounted else ""


def _unreadable(error: OSError) -> Unusable:
    outcome = Fetched.MISSING if isinstance(error, FileNotFoundError) else Fetched.REFUSED
    return Unusable(f"cannot be read: {os.strerror(error.errno or 0).lower()}", outcome)


def exposure_of_file(place: str, environ: Mapping[str, str]) -> str:  # noqa: ARG001 - every source is asked alike
    """Who else on this machine may read or change it; empty: nobody, or there is no such file."""
    try:
        told = Path(place).stat()
    except OSError:
        return ""
    others = _others(told, os.geteuid(), os.getegid())
    return others and f"{others} has access to it (mode {told.st_mode & 0o777:04o}): chmod 0400"


def _others(told: os.stat_result, uid: int, gid: int) -> str:
    """Who else than we, of this user and group, may open it: nobody is the empty text."""
    # Root's, ours to read as its group: so Kubernetes (`fsGroup`) and systemd (an ACL, whose mask this is) hand it out.
    is_handed_to_us = told.st_uid == 0 and told.st_gid in {0, gid} and uid != 0
    mode = told.st_mode & ~_READ_BY_GROUP if is_handed_to_us else told.st_mode
    return "everybody on this machine" if mode & _EVERYBODY else "its group" if mode & _GROUP else ""


def _read(path: Path) -> tuple[str, bytes]:
    """When it was written, and what it holds."""
    # Only a regular file has an end: a pipe or a device would keep us waiting, and a directory has no content.
    status = path.stat()
    if not S_ISREG(status.st_mode):
        raise Unusable(_NO_FILE)
    with path.open("rb") as file:
        content = file.read(LARGEST_BYTES + 1)
    if len(content) > LARGEST_BYTES:
        raise Unusable(_TOO_LARGE)
    return datetime.fromtimestamp(status.st_mtime, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), content
