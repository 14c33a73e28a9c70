"""Do the parts of a long piece of work in several processes, as many as there are processors for them."""
