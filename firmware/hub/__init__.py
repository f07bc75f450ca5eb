"""The device's side of the wire to its hub: what it reports, how it is, and the orders it takes."""
