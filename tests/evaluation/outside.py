"""Trouble that is in no catalogue: what real staging environments also have, to be diagnosed as nothing we know.

These cases were written from the lab (`prober/lab`) and the staging contract alone, before anyone looked at the causes:
whoever wrote them knew the names of the catalogue's faults, so as not to repeat them, and had not read how a cause is
recognised. None is a catalogue fault under another name: what would have to be repaired is something else each time.
Each shows from the prober's side, in both dialects.
"""

from prober.lab.faults import Fault
from prober.lab.settings import EdgeAnswer

JSON = "application/json"
HTML = "text/html; charset=utf-8"

MINTING = "/auth/e2e"  # /auth/e2e/test-auth and, in the reports' dialect, /auth/e2e-test-auth
VALIDATING = "/auth/validate"
MESSAGES = "/api/chat/messages"
STREAM = "/api/chat/stream"
API = "/api/"
SOCKET = "/ws"
EVERYTHING = "/"

MAINTENANCE = EdgeAnswer(
    path=EVERYTHING, status=200, content_type=HTML,
    body="<!doctype html><html><head><title>Back soon</title></head><body><h1>We are upgrading staging</h1>"
    "<p>Please try again in an hour.</p></body></html>",
)  # fmt: skip
BASIC = EdgeAnswer(
    path=EVERYTHING, status=401, content_type=HTML,
    headers={"WWW-Authenticate": 'Basic realm="Staging", charset="UTF-8"'},
    body="<html><head><title>401 Authorization Required</title></head>"
    "<body><center><h1>401 Authorization Required</h1></center><hr><center>nginx</center></body></html>",
)  # fmt: skip
PLATFORM_IAM = EdgeAnswer(
    path=EVERYTHING, status=401, content_type=HTML,
    headers={
        "WWW-Authenticate": 'Bearer error="invalid_token" error_description="The access token could not be verified"',
    },
    body="<html><head><title>401 Unauthorized</title></head><body><h1>Error: Unauthorized</h1>"
    "<h2>Your client does not have permission to the requested URL.</h2></body></html>",
)  # fmt: skip
APP_PAGE = EdgeAnswer(
    path=API, status=200, content_type=HTML,
    body='<!doctype html><html lang="en"><head><title>Netra</title><script src="/assets/index-4f1c.js"></script></head>'
    '<body><div id="root"></div></body></html>',
)  # fmt: skip

