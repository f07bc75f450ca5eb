story: a badge that came in and was not seen leaving waits its time, where the rulebook says so
clause: 3.1.4a
rulebook: anti_passback.mode = "timed"
rulebook: anti_passback.minutes = 30

08:00 staff Chen, PCR 10 h old, antigen 10 h old, antigen 34 h old, scans at S -> admit
08:00 Chen passes
08:05 Chen scans at S -> staff passback (3.1.4a)
08:10 Chen scans at X -> admit
08:10 Chen leaves
08:15 Chen scans at S -> admit
