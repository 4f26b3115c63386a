"""The TLS probe: a handshake succeeds, and here is the certificate's end."""

import asyncio
import socket
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from prober.gather.kit import Glance, Kit
from prober.gather.trouble import translate
from prober.gather.wire.dial import connect
from prober.gather.wire.resolve import endpoint, place, resolve
from prober.gather.wire.tls import tls_context
from prober.model.chain import TlsStep
from prober.model.errors import ProberError
from prober.model.observation import CertificateSeen
from prober.model.trouble import Phase


async def look_tls(step: TlsStep, kit: Kit) -> Glance:
    """The certificate a handshake was made with, or why none could be made."""
    host, port = endpoint(step.service.url)
    try:
        trust = tls_context(step.service.ca_file)
        async with kit.switch.passing(place(host, port)):
            sock, _ = await connect(await resolve(host, port, kit.watch, kit.reach), port, kit.watch)
            with kit.watch.phase(Phase.TLS):
                return Glance(await _handshake(sock, trust, host))
    except (OSError, UnicodeError, ProberError) as error:
        return Glance(translate(error, kit.watch.current, kit.keyring.redactor(), place(host, port)))


async def _handshake(sock: socket.socket, trust: ssl.SSLContext, host: str) -> CertificateSeen:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_connection(asyncio.Protocol, sock=sock, ssl=trust, server_hostname=host)
    try:
        return _certificate(transport.get_extra_info("ssl_object"))
    finally:
        transport.abort()  # the handshake was all we came for; a TLS close could keep us waiting


def _certificate(connection: ssl.SSLObject) -> CertificateSeen:
    certificate: Mapping[str, Any] = connection.getpeercert() or {}
    ends = ssl.cert_time_to_seconds(certificate["notAfter"])
    return CertificateSeen(
        not_after=datetime.fromtimestamp(ends, UTC),
        subject=_subject(certificate),
        protocol=connection.version() or "",
    )


def _subject(certificate: Mapping[str, Any]) -> str:
    """The common name, else the first name it is good for: common names are out of use (RFC 9525 §2)."""
    names = [value for part in certificate.get("subject", ()) for name, value in part if name == "commonName"]
    names += [value for _, value in certificate.get("subjectAltName", ())]
    return next(iter(names), "")
