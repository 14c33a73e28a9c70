"""Findings: made of verdicts, with their evidence, put in order, and held while there are many.

In reading order:

1. Made. `finding` files a verdict; `message` is its sentence, `names` what people call the things in it, `disclosure` keeps
   secrets out of it. `claims` is what Azure itself says of exemptions.
2. Evidence. `shared_evidence` is what many findings have in common, `raw_inputs` what a fact was derived from, and
   `value_sets` the values that a failure is about.
3. Many. `order` puts them in order, `tallies` counts them, `packed_findings` makes bytes of them, and `held_findings` holds
   them so; `lazy_sequences` are what of that is made for whoever goes through it.
"""
