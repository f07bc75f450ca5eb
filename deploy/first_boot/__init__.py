"""On the device, before the firmware: the card's door becomes this device's; each thing that fails has a code."""
