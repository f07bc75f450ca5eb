story: a positive result leads to isolation, and nothing of it is shown in public
clause: 3.1.2e
lane: B, entry, for visitor

10:00 Wang, booked all day, PCR positive 20 h old, scans at A -> isolate positive (3.1.2e); sign: 请稍候 工作人员来引导; nothing shows: 阳; gate stays shut
10:20 Li, booked all day, PCR 20 h old, scans at B -> admit
