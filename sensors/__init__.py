"""Languages: what the devices at a door say. Nothing in here opens, waits or draws lots."""
