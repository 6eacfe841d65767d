"""Rules, statistics, states, evidence, receivers. Decides on values and a `now` that are passed in."""
