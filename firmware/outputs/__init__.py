"""Languages of hands: what gates, lamps, signs and voices are told. One device, one file, found by its name."""
