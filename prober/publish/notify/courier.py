"""The courier: a process of its own that hands one message to one service and ends. The only file that meets apprise.

Rule 1: the letter comes by stdin and the answer goes to stdout; an address never stands in argv or the environment.
Rule 2: nothing that apprise says is passed on, for it may hold a token; what it says becomes one of our own sentences.
"""

import json
import logging
import re
import resource
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import redirect_stdout
from typing import Any

#: What apprise needs is 70 MB; a service that answers without end must not fill the machine.
_MEMORY_BYTES = 512 * 1024 * 1024

#: Between two packets of an answer; whoever drips is cut by whoever waits for us.
_SOCKET_SECONDS = 5.0

_LETTER_BYTES = 256 * 1024

#: Services on this machine instead of the network: a prober has no desktop, and a config must not start programs here.
LOCAL_SCHEMES = frozenset({"blink1", "dbus", "gio", "glib", "gnome", "kde", "macosx", "qt", "syslog", "windows"})

_NOT_INSTALLED = "apprise is not installed here; install post-deploy-prober[notify]"
_NO_ADDRESS = "the address is none that apprise knows; see docs/notifications.md"
_IS_LOCAL = "the address leads to this machine's desktop, log or devices, not to a service"
_SEVERAL = "the address holds several; write one receiver for each"
_UNVERIFIED = "the address says verify=no, and anyone could answer for the service; leave it out"
_REFUSED = "the service did not take it: {status}"
_UNREACHABLE = "the service could not be reached, or did not take it"

_STATUS = re.compile(r"\berror=([1-5][0-9][0-9])\b")
_SCHEME = re.compile(r"\A([a-z0-9.+-]{1,32})://", re.IGNORECASE)


class Refused(Exception):
    """The address cannot be used; the text says why and quotes nothing of it."""


class _Heard(logging.Handler):
    """Keeps the HTTP statuses that apprise mentions in its log, and nothing else of it."""

    def __init__(self) -> None:
        """Nothing yet."""
        super().__init__()
        self.statuses: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Look for a status."""
        self.statuses += _STATUS.findall(record.getMessage())


def main() -> None:
    """Hand over the letter on stdin; say on stdout whether it was taken, and if not, why."""
    _bounded()
    letter = json.loads(sys.stdin.buffer.read(_LETTER_BYTES))
    with redirect_stdout(sys.stderr):  # stdout is for the answer alone
        why = _why_not(letter)
    sys.stdout.write(json.dumps({"taken": not why, "why": why}))


def _bounded() -> None:
    """No more memory than is needed, and no core file: it would hold the address."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))


def _why_not(letter: Mapping[str, str]) -> str:
    """Hand over `letter`; empty when it was taken, else why it was not."""
    try:
        return _handed_over(letter)
    except ImportError:
        return _NOT_INSTALLED
    except Refused as error:
        return str(error)


def _handed_over(letter: Mapping[str, str]) -> str:
    service, heard = _service(letter["url"]), _Heard()
    _listen(heard)
    if _send(service, letter):
        return ""
    return _REFUSED.format(status=heard.statuses[-1]) if heard.statuses else _UNREACHABLE


def _send(service: Any, letter: Mapping[str, str]) -> bool:  # noqa: ANN401 - apprise may be missing here
    from apprise import Apprise, NotifyFormat, NotifyType  # noqa: PLC0415 - an extra: whoever is not told by it need not have it

    everyone = Apprise()
    everyone.add(service)
    taken = everyone.notify(letter["body"], letter["title"], NotifyType(letter["tone"]), body_format=NotifyFormat.TEXT)
    return bool(taken)


def _listen(heard: logging.Handler) -> None:
    logger = logging.getLogger("apprise")
    logger.handlers, logger.propagate = [heard], False
    logger.setLevel(logging.WARNING)


def _service(url: str) -> Any:  # noqa: ANN401 - likewise
    """The service behind an address, held to our rules; raises Refused."""
    from apprise import Apprise, AppriseAsset  # noqa: PLC0415 - likewise

    for flaw in flaws(url):
        raise Refused(flaw)
    asset = AppriseAsset(app_id="prober", app_desc="prober", app_url="", image_url_mask="", image_url_logo="")
    service = Apprise.instantiate(url, asset=asset)
    if service is None:
        raise Refused(_NO_ADDRESS)
    if not service.verify_certificate:
        raise Refused(_UNVERIFIED)
    service.redirects = False  # a redirect would carry the tokens to somebody else
    service.socket_connect_timeout = service.socket_read_timeout = _SOCKET_SECONDS
    return service


def flaws(url: str) -> Iterator[str]:
    """What can be said against an address before apprise reads it."""
    found = _SCHEME.match(url)
    if found is None:
        yield _NO_ADDRESS
    elif found[1].lower() in LOCAL_SCHEMES:
        yield _IS_LOCAL
    if len(re.findall("://", url)) > 1 and _several(url.split(",")):
        yield _SEVERAL


def _several(parts: Iterable[str]) -> bool:
    return len([part for part in parts if _SCHEME.match(part.strip())]) > 1


if __name__ == "__main__":
    main()
