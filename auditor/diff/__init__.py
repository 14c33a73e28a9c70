"""Say what changed between two states of an estate: what is configured, what that does, and which findings follow.

`drift` has the nouns. `configuration` compares resources property by property, without noise; `authors` tells who made a
change and when. What changes do: `network_effect` (packets), `access_effect` (operations), `filter_effect` (content
filters), `name_effect` (private names). `finding_changes` compares what two audits found. `states` puts all of it together.
"""
