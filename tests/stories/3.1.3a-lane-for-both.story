story: in a lane for both ways who wants to leave goes first
clause: 3.1.3a
lane: D, entry and exit, for visitor, interlock hall
lane: E, entry, for visitor, interlock hall

10:00:00 Wang, booked all day, PCR 5 h old, scans at D -> admit
10:00:04 Li, booked all day, PCR 5 h old, scans at E -> wait interlock (3.1.3a)
10:00:06 Wang passes through D
10:00:20 Li scans at E -> admit
10:00:22 Li passes through E -> 2 inside
