"""The snapshot as a graph: resources by id and type, relations between them, and the components they play.

In reading order:

1. The graph. `graph` answers who is related to whom, and what of it is not known: by `declared_gaps` (what the snapshot
   says that it lacks), `completeness` (what an export leaves open) and `unread` (who states a relation, by the files of types).
2. Relations. `navigation` derives them all: `stated_relations` those that the files of types state, `coded_relations` what
   no path can say, both by `lookup`, which finds resources by what others call them. `network_relations`,
   `service_relations` and `monitoring_relations` name the types that code is about.
3. What is read off it. `references` tells which named resources do not exist, `private_connections` who approved which
   endpoint, `secret_uses` what reads which secret, `log_settings` what is sent where, `accepted_keys` where keys are good
   for anything, `regions` what a region has.
"""
