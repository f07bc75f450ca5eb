story: another code while the gate is open waits its turn; a second body is told
clause: 3.1.3b

10:00:00 Wang, booked all day, PCR 5 h old, scans -> admit
10:00:04 Li, booked all day, PCR 5 h old, scans -> wait take_turn (3.1.3b)
10:00:06 Wang passes -> 1 inside
10:00:08 Li walks in unasked -> alarm tailgate; sign: 一人一码 请依次通行; 2 inside
