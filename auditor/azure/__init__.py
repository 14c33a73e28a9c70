"""What is known of Azure, and how to read what it sends.

In reading order:

1. Reading. `body` takes values at paths for what they mean, `paths` finds them, `tls`, `log_settings`, `content_filters` and
   `activity` read what takes more than a path, `regenerations` those of keys.
2. Types. `resource_type` is what the file of a type states, `type_files` reads these files, `catalogue` answers by type or
   by trait, `vocabulary` resolves the names of properties. `relation` is how resources refer to others, and
   `relation_files` reads that.
3. Numbers. `ranges` are sets of whole numbers, `addresses` those of IP addresses.

`types` and `relations` are data, `reference_data` what is the same in every tenant.
"""
