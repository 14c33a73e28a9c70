"""Snapshots of an estate: what one holds, its file, its exchange format, and the one form of every resource.

In reading order:

1. Content. `model` is what a snapshot holds, `records` what it says of itself, `bodies` keeps resources compressed, `hash`
   gives it its identity, `unkeyed` takes out what tells secrets apart, `left_out` says what nobody needed, `summary` what
   is in it.
2. One form. `normalise` brings entries into it, `children` takes resources apart and puts them back, `json_text` decodes
   JSON as it really is.
3. The file. `schema` are its tables, `rows` those of resources, `file` reads and writes it whole, `writer` while it is being
   collected, under a `lock`, and `finish` closes it. `exchange` is the same as lines of JSON.
4. Any file. `whole_file` writes one whole or not at all; `limits` and `compression` bound what one from a stranger costs.
"""
