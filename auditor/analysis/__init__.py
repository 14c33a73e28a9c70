"""Derive facts that no condition language can express; one module per question."""
