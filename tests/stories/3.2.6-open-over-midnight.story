story: an opening that goes on, past noon or past midnight, has no last entry until it is over
clause: 3.2.6
date: 2022-06-10
rulebook: hours.last_entry_minutes = 30
rulebook: hours.friday = ["09:00-12:00", "12:00-24:00"]
rulebook: hours.saturday = ["00:00-02:00"]

11:45 Wang, booked all day, PCR 5 h old, scans -> admit
11:45 Wang passes
23:45 Li, booked all day, PCR 5 h old, scans -> admit
23:45 Li passes
date: 2022-06-11
01:29 Zhao, booked all day, PCR 5 h old, scans -> admit
01:29 Zhao passes
01:30 Qian, booked all day, PCR 5 h old, scans -> refuse last_entry (3.2.6)