OUTSIDE: tuple[Fault, ...] = (
    # What stands before both services
    Fault(
        "outside_maintenance_page_everywhere", "?", "A maintenance page answers everything, with 200.",
        auth_edge={"answers": (MAINTENANCE,)}, backend_edge={"answers": (MAINTENANCE,)},
    ),
    Fault(
        "outside_basic_auth_wall", "?", "Staging was put behind a password that the prober was never given.",
        auth_edge={"answers": (BASIC,)}, backend_edge={"answers": (BASIC,)},
    ),
    # What stands before the backend
    Fault(
        "outside_platform_iam_before_backend", "?",
        "The platform demands an identity token of its own and takes our bearer for a bad one.",
        backend_edge={"answers": (PLATFORM_IAM,)},
    ),
    Fault(
        "outside_https_redirect", "?", "The load balancer sends everybody who comes by http to https.",
        backend_edge={"answers": (
            EdgeAnswer(
                path=EVERYTHING, status=308, content_type=HTML, headers={"Location": "https://api.staging.example/"},
                body="<html><body>308 Permanent Redirect</body></html>",
            ),
        )},
    ),
    Fault(
        "outside_edge_answers_health", "?", "The load balancer answers the backend's health itself: a plain OK.",
        backend_edge={"answers": (EdgeAnswer(path="/health", status=200, body="OK"),)},
    ),
    Fault(
        "outside_api_rate_limited", "?", "The gateway has seen too many requests of ours this minute.",
        backend_edge={"answers": (
            EdgeAnswer(
                path=API, status=429, content_type=JSON, headers={"Retry-After": "60", "X-RateLimit-Remaining": "0"},
                body='{"error":"rate_limit_exceeded","message":"Too many requests, retry after 60 seconds"}',
            ),
        )},
    ),
    Fault(
        "outside_api_redirected_to_login", "?", "A single sign-on proxy sends API calls to its login page.",
        backend_edge={"answers": (
            EdgeAnswer(
                path=API, status=302, content_type=HTML,
                headers={"Location": "https://sso.staging.example/login?next=%2Fapi"},
                body='<a href="https://sso.staging.example/login?next=%2Fapi">Found</a>.',
            ),
        )},
    ),
    Fault(
        "outside_api_in_maintenance_mode", "?", "Somebody left the API's maintenance mode switched on.",
        backend_edge={"answers": (
            EdgeAnswer(
                path=API, status=503, content_type=JSON, headers={"Retry-After": "3600"},
                body='{"error":"maintenance","message":"The API is in maintenance mode"}',
            ),
        )},
    ),
    Fault(
        "outside_api_answered_by_app_page", "?", "The ingress gives API calls to the front end, whose page is a 200.",
        backend_edge={"answers": (APP_PAGE,)},
    ),
    Fault(
        "outside_gateway_checks_tokens_itself", "?", "A gateway before the API checks tokens and knows no issuer.",
        backend_edge={"answers": (
            EdgeAnswer(
                path=API, status=401, content_type=JSON, headers={"WWW-Authenticate": "Bearer"},
                body='{"code":401,"message":"Jwt issuer is not configured"}',
            ),
        )},
    ),
    Fault(
        "outside_api_reset", "?", "Connections that ask for the API are reset before an answer.",
        backend_edge={"reset_paths": (API,)},
    ),
    Fault(
        "outside_api_answers_cut", "?", "A proxy cuts the API's answers after 64 bytes.",
        backend_edge={"cut_paths": (API,), "cut_after_bytes": 64},
    ),
    Fault(
        "outside_messages_empty", "?", "A cache answers for the messages: 200, whoever asks, and not a byte.",
        backend_edge={"answers": (
            EdgeAnswer(path=MESSAGES, status=200, content_type=JSON, headers={"Age": "812", "X-Cache": "HIT"}),
        )},
    ),
    Fault(
        "outside_stream_bad_gateway", "?", "The proxy does not get on with the stream and answers 502 for it.",
        backend_edge={"answers": (
            EdgeAnswer(
                path=STREAM, status=502, content_type=HTML,
                body="<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>",
            ),
        )},
    ),
    Fault(
        "outside_stream_cut", "?", "A proxy cuts the stream in the middle of its first event.",
        backend_edge={"cut_paths": (STREAM,), "cut_after_bytes": 12},
    ),
    Fault(
        "outside_socket_upgrade_required", "?", "The proxy speaks HTTP/1.0 to the backend and answers upgrades 426.",
        backend_edge={"answers": (
            EdgeAnswer(
                path=SOCKET, status=426, headers={"Upgrade": "websocket"},
                body="Failed to open a WebSocket connection: invalid Connection header.\n",
            ),
        )},
    ),
    Fault(
        "outside_socket_bad_request", "?", "A proxy that knows no WebSocket answers every upgrade 400.",
        backend_edge={"answers": (EdgeAnswer(path=SOCKET, status=400, body="Bad Request"),)},
    ),
    Fault(
        "outside_socket_gateway_timeout", "?", "The load balancer gives up on the socket's path with 504.",
        backend_edge={"answers": (
            EdgeAnswer(path=SOCKET, status=504, body="upstream request timeout"),
        )},
    ),
    Fault(
        "outside_socket_cut", "?", "A proxy ends each socket after 150 bytes, in the middle of the second frame.",
        backend_edge={"cut_paths": (SOCKET,), "cut_after_bytes": 150},
    ),
    # What stands before the auth service; the backend has its own way to it and is well
    Fault(
        "outside_validate_refused_to_outsiders", "?", "The gateway keeps the validation route for callers inside.",
        auth_edge={"answers": (
            EdgeAnswer(
                path=VALIDATING, status=403, content_type=JSON,
                body='{"error":"forbidden","message":"This route is internal"}',
            ),
        )},
    ),
    Fault(
        "outside_validate_reset", "?", "Connections that ask for validation are reset, and no others.",
        auth_edge={"reset_paths": (VALIDATING,)},
    ),
    Fault(
        "outside_validate_fails_before_auth", "?", "A plugin of the gateway fails on the validation route: 500.",
        auth_edge={"answers": (
            EdgeAnswer(
                path=VALIDATING, status=500, content_type=JSON,
                body='{"message":"An unexpected error occurred","request_id":"5c1e7a"}',
            ),
        )},
    ),
    Fault(
        "outside_mint_rate_limited", "?", "The route that mints test tokens is rate limited.",
        auth_edge={"answers": (
            EdgeAnswer(
                path=MINTING, status=429, content_type=JSON, headers={"Retry-After": "30"},
                body='{"detail":"Rate limit exceeded: 10 per 1 minute"}',
            ),
        )},
    ),
    # The auth service
    Fault(
        "outside_auth_runs_as_production", "?", "The auth service was deployed with production's environment name.",
        auth={"environment": "production"},
    ),
    Fault(
        "outside_auth_health_moved", "?", "The auth service's build has its health elsewhere.",
        auth={"missing_paths": ("/health",)},
    ),
    Fault(
        "outside_auth_fails_everywhere", "?", "The auth service listens and answers everything 500.",
        auth={"failure_ratio": 1.0},
    ),
    # The backend
    Fault(
        "outside_api_moved", "?", "The backend's build has its API under another path.",
        backend={"missing_paths": (MESSAGES, STREAM, "/api/circuit-breakers/status")},
    ),
    Fault(
        "outside_backend_expects_another_issuer", "?", "The backend checks tokens itself and wants another issuer.",
        backend={"verify": "local", "issuer": "https://auth.staging.example"},
    ),
    Fault(
        "outside_backend_without_key", "?", "The backend checks tokens itself and was given no key to check by.",
        backend={"verify": "local", "jwt_secret": None},
    ),
    Fault(
        "outside_backend_starved", "?", "The backend has too little CPU: right answers, each four seconds late.",
        backend={"latency_seconds": 4.0},
    ),
    Fault(
        "outside_backend_fails_by_chance", "?", "The backend runs out of memory: every other request is a 500.",
        backend={"failure_ratio": 0.5},
    ),
    Fault(
        "outside_one_instance_without_database", "?", "One of two equal instances of the backend has no database.",
        twin={"dependency_up": False},
    ),
    # The prober
    Fault(
        "outside_prober_service_secret_wrong", "?", "The prober holds a stale service secret; the services agree.",
        prober={"SERVICE_SECRET": "third:service"},
    ),
)  # fmt: skip
