"""Judge one estate on many machines, with Dask: `cluster` asks them, `worker` is what each of them does.

It needs the packages of `estate-auditor[dask]`; everything else of the tool runs without them.
"""
