"""Decide access questions exactly, on sets of permissions at scopes. A library: it knows no fact, no rule, no baseline table."""
