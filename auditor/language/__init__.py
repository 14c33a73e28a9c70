"""The condition language of rules: parse → one small tree → a three-valued reference evaluator with evidence.

In reading order: `ast` is the tree, `parse` makes it, `expressions` and `functions` are what stands in brackets, `literals`
refuses those that nothing can equal, `schema` is all that for editors. `environment` is what a condition sees, `operators`
compare, `evaluate` decides, and `explain` says why. `reads` finds what a condition refers to without asking it.
"""
