"""Tests of prober/judge/proof.py."""

from prober.judge.proof import secret_matches
from prober.judge.verdict import judge
from prober.model.observation import Match
from tests import builders as b

GOOD = b.validate_step("good")
FORGED = b.validate_step("forged", token=b.FORGED, expect=b.REFUSED)
VALID = b.http(200, {"valid": True, "user_id": b.SUBJECT})
INVALID = b.http(200, {"valid": False})


def matches(*seen):
    """The pairs a run with these looks proves or compares."""
    results = [judge(step, b.look(what)) for step, what in seen]
    return {(p.left, p.right): p.match for p in secret_matches(b.run(b.chain(), *results))}


def test_a_token_of_ours_accepted_and_a_forged_one_refused_prove_equal_keys():
    """The functional proof: no secret leaves anyone."""
    assert {("prober", "auth"): Match.EQUAL} == matches((GOOD, VALID), (FORGED, INVALID))


def test_without_the_refused_forgery_nothing_is_proven():
    """A verifier that checks no signature would accept anything."""
    assert {} == matches((GOOD, VALID))
    assert {} == matches((GOOD, VALID), (FORGED, VALID))


def test_a_comparison_outranks_the_proof_and_unknown_does_not():
    """What was compared directly is told as compared; an endpoint that is absent leaves the proof standing."""
    step = b.secret_match_step()
    proof = ((GOOD, VALID), (FORGED, INVALID))

    assert Match.DIFFERENT is matches(*proof, (step, b.secrets_seen(prober_auth=Match.DIFFERENT)))[("prober", "auth")]
    assert Match.EQUAL is matches(*proof, (step, b.secrets_seen(prober_auth=Match.UNKNOWN)))[("prober", "auth")]
