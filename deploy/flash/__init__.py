"""From an image file to a card that names its door: the disks, the block map, the writing, what is written beside it."""
