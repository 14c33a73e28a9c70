"""Decide questions about Azure RBAC exactly, on sets of operations. A library: it knows no fact, rule or baseline table.

In reading order:

1. Sets. `patterns` says what an action pattern matches; `operation_sets` combines patterns into sets and answers whether
   one is empty or lies within another, by `automaton`; `bounds` is a set of which some is certain and some possible.
2. Permissions. `permissions` reads what a role permits on both planes, `conditions` what a condition leaves of it;
   `planes` tells on which plane an operation lies, `privileges` which operations endanger whoever's workload it is,
   `built_in_roles` what Azure's own roles permit.
3. Who and where. `scopes` lies scopes above one another, `assignments` are roles, assignments, denies and memberships as
   Azure has them, `principal_types` who a principal may be, `effective` what a principal may do at a scope.
4. An estate. `read` takes all of this out of an estate, with `schedules` that tell what is in force at a time,
   `delegations` to other tenants, `access_policies` of vaults and `service_roles`; `principals` tells who runs as which
   managed identity; `access_graph` holds it together.
5. Around an identity or a resource. `acting` finds who can act as a managed identity, `doors` every way by which somebody
   gets at a resource, `guards` what keeps a resource from being deleted.
6. Asking. `arguments` finds what a text names, `queries` answers who can do something and what somebody can do,
   `suggest` proposes the smallest roles for a need.
"""
