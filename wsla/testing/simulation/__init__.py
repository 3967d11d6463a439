"""The whole daemon in virtual time: what happens comes from a seed, faults included, and again in the same way."""
