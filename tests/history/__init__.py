"""Tests of what is kept over time."""
