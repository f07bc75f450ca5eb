"""What one device says, understood by the very decoder a door uses: for a technician at a bench or at the door.

settings      the driver that was named, and its settings from a file
live          a port as a technician types it, and who listens at it
recordings    what was said once, kept as JSON lines and played back
fresh_air     a CO2 sensor that was taken outdoors
words         a reading as a line, for a person or as JSON; what names somebody is hidden
"""
