story: who is refused is told whom to ask
clause: 3.2.5

10:00 Wang, booked 10:00-10:30, PCR 5 h old, scans -> admit
10:00 Wang passes
10:20 Wang scans -> refuse used; voice: 请找门口工作人员
