story: who comes before the doors open reads when they do
clause: 4.3

08:40 Wang, booked all day, PCR 5 h old, scans -> refuse closed; sign: 9:00开放; voice: 九点
09:01 Wang scans -> admit
