"""From this folder to a working door: site files and rulebook to start from; image, flash and update come later."""
