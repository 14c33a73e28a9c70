"""Keep what was read from the tool's own files, so that the next start need not read and check them again.

`objects` writes a graph of frozen objects as JSON and reads it back; `store` keeps such a text beside Python's own
bytecode, with what it was made from, and says when it is stale.
"""
