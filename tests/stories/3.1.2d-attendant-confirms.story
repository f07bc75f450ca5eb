story: a named attendant confirms by badge and button, also with no hub; it counts like any entry
clause: 3.1.2d, 3.1.1b
rulebook: limit_persons = 2

10:00 attendant confirms -> admit attendant_confirmed (3.1.2d); gate opens; done
10:00 Wang passes -> 1 inside
10:01 1 people come in -> 2 inside
10:03 attendant confirms -> order refused hall_full; gate stays shut
10:04 Li, booked 10:00-11:00, PCR 5 h old, scans -> wait hall_full
