"""Judgement and hands: the map of its rooms and files is in README.md."""
