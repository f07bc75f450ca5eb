story: who is refused hears of the ways that need no visit
clause: 3.2.1

10:00 Wang, booked all day, PCR 80 h old, scans -> staff pcr_too_old; voice: 网上办
10:01 Li, booked all day, PCR 8 h old, scans -> admit
