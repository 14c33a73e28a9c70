"""Read a live Azure estate into a snapshot: completely, politely, and without ever writing.

`scope` and `options` name what to read and how; `run` does it. Only `run` and what it imports load the Azure packages.
"""
