story: who comes early is told when to come back, who comes late what to do
clause: 3.1.1a

09:00 visitor Wang, booked 10:00-10:30, PCR 20 h old, scans at A -> wait early (3.1.1a); sign: 9:50; gate stays shut
09:49:59 Wang scans -> wait early
09:51 Wang scans -> admit; gate opens
09:51 Wang passes -> 1 inside
10:45 Zhao, booked 10:00-10:30, PCR 3 h old, scans -> admit
10:45 Zhao passes
10:46 Qian, booked 10:00-10:30, PCR 3 h old, scans -> refuse late; sign: 已过预约时段
