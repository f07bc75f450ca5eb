story: separate entry and exit; an exit never asks, and the wrong way is told
clause: 3.1.3a
lane: D, entry and exit, for visitor

10:00 Wang, booked all day, PCR 5 h old, scans at A -> admit
10:00 Wang passes
10:05 Wang scans at X -> admit
10:05 Wang leaves -> 0 inside
10:06 Li walks in unasked at X -> alarm wrong_way; 1 inside
10:07 staff Chen, PCR 5 h old, antigen 5 h old, antigen 29 h old, scans at S -> admit
10:08 Zhao, booked all day, PCR 5 h old, scans at S -> refuse other_lane (3.1.3a); sign: 请走其他通道
