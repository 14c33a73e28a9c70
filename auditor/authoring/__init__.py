"""What the author of a rule needs: examples, mutants, a first draft, schemas."""
