"""The reference: equal to the code, and true of what devices really send."""
