from prober.model.caller import Caller, Scope


def test_a_caller_may_what_its_scopes_say():
    """And read, whatever they are."""
    caller = Caller(name="ci", secret="ci-token", scopes=frozenset({Scope.RUN}))

    assert {Scope.READ, Scope.RUN} == {scope for scope in Scope if caller.may(scope)}
