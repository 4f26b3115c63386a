"""Which addresses the courier goes to; how it goes is in test_handover.py, by a real courier to a real webhook."""

import inspect
import logging
import re

import pytest
from apprise.manager_plugins import NotificationManager

from prober.publish.notify.courier import LOCAL_SCHEMES, _Heard, flaws

#: What a service of this machine needs, and none of the network does.
_LOCAL_MEANS = re.compile(r"^\s*(?:import|from) (?:subprocess|dbus|gi|ctypes|syslog|win32\w*|hid)\b", re.MULTILINE)


def schemes(plugin):
    """What a plugin's addresses begin with."""
    for each in (plugin.protocol, plugin.secure_protocol):
        yield from (each,) if isinstance(each, str) else each or ()


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")  # apprise's own
def test_every_service_that_is_no_service_but_this_machine_is_refused():
    """Held against the sources of the apprise that is installed: a new one of that kind is seen here."""
    plugins = NotificationManager().plugins(include_disabled=True)
    local = [each for each in plugins if _LOCAL_MEANS.search(inspect.getsource(inspect.getmodule(each)))]

    assert LOCAL_SCHEMES == {scheme for plugin in local for scheme in schemes(plugin)}


@pytest.mark.parametrize("url", [f"{scheme}://" for scheme in sorted(LOCAL_SCHEMES)] + ["DBUS://", "Syslog://x/y"])
def test_local_schemes_are_refused_however_they_are_written(url):
    """A config must not reach this machine's desktop, log or devices."""
    assert ["the address leads to this machine's desktop, log or devices, not to a service"] == list(flaws(url))


@pytest.mark.parametrize("url", ["", "ops", "://x", "a b://x", "/etc/passwd"])
def test_what_is_no_address_is_refused(url):
    """Nothing of it is quoted: it may be a token in the wrong place."""
    assert ["the address is none that apprise knows; see docs/notifications.md"] == list(flaws(url))


@pytest.mark.parametrize("url", ["json://h/a,dbus://", "json://h/a, json://h/b", "slack://a/b/c,json://h"])
def test_one_receiver_has_one_address(url):
    """A second one behind a comma would escape the rules for the first."""
    assert ["the address holds several; write one receiver for each"] == list(flaws(url))


@pytest.mark.parametrize(
    "url",
    [
        "json://127.0.0.1:8080/hook",
        "jsons://user:pass@host/a,b",
        "https://hooks.slack.com/services/T1/B1/x",
        "mailto://me:pass@example.com",
        "json://host/?-back=https://prober.example/",
        "rsyslog://loghost",
    ],
)
def test_services_of_the_network_are_not(url):
    """Also where a comma or another address is part of it."""
    assert [] == list(flaws(url))


def test_of_apprises_words_only_statuses_are_heard():
    """Its log may name hosts and tokens; a status is a number."""
    heard, logger = _Heard(), logging.getLogger("tests.courier")
    logger.addHandler(heard)
    logger.propagate = False

    logger.warning("Failed to send to %s: %serror=%s.", "token-correct-horse", "Bad Gateway, ", 502)

    assert ["502"] == heard.statuses
