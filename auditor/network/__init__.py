"""Decide network questions exactly, on sets of packets. A library: it knows no fact, no rule, no baseline table."""
