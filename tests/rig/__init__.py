"""A small machine with a real kernel: edges, pulls, stamps and the words of a bus come from Linux, not from a mock."""
