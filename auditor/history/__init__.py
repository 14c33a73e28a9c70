"""What audits found over time, kept in a database: SQLite as a file, or PostgreSQL.

In reading order: `schema` (the tables), `migrations` (how they came to be), `database` (which one, opened and brought up to
date), `recording` (a report in, what changed out), `questions` (what is kept, read), `sheets` and `trend_page` (laid out).
It needs the packages of `estate-auditor[history]`; everything else of the tool runs without them.
"""
