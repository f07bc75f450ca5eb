"""What the doors of a hall tell each other, with or without a broker: rows of rights, notices, used passes."""
