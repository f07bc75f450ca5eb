"""The world beyond the wires, from a seed: people, codes, the far ends of ports; rehearsal, stories, whole days."""
