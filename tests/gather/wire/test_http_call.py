import httpx
import pytest

from prober.gather.wire.http_call import asked


def ask(url="http://backend.test/", method="GET", headers=(), body=None):
    """A request as it would be sent."""
    return asked(method=method, url=url, host="backend.test", port=80, headers=dict(headers), body=body)


@pytest.mark.parametrize(
    "url",
    [
        "http://backend.test/",
        "http://backend.test",
        "http://backend.test:80/health",
        "http://backend.test:8080/a/b-c_d.json",
        "https://backend.test:443/auth/validate?token=a.b-c&x=%2F+",
        "https://backend.test:80/a%20b",
        "http://127.0.0.1:9/%7Euser/(1);v=2,3",
        "http://backend.test/a/../b/./c/.well-known/x",
        "http://backend.test/a b/ü?q=ä#part",
        "http://backend.test/%2f%zz?a=b?c",
        "http://user:word@backend.test/",
        "http://BACKEND.test/A",
        "http://bücher.test/",
        "http://[::1]:8080/x",
        "http://backend.test//x?",
        "http://backend.test?x=1",
    ],
)
def test_an_address_is_written_as_httpx_writes_it(url):
    """Also where it is plain, and httpx is not asked."""
    request, read = ask(url), httpx.URL(url)

    assert (read.raw_path, (b"Host", read.netloc)) == (request.target, request.headers[0])
    assert url.startswith("https") is request.is_secure


@pytest.mark.parametrize(
    ("method", "headers", "body", "expected"),
    [
        ("GET", {}, None, None),
        ("GET", {}, b"", None),
        ("POST", {}, None, b"0"),
        ("POST", {}, b"{}", b"2"),
        ("DELETE", {}, b"{}", b"2"),
        ("PUT", {"Transfer-Encoding": "chunked"}, None, None),
        ("POST", {"content-length": "7"}, b"{}", b"7"),
    ],
)
def test_the_length_of_a_body_is_said_as_httpx_says_it(method, headers, body, expected):
    """Unless the config says it, wrong as that may be."""
    request = ask(method=method, headers=headers, body=body)
    as_httpx = httpx.Request(method, "http://backend.test/", headers=headers, content=body or None).headers
    said = {name.lower(): value for name, value in request.headers}

    assert expected == said.get(b"content-length")
    assert expected == (as_httpx["content-length"].encode() if "content-length" in as_httpx else None)


def test_a_header_is_said_once():
    """The last one counts, in whatever case; what is encoded is not asked for."""
    request = ask(headers={"User-Agent": "ours", "user-agent": "theirs", "HOST": "other.test", "accept-encoding": "br"})

    assert [(b"HOST", b"other.test"), (b"user-agent", b"theirs"), (b"Accept-Encoding", b"identity")] == request.headers


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"headers": {"X-Name": "schlüssel"}}, UnicodeError),
        ({"url": "http://backend.test/\x00"}, httpx.InvalidURL),
        ({"url": "http://100.064.000.001/"}, httpx.InvalidURL),  # 100.52.0.1 to some readers
    ],
)
def test_what_cannot_be_written_is_refused(more, error):
    """Before anything is sent."""
    with pytest.raises(error):
        ask(**more)


def test_it_shows_nothing_of_itself():
    """Its headers hold tokens."""
    assert "Asked(GET)" == repr(ask(headers={"Authorization": "Bearer x"}))
