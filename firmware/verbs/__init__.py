"""The command line: one verb, one file, found by its name."""
