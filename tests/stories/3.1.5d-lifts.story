story: visitors take the sightseeing lift, staff the internal one; no more ride than keep their distance
clause: 3.1.5d
lane: L, lift, for visitor, small car, inside the hall, no button
lane: N, lift, for staff, small car, inside the hall, no button
rulebook: elevator.spacing_mm = 800

10:00 Wang, booked all day, PCR 5 h old, scans at N -> refuse other_lift (3.1.5d); sign: 请改乘另一部电梯
10:01 Wang scans at L -> admit
10:01 Wang passes through L
10:01 Li, booked all day, scans at L -> admit
10:01 Li passes through L
10:01 Zhao, booked all day, scans at L -> admit
10:01 Zhao passes through L
10:01 Qian, booked all day, scans at L -> admit
10:01 Qian passes through L
10:02 Sun, booked all day, scans at L -> wait car_full (3.1.5d); sign: 电梯已满
10:02 Wang leaves by L
10:02 Sun scans at L -> admit
10:03 Zhou walks in unasked at L -> alarm tailgate
10:03 staff Chen, PCR 5 h old, antigen 5 h old, antigen 29 h old, scans at L -> refuse other_lift (3.1.5d)
10:04 staff Chen scans at N -> admit
