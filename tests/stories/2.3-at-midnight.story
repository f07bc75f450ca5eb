story: a phase begins at midnight by the clock alone, also for who was already waiting
clause: 2.2, 2.3, 2.1
date: 2022-05-31
rulebook: hours.wednesday = ["00:00-17:00"]
rulebook: hours.tuesday = ["09:00-24:00"]
rulebook: hours.friday = ["00:00-17:00"]
rulebook: hours.thursday = ["09:00-24:00"]
rulebook: phase.full.classes = ["staff", "agent"]

23:59:30 Wang, booked 2022-06-01 00:00-00:30, PCR 5 h old, scans -> refuse class_not_in_phase (2.1)
date: 2022-06-01
00:00:02 Wang scans -> admit
00:00:04 Wang passes
date: 2022-06-09
23:59:50 Li, booked 23:30-24:00, scans -> wait pcr_asked
date: 2022-06-10
00:00:05 Li, PCR 5 h old, scans -> refuse class_not_in_phase
