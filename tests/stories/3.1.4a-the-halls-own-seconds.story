story: how long a press counts, a reading is waited for and a place in the queue is kept are the hall's numbers
clause: 3.1.4a, local.temperature
lane: A, entry, for visitor, thermometer
rulebook: symptoms_seconds = 60
rulebook: thermometer.wait_seconds = 40
rulebook: class.visitor.temperature_max_c = 37.3

10:00:00 Wang, booked all day, PCR 5 h old, temperature 36.5, presses unwell at A
10:00:40 Wang scans at A -> staff symptoms (3.1.4a)
10:05:00 Li, booked all day, PCR 5 h old, scans at A -> wait temperature_asked (local.temperature)
10:05:35 time passes -> no answer
10:05:45 time passes -> staff no_reading
10:10:00 Zhao, booked all day, PCR 5 h old, scans at A -> wait temperature_asked
10:10:30 Zhao is measured at A -> admit
