story: on a holiday one service is open, whichever of the two exceptions stands first
clause: 3.2.6
date: 2022-06-10
rulebook: hours.exception = [{ date = 2022-06-10 }, { date = 2022-06-10, open = ["09:00-12:00"], services = ["permits"] }]

10:00 Wang, booked all day, PCR 5 h old, scans -> refuse closed (3.2.6)
10:01 Li, booked all day, for service permits, PCR 5 h old, scans -> admit
10:01 Li passes
12:00 Zhao, booked all day, for service permits, PCR 5 h old, scans -> refuse closed (3.2.6)
