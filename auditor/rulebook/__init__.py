"""What an estate is judged by: rules and baselines, and what of them is in force.

In reading order:

1. Files. `documents` are the models of what they may hold, `validation` checks one and tells every mistake with its place.
2. Rules. `rule` says what one is, `load` reads them, `command` is what would mend a failure, `fact_kinds` what rules may
   read of facts, `shipped_rules` are the tool's own, `retired` those that are gone.
3. Baselines. `baseline` reads one, `overlay` lays it over another, `editions` are those of its architecture, `parameters`
   what an organisation may set, `controls` (by `control_layer`) what a framework asks. `recognition` picks the shipped one
   that an estate was built after, `baseline_changes` compares two.
4. `in_force` brings rules and a baseline together for one run.
"""
