story: who comes and goes is received once a day
clause: 2.2, 3.1.1b
date: 2022-06-09
rulebook: base_visits_per_day = 4
rulebook: walk_in = true
rulebook: class.visitor.booking = "optional"
rulebook: class.visitor.re_entries = 1

10:00 cleaner Zhou, booked by phone with a short number, PCR 5 h old, scans -> admit; 2 numbers left today
10:00 Zhou passes
10:02 Zhou scans -> admit; 1 numbers left today
10:02 Zhou passes
10:04 Wang, PCR 5 h old, scans -> admit; 1 numbers left today
10:04 Wang passes
10:06 Wang scans -> admit; 0 numbers left today
10:06 Wang passes
10:08 Li, PCR 5 h old, scans -> wait booking_missing
10:08:30 time passes -> refuse quota (2.2)
