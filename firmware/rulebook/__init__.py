"""The hall's numbers, by dated phase, and the words on signs and from voices: data, read by one module (`book`)."""
