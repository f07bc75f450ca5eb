"""What a device believes and why: its clock, certificates, the rulebook's signature, documents, what a code proves."""
