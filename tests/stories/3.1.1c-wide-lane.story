story: helper and visitor are one booking and two bodies at a wide and slow gate; a helper alone is nobody
clause: 3.1.1c
lane: W, entry, for assisted, wide
lane: A, entry, for assisted and visitor
rulebook: class.assisted.wide = true

10:00 assisted visitor Wang, booked 10:00-10:30, with a helper, PCR 5 h old, scans at A -> refuse not_wide (3.1.1c); sign: 请走无障碍宽通道
10:01 Wang scans at W -> admit; gate opens for 3.0 s
10:01 Wang goes in with 1 bodies -> gate opens; no alarm
10:01 Wang goes in with 1 bodies -> 2 inside; no alarm
10:03 helper walks in unasked at A -> alarm tailgate; 3 inside
10:05 assisted visitor Li, booked 10:00-10:30, with a helper, PCR 5 h old, scans at W -> admit; 5 inside
10:05 Li goes in with 1 bodies
10:06 time passes -> 4 inside; no alarm
10:07 Li scans at W -> refuse used
