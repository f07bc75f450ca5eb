story: walk-in is opened for today and ended again within the day, by an order
clause: 2.3, 2.2, 3.1.1a
rulebook: class.visitor.booking = "optional"

10:00 Wang, PCR 5 h old, scans -> wait booking_missing (3.1.1a)
10:05 hub opens walk-in for today -> done
10:06 Wang scans -> admit
10:06 Wang passes
10:10 hub sets the day's quota to 1 -> done
10:11 Li, PCR 5 h old, scans -> wait booking_missing
10:11:30 time passes -> refuse quota (2.2)
10:20 hub ends walk-in for today -> done
10:21 Zhao, PCR 5 h old, scans -> wait booking_missing
