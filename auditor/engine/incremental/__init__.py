"""Take over from an earlier run the findings of those parts of an estate of which nothing that they rest on has changed.

In reading order: `trace` notes all that judging a part asks (in the literature on builds: a verifying trace), `digests`
tell answers from others without keeping them, `portable_findings` are findings as plain data, `kept_answers` is the file
that holds all three, and `judging` judges an estate by them.
"""
