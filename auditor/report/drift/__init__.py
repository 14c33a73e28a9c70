"""Write drift: `document` as JSON, `sentences` puts each change in words, `page` and `markdown` are for people.

`formats` holds them by the name that `auditor diff --output` takes.
"""
