"""Who may do what, decided exactly on sets of permissions at scopes."""
