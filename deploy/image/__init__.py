"""The card image: a root tree made of Debian packages and our own, then a card with two slots, then its papers."""
