story: who counts in no quota still needs a booking where nobody is received without one
clause: 3.1.1a
rulebook: class.visitor.booking = "optional"
rulebook: class.visitor.counts_quota = false

10:00 Wang, PCR 5 h old, scans -> wait booking_missing; gate stays shut
10:01 time passes -> refuse not_booked (3.1.1a)
10:10 new rulebook: walk_in = true -> taken
10:11 Wang scans -> admit
