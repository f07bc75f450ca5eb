"""The technician's check of one door: every device on its real port, one step after the other, and a report."""
