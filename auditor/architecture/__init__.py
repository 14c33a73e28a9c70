"""The roles that resources play in an architecture: declared by a baseline, bound by what is connected to what."""
