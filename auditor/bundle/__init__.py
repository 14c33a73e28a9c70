"""A report with all that it was made from, in one file that judges itself again.

In reading order: `archive` (the file), `manifest` (what is in it, with hashes), `signature` (who vouches for it), `judging`
(the reports of a folder that was packed or unpacked), `pack` and `verify`.
"""
