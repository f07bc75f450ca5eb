story: no roaming between posts, staggered hours
clause: 3.1.4b
lane: S, entry, for staff, zone b1

12:00 staff Chen, PCR 10 h old, antigen 10 h old, antigen 34 h old, works in b1 and b2, works 08:00-12:30, scans at S -> admit
12:00 Chen passes
12:05 staff Deng, PCR 10 h old, antigen 10 h old, antigen 34 h old, works in b2, scans at S -> refuse other_zone (3.1.4b)
12:35 Chen leaves
12:40 Chen scans at S -> refuse outside_band (3.1.4b); gate stays shut
