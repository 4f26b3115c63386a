from ipaddress import ip_address

import pytest

from prober.model.reach import ANYWHERE, NOT_BEYOND, Reach, is_address, is_disguised, kind_of, networks


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        *(("1.1.1.1", None), ("2606:4700::1111", None), ("64:ff9b::101:101", None), ("2002:101:101::1", None)),
        *(("127.8.9.1", "a loopback address"), ("::1", "a loopback address"), ("::127.0.0.1", "a loopback address")),
        *(("169.254.169.254", "an address where clouds keep secrets"), ("169.254.0.9", "a link-local address")),
        *(("168.63.129.16", "an address where clouds keep secrets"), ("fe80::1", "a link-local address")),
        *(
            ("10.9.8.7", "a private address"),
            ("::ffff:10.9.8.7", "a private address"),
            ("64:ff9b:1::1", "a reserved address"),
        ),
        *(("100.64.0.9", "a private address"), ("2002:0a00:1::", "a private address")),
        *(("::", "an address of nobody"), ("0.1.2.3", "an address of nobody"), ("ff02::1", "an address of many")),
        *(("64:ff9b::7f00:1", "a loopback address"), ("240.0.0.1", "a reserved address")),
        *(("2001:0:4136:e378:8000:63bf:80ff:fffe", "a loopback address"), ("2001:db8::1", "a reserved address")),
    ],
)
def test_an_address_is_of_one_kind(address, kind):
    """Whatever wraps an IPv4 address is of the kind of what it wraps."""
    assert kind == kind_of(ip_address(address))


@pytest.mark.parametrize(
    ("host", "address", "is_within"),
    [
        *(("api.example", "1.1.1.1", True), ("api.example", "10.0.0.1", False), ("api.example", "127.0.0.1", False)),
        *(("10.0.0.1", "10.0.0.1", True), ("::1", "::1", True), ("169.254.1.1", "169.254.1.1", False)),
        *(("localhost", "::1", True), ("a.localhost.", "127.0.0.1", True), ("localhost", "10.0.0.1", False)),
        *(("localhost.example", "127.0.0.1", False), ("::ffff:127.0.0.1", "::ffff:127.0.0.1", False)),
    ],
)
def test_what_is_written_is_meant_and_what_a_name_says_is_not(host, address, is_within):
    """A config that holds an address of this machine or of a private network lists it by that."""
    assert is_within is not bool(NOT_BEYOND.why_not(host, address))


@pytest.mark.parametrize("address", ["10.0.0.1", "::ffff:10.0.0.1", "fd00::7"])
def test_what_is_listed_is_within_reach(address):
    """However it is wrapped; and nothing beside it."""
    private = Reach(networks("private"))

    assert "" == private.why_not("api.example", address)
    assert "" != private.why_not("api.example", "127.0.0.1")
    assert "" == ANYWHERE.why_not("api.example", address)


@pytest.mark.parametrize("host", ["127.1", "0x7f000001", "2130706433", "0177.0.0.1", "127.0.0.1.", "fe80::1%lo"])
def test_an_address_in_disguise_is_none(host):
    """It is spelled so that some read an address and others a name."""
    assert (False, True) == (is_address(host), is_disguised(host))


@pytest.mark.parametrize(("host", "is_one"), [("a1.example", False), ("10.0.0.1", True), ("3com.example", False)])
def test_a_name_with_numbers_is_no_disguise(host, is_one):
    """As long as its last part is none."""
    assert (is_one, False) == (is_address(host), is_disguised(host))


def test_what_was_found_out_once_is_remembered(monkeypatch):
    """Reading an address takes longer than all else we do with it."""
    reach, found = Reach(networks("private")), []
    for _ in range(2):
        found.append((is_address("10.9.8.7"), reach.why_not("backend.test", "10.9.8.7")))
        monkeypatch.setattr("prober.model.reach.ip_address", None)

    assert [(True, "")] * 2 == found
