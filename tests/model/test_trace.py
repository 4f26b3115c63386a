"""Tests of prober/model/trace.py: one run is one trace, and each step a span of its own in it."""

import re

import pytest

from prober.model.trace import span_id, trace_id, traceparent

RUN = "0123456789abcdef0123456789abcdef"


def test_each_step_is_a_span_of_its_own():
    """The same each time, and none is the run's."""
    ids = [span_id(RUN), span_id(RUN, "mint"), span_id(RUN, "messages"), span_id(RUN[::-1], "mint")]

    assert 4 == len(set(ids))
    assert all(re.fullmatch("[0-9a-f]{16}", each) for each in ids)
    assert ids[1] == span_id(RUN, "mint")


def test_a_request_names_the_step_that_sends_it():
    """In the form of W3C Trace Context, sampled."""
    assert f"00-{RUN}-{span_id(RUN, 'mint')}-01" == traceparent(RUN, "mint")


@pytest.mark.parametrize("run_id", ["run-1", "", "0" * 32, RUN.upper(), RUN + "0"])
def test_an_id_of_another_kind_is_no_trace(run_id):
    """A header of a form that nobody reads would be dropped with the trace."""
    assert ("", "") == (trace_id(run_id), traceparent(run_id, "mint"))
