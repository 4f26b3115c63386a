"""Trust: one TLS context per set of certificate authorities. Verification cannot be turned off, here or anywhere."""

import ssl
from functools import cache
from pathlib import Path

from prober.model.errors import ProberError


def tls_context(ca_file: str | None) -> ssl.SSLContext:
    """TLS 1.2 or newer, context `ca_file` alone, or the operating system's store when None.

    Cached, since loading the system's store takes tens of milliseconds; read anew when the file is another one, for
    the authorities of a cluster rotate.

    Raises:
        ProberError: `ca_file` cannot be read or holds no certificate; our own fault.
    """
    return _context(ca_file, _written(ca_file))


def _written(ca_file: str | None) -> int:
    """When the file was last written, in nanoseconds; 0 where there is none."""
    try:
        return Path(ca_file).stat().st_mtime_ns if ca_file else 0
    except OSError:
        return 0


@cache
def _context(ca_file: str | None, _written_ns: int) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        message = f"ca_file {ca_file!r} holds no certificates that can be read"
        raise ProberError(message) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # Python heeds SSLKEYLOGFILE, and whoever reads that file reads our tokens.
    context.keylog_filename = None  # type: ignore[assignment] # typeshed knows of names only
    return context
