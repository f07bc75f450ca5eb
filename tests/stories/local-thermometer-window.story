story: outside its window a thermometer refuses to judge, an elevated reading asks for a clinical one, and that one decides
clause: local.temperature
lane: A, entry, for visitor, thermometer
rulebook: class.visitor.temperature_max_c = 37.3
rulebook: thermometer.ambient_min_c = 16.0
rulebook: thermometer.ambient_max_c = 35.0
rulebook: thermometer.distance_max_mm = 300
rulebook: thermometer.series = 3

10:00:00 Wang, booked all day, PCR 5 h old, temperature 36.6, measured from 200 mm, scans -> wait temperature_unstable
10:00:03 Wang is measured 3 times -> admit
10:00:05 Wang passes
10:02 Li, booked all day, PCR 5 h old, temperature 36.6, measured from 200 mm, surroundings 8, scans -> staff ambient_outside (local.temperature); gate stays shut
10:04:00 Zhao, booked all day, PCR 5 h old, temperature 36.6, measured from 900 mm, scans -> wait temperature_distance_outside; sign: 请测量体温
10:04:03 Zhao, measured from 250 mm, is measured 3 times -> admit
10:04:05 Zhao passes
10:06:00 Qian, booked all day, PCR 5 h old, temperature 38.0, measured from 200 mm, scans -> wait temperature_unstable
10:06:03 Qian is measured 3 times -> staff elevated; nothing shows: 体温; gate stays shut
10:06:10 attendant confirms at A -> admit
10:06:12 Qian passes
10:08:00 Sun, booked all day, PCR 5 h old, temperature 38.0, measured from 200 mm, scans -> wait temperature_unstable
10:08:03 Sun is measured 3 times -> staff elevated
10:08:10 attendant holds the button at A -> staff clinical_elevated; gate stays shut
10:10 Zhou, booked all day, PCR 5 h old, scans -> wait temperature_asked
10:11 time passes -> staff no_reading
