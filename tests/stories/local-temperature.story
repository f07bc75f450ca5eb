story: a warm forehead leads to the staff desk, never to isolation
clause: local.temperature
lane: A, entry, for visitor, thermometer
rulebook: class.visitor.temperature_max_c = 37.3

10:00 Wang, booked all day, PCR 5 h old, temperature 36.6, scans -> admit
10:00 Wang passes
10:01 Li, booked all day, PCR 5 h old, temperature 37.8, scans -> staff elevated (local.temperature); nothing shows: 体温; gate stays shut
10:02 Zhao, booked all day, PCR 5 h old, scans -> wait temperature_asked; sign: 请测量体温
