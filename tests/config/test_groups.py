"""A step with several tokens stands for one step per token."""

GROUP = (
    "token: forged, expect: refused, after: [messages]}",
    "tokens: [forged, none], expect: refused, after: [messages]}",
)
AGAIN = "      - {name: again, probe: http, service: backend, get: /messages, token: local, after: [health, refuses]}\n"


def test_a_group_is_one_step_for_each_token(plan):
    """Named after the step and the issuer."""
    steps = plan(GROUP).chains["main"].steps

    assert [("refuses-forged", "forged"), ("refuses-none", "none")] == [
        (step.name, step.token.name) for step in steps if step.is_control
    ]


def test_who_waits_for_a_group_waits_for_each_of_it(plan):
    """In the place where the group was named."""
    step = plan(GROUP, more=AGAIN).chains["main"].step("again")

    assert ("health", "refuses-forged", "refuses-none") == step.after


def test_one_of_a_group_may_be_waited_for_by_name(plan):
    """It is a step like any other."""
    step = plan(GROUP, more=AGAIN.replace("refuses]", "refuses-none]")).chains["main"].step("again")

    assert ("health", "refuses-none") == step.after


def test_each_of_a_group_gets_its_own_defaults(document):
    """A token travels as the bearer, no token does not."""
    steps = document(GROUP).chains["main"].steps

    assert [{"Authorization": "Bearer {token}"}, {}] == [s.headers for s in steps if s.name.startswith("refuses")]
