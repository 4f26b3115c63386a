"""The row about revisions, clocks and certificates of the services."""

from deploy.grafana.kit import BAD, DOUBT, GOOD, About, Look, Query, Row, lines, numbers, states
from deploy.grafana.queries import pick


def row() -> Row:
    """Its panels."""
    return Row(
        800,
        "Services and their revisions",
        (
            states(
                About(
                    801,
                    "Which revision answered when",
                    "The revision each service told. Two bands at once: two versions are serving.",
                    (10, 7),
                ),
                Look(values={1: ("serving", "blue")}, none="no service tells a revision"),
                Query(
                    f"max by (environment, service, revision) ({pick('prober_service_revision_info')})",
                    "{{service}} {{revision}}",
                ),
            ),
            numbers(
                About(
                    802,
                    "Since the last new revision",
                    "Since when a service answers with its present revision, if it had another before.",
                    (4, 7),
                    "s",
                ),
                Look(none="none was seen"),
                Query(
                    f"time() - max by (service) ({pick('prober_service_revision_change_timestamp_seconds')})",
                    "{{service}}",
                ),
            ),
            lines(
                About(
                    803,
                    "Clocks: theirs minus ours",
                    "From the Date header, so good to a second. Tokens fail at a service whose clock is far behind.",
                    (6, 7),
                    "s",
                ),
                Look(),
                Query(
                    f"max by (environment, service) ({pick('prober_clock_offset_seconds')})",
                    "{{environment}} {{service}}",
                ),
            ),
            numbers(
                About(
                    804,
                    "Certificate ends in",
                    "Until the TLS certificate of a service ends; only where a step looks at TLS.",
                    (4, 7),
                    "s",
                ),
                Look(steps=((None, BAD), (7 * 86400, DOUBT), (21 * 86400, GOOD)), none="no TLS looked at"),
                Query(
                    f"min by (service) ({pick('prober_tls_certificate_expiry_timestamp_seconds')}) - time()",
                    "{{service}}",
                ),
            ),
        ),
    )
