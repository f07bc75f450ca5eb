story: the hours count from the report where the rulebook says so
clause: 3.1.2a
rulebook: class.visitor.pcr_counts_from = "report"

10:00 Wang, booked all day, PCR 80 h old reported 70 h ago, scans -> admit
10:00 Wang passes
10:01 Li, booked all day, PCR 90 h old reported 75 h ago, scans -> staff pcr_too_old
