import os
import ssl

import pytest
import trustme

from prober.gather.wire.tls import tls_context
from prober.model.errors import ProberError


def test_a_context_is_made_once():
    """Loading the system's store takes tens of milliseconds; a prober does it once."""
    assert tls_context(None) is tls_context(None)


def test_authorities_that_rotate_are_read_anew(tmp_path):
    """A cluster writes its new authorities into the same file, and who was trusted before is trusted no more."""
    (authority := tmp_path / "ca.pem").write_bytes(trustme.CA().cert_pem.bytes())
    before = tls_context(str(authority))
    same = tls_context(str(authority))
    authority.write_bytes(trustme.CA().cert_pem.bytes())
    os.utime(authority, ns=(1, 1))

    assert same is before
    assert tls_context(str(authority)).get_ca_certs() != before.get_ca_certs()


def test_whatever_is_trusted_is_verified():
    """There is no way to ask for less."""
    context = tls_context(None)

    assert (ssl.CERT_REQUIRED, True) == (context.verify_mode, context.check_hostname)
    assert ssl.TLSVersion.TLSv1_2 <= context.minimum_version


def test_nobody_is_left_the_keys(monkeypatch, tmp_path):
    """Python writes the keys of each session where SSLKEYLOGFILE says; whoever reads them reads our tokens."""
    (authority := tmp_path / "ca.pem").write_bytes(trustme.CA().cert_pem.bytes())
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))

    assert tls_context(str(authority)).keylog_filename is None
    assert ssl.create_default_context().keylog_filename is not None


@pytest.mark.parametrize("content", [None, "", "no certificate"], ids=["missing", "empty", "text"])
def test_a_ca_file_that_cannot_be_used_is_our_own_fault(tmp_path, content):
    """A target is not blamed for a file of ours."""
    ca_file = tmp_path / "ca.pem"
    if content is not None:
        ca_file.write_text(content)

    with pytest.raises(ProberError, match=r"ca_file '.*ca\.pem' holds no certificates that can be read"):
        tls_context(str(ca_file))
