"""A library on the age of keys: what the activity log proves of when each key got its present value.

In reading order: `age` bounds the age of one key by events and by the time that was looked at; `activity_log` takes both
out of an estate; `held` goes through the keys of an estate. It knows no fact, rule or table.
"""
