story: the limit is lower while the air is used up, and comes back by itself
clause: 3.1.5c
lane: A, entry, for visitor, air sensor
rulebook: limit_persons = 4
rulebook: air.step = [{ co2_ppm = 1000, limit_percent = 75 }, { co2_ppm = 1400, limit_percent = 50 }]

10:00 2 people come in -> 2 inside
10:05 air has 1000 ppm CO2
10:06 1 people come in -> 3 inside
10:07 Wang, booked all day, PCR 5 h old, scans -> wait hall_full (3.1.1b)
10:10 air has 1400 ppm CO2
10:11 1 people leave -> 2 inside
10:12 Wang scans -> wait hall_full (3.1.1b)
10:20 air has 1250 ppm CO2
10:21 Wang scans -> admit
10:21 Wang passes -> 3 inside
10:22 Li, booked all day, PCR 5 h old, scans -> wait hall_full (3.1.1b)
10:30 air has 600 ppm CO2
10:31 Li scans -> admit
