story: before the rulebook's first phase nobody is received
clause: 2.1
date: 2022-05-23
rulebook: phase.preparation.from = 2022-05-24

10:00 Wang, booked all day, PCR 3 h old, scans -> refuse closed_phase (2.1)
date: 2022-05-24
10:00 staff Chen, PCR 3 h old, antigen 3 h old, antigen 27 h old, scans at S -> admit
