"""The judging: rules in force against subjects, in three values, filed as findings.

In reading order:

1. Judging. `evaluate` goes through the rules in force, part by part; `subjects` are resources, facts and examples as
   conditions read them, `dispatch` finds the facts that a rule may be about, `verdict` asks one rule about one subject.
   `memo` asks of subjects that are alike only once.
2. Findings. `findings` makes, explains, orders and holds them; `accepted` says which of them are exempt or known.
3. At the size of a tenant. `partwise` has the parts judged wherever, `parallel` in several processes, and `incremental`
   takes over what an earlier run kept; `bounded_cache` remembers no more than fits.
4. Beside findings. `coverage` says what an audit rests on and what would settle its gaps, `dossier` gathers what is known of
   one resource, `pictures` lays out workloads.
"""
