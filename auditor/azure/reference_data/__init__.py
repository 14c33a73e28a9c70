"""What Azure is alike for every tenant, shipped with its date and source; what an input says wins over it.

In reading order: `datasets` (what a data set is, and the list of them), then one module each: `built_in_roles`,
`regions`, `skus`, `service_tags`. Files lie in `data/` and are read on first use. A name that a data set does not list
is unknown, never absent from Azure.
"""
