"""The row about who accepts whose tokens, and whether tokens can be had."""

from deploy.grafana.kit import BAD, DOUBT, GOOD, OUTCOME_COLORS, About, Column, Look, Query, Row, grid, lines
from deploy.grafana.queries import per_minute, pick, quantile


def row() -> Row:
    """Its panels."""
    checks = pick("prober_token_verifications_total")
    accepted = pick("prober_token_verifications_total", 'outcome="accepted"')
    window = "$window"
    minted = pick("prober_token_mint_duration_seconds_bucket", 'outcome="minted"')
    return Row(
        500,
        "Who accepts whose tokens",
        (
            grid(
                About(
                    501,
                    "Good tokens accepted over $window: issuer by verifier",
                    "Each row an issuer, each column a service that should take its tokens. A red column: that service "
                    "refuses everybody. A red row: nobody takes that issuer's. One red cell: those two differ.",
                    (8, 8),
                    "percentunit",
                ),
                Look(steps=((None, BAD), (0.5, DOUBT), (0.9999, GOOD))),
                Column(
                    "accepted",
                    expr=f"sum by (issuer, verifier) (increase({accepted}[{window}])) "
                    f"/ (sum by (issuer, verifier) (increase({checks}[{window}])) > 0)",
                    unit="percentunit",
                ),
                pivot=("issuer", "verifier"),
            ),
            lines(
                About(
                    502,
                    "Good tokens not accepted, a minute",
                    "Refused: the service said no. Unclear: it could not be told, e.g. no answer.",
                    (8, 8),
                    "cpm",
                ),
                Look(minimum=0),
                Query(
                    per_minute(
                        pick("prober_token_verifications_total", 'outcome!="accepted"'), "issuer, verifier, outcome"
                    ),
                    "{{issuer}} → {{verifier}} {{outcome}}",
                ),
                stacked=True,
            ),
            lines(
                About(
                    503,
                    "Tokens minted a minute",
                    "Mint steps: minted, failed at the target, or blind for a fault of ours.",
                    (4, 8),
                    "cpm",
                ),
                Look(minimum=0, colors=OUTCOME_COLORS),
                Query(per_minute(pick("prober_tokens_minted_total"), "outcome"), "{{outcome}}"),
                stacked=True,
            ),
            lines(
                About(
                    504,
                    "How long minting takes (95 %)",
                    "95th percentile of mint steps that brought a token, by issuer.",
                    (4, 8),
                    "s",
                ),
                Look(minimum=0),
                Query(quantile(0.95, minted, "issuer"), "{{issuer}}"),
            ),
        ),
    )
