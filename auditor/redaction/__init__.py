"""Know secrets when they are seen, and take them out of what is stored and shown: one library for every way in and out.

In reading order: `marks` (what stands in a secret's place), `tokens` (what is a secret by its form), `phrases` (what a
text says to be one), `randomness` (what looks like nothing but a key), `text` (all three together), `names` (members
whose values are secrets), `harmless` (what holds none wherever it stands), `body` (resources).
"""
