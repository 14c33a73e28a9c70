"""A stand-in for Azure on this machine: ARM, Resource Graph and the sign-in endpoints, served from an estate file."""
