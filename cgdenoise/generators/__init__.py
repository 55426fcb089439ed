"""Generators: a spec is data, a network is built from it."""
