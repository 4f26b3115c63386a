"""prober: tells a team why their staging environment refuses tokens, a minute after the deploy."""
