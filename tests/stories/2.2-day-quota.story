story: the day's quota binds who comes without a booking, a valid booking is never refused for it
clause: 2.2
date: 2022-06-01
rulebook: walk_in = true
rulebook: class.visitor.booking = "optional"
rulebook: base_visits_per_day = 5
rulebook: phase.limited.share_percent = 60

10:00 Wang, PCR 5 h old, scans -> admit
10:00 Wang passes
10:01 Li, PCR 5 h old, scans -> admit
10:01 Li passes
10:02 Zhao, PCR 5 h old, scans -> admit
10:02 Zhao passes -> 3 inside
10:03 Qian, PCR 5 h old, scans -> wait booking_missing; gate stays shut
10:03:30 time passes -> refuse quota (2.2); sign: 今日名额已满; gate stays shut
10:04 Sun, booked 10:00-10:30, PCR 5 h old, scans -> admit
10:04 Sun passes -> 4 inside
date: 2022-06-02
10:00 Qian, PCR 5 h old, scans -> admit
