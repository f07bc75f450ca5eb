story: after an evacuation entry waits until somebody has counted
clause: 3.1.1b

10:00 2 people come in
10:10 hub orders evacuation -> gate stands open; sign: 紧急疏散 由此离开
10:20 attendant holds the button -> done
10:21 Wang, booked 10:00-11:00, PCR 20 h old, scans -> wait recount (3.1.1b)
10:25 0 counted inside -> done
10:26 Wang scans -> admit
