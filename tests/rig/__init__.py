"""A small machine with a real kernel: pins whose edges, pulls and stamps come from Linux, not from a mock."""
