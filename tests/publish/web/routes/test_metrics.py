from tests.publish import builders as p


async def test_the_page_is_prometheus_text(client, world):
    """At this very address, without a redirect."""
    await world.tell(p.broken_report())

    answer = await client.get("/metrics")

    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert 'prober_chain_up{chain="validation"} 0.0' in answer.text


async def test_openmetrics_when_asked_for(client):
    """By the Accept header a Prometheus sends."""
    answer = await client.get("/metrics", headers={"Accept": "application/openmetrics-text;version=1.0.0,*/*;q=0.1"})

    assert answer.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    assert answer.text.endswith("# EOF\n")
