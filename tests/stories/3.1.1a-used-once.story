story: a booking is for once, at every door, and for the re-entries the rulebook allows
clause: 3.1.1a
lane: B, entry, for visitor
rulebook: class.visitor.re_entries = 1

10:00 Wang, booked 10:00-11:00, PCR 20 h old, scans at A -> admit
10:00 Wang passes
10:20 Wang leaves -> 0 inside
10:25 Wang scans at B -> admit
10:25 Wang passes -> 1 inside
10:40 Wang leaves
10:45 Wang scans at A -> refuse used (3.1.1a); sign: 预约已使用
