"""Snapshots of an estate: our SQLite file, its exchange format, and readers for foreign exports."""
