"""The condition language of rules: parse → one small tree → a three-valued reference evaluator with evidence."""
