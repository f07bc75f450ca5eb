"""From this folder to a working door: site files to start from, image, flash, first boot, units."""
