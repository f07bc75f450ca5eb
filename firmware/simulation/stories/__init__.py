"""Mornings written as plain lines, Chinese or English, played against the real controller and a hall's own rulebook.

`script` reads a file (its page is the grammar), `phrases` says what a row of the vocabulary is, `people`, `deeds`,
`expectations` are the vocabulary, `changes` alters a rulebook, `player` plays.
"""
