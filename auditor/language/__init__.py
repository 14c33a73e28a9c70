"""The condition language of rules: load → one small tree → a three-valued reference evaluator with evidence."""
