story: "limit first, open later", and back down within the day by a new rulebook
clause: 2.3, 3.1.1b

10:00 2 people come in -> 2 inside
10:10 new rulebook: limit_persons = 2 -> taken
10:11 Wang, booked 10:00-11:00, PCR 5 h old, scans -> wait hall_full
10:20 new rulebook: limit_persons = 3 -> taken
10:21 Wang scans -> admit
10:30 new rulebook: phase.full.classes = ["staff"] -> taken
10:31 Li, booked 10:00-11:00, PCR 5 h old, scans -> refuse class_not_in_phase (2.3)
