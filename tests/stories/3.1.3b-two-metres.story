story: the two-metre line paces the entry, never the exit
clause: 3.1.3b
lane: A, entry, for visitor, range sensor

10:00 queue is 1.2 m apart
10:01 Wang, booked all day, PCR 5 h old, scans -> wait too_close (3.1.3b); sign: 请在二米线外等候; gate stays shut
10:02 queue is 2.3 m apart
10:03 Wang scans -> admit
10:03 Wang passes
10:04 queue is 0.8 m apart
10:05 Wang leaves -> 0 inside
