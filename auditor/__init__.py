"""Judge a deployed Azure estate against an architecture baseline."""
