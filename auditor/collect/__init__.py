"""Read a live Azure estate into a snapshot: completely, politely, and without ever writing.

In reading order: `scope` and `options` name what to read and how, `run` does it; `steps` are its steps, `plan` the calls of
each, by `operations`, which the files of types state, and `workers` make them. `sink` is what they write into, `ledger` the
account of what was not read, `permissions` what the identity lacks, `progress` how far it is. `arm` talks to Azure, and
`sources` know what to ask. Only `run` and what it imports load the Azure packages.
"""
