story: who walks in again another day is received again, and takes a number of that day
clause: 2.2
date: 2022-06-09
rulebook: base_visits_per_day = 4
rulebook: walk_in = true
rulebook: class.visitor.booking = "optional"
rulebook: class.visitor.re_entries = 1

10:04 Wang, PCR 5 h old, scans -> admit; 2 numbers left today
10:04 Wang passes
10:06 Wang scans -> admit; 1 numbers left today
date: 2022-06-10
10:00 Wang scans -> admit; 4 numbers left today
10:00 Wang passes
10:02 Zhao, PCR 5 h old, scans -> admit; 3 numbers left today
