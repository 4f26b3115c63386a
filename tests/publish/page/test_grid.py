from prober.publish.page.grid import controls_of, matrix_of, pairs_of

CELLS = [
    {"issuer": "auth", "verifier": "auth", "outcome": "accepted"},
    {"issuer": "auth", "verifier": "backend", "outcome": "accepted"},
    {"issuer": "auth", "verifier": "backend", "outcome": "refused"},
    {"issuer": "local", "verifier": "auth_as_service", "outcome": "unclear"},
]


def told(grid):
    """Tokens and words, row by row."""
    return [(row.tokens, [cell.word for cell in row.cells]) for row in grid.rows]


def test_good_tokens_are_to_be_accepted():
    """What a verifier refused once is not hidden by its having accepted before; what was not asked is not green."""
    grid = matrix_of({"matrix": CELLS})

    assert ("auth", "backend", "auth, asked as a service") == grid.verifiers
    assert [
        (("auth",), ["accepted", "refused", "not asked"]),
        (("local",), ["not asked", "not asked", "unclear"]),
    ] == told(grid)
    assert ["pass", "fail", "none"] == [cell.tone for cell in grid.rows[0].cells]


def test_bad_tokens_are_to_be_refused():
    """Those that fared alike share a row; the one that was let in is first and cannot be overlooked."""
    controls = [
        {"name": name, "verifier": "backend", "outcome": outcome}
        for name, outcome in (("forged", "refused"), ("alg_none", "accepted"), ("expired", "refused"))
    ]
    grid = controls_of({"controls": controls})

    assert [(("alg none",), ["ACCEPTED"]), (("forged", "expired"), ["refused"])] == told(grid)
    assert "open" == grid.rows[0].cells[0].tone


def test_secrets_are_told_pair_by_pair():
    """White space is a difference; what could not be compared is not known."""
    pairs = [
        {"name": "jwt", "left": "prober", "right": right, "match": match, "why": why}
        for right, match, why in (
            ("auth", "equal", ""),
            ("backend", "equal_after_strip", ""),
            ("other", "unknown", "other: did not let us ask"),
        )
    ]
    found = pairs_of({"secrets": pairs})

    assert ["equal", "differ by white space only", "not known"] == [pair.cell.word for pair in found]
    assert ["pass", "fail", "skip"] == [pair.cell.tone for pair in found]


def test_nothing_makes_an_empty_grid():
    """Which is not drawn."""
    assert () == matrix_of({"matrix": []}).rows
