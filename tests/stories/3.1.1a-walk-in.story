story: without a booking only where the rulebook lets people walk in
clause: 3.1.1a
rulebook: class.visitor.booking = "optional"

10:00 Wang, PCR 5 h old, scans -> wait booking_missing; sign: 请再出示预约码
10:10 new rulebook: walk_in = true -> taken
10:11 Wang scans -> admit
