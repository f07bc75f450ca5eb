"""A new system on the card: ordered or by hand, fetched, installed into the other slot, on trial, kept or taken back."""
