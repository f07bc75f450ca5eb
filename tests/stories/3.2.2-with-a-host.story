story: a guest of a key enterprise comes in with a host, and the health rules stay
clause: 3.2.2

10:00 enterprise guest Wang, booked 10:00-11:00, PCR 5 h old, scans at A -> wait host_asked (3.2.2)
10:00 staff Chen, PCR 5 h old, antigen 5 h old, antigen 29 h old, shows the badge at A -> admit; gate opens
10:00 Wang goes in with 2 bodies -> 2 inside
10:20 enterprise guest Li, booked 10:00-11:00, PCR 5 h old, scans at A -> wait host_asked
10:21 time passes -> refuse host_missing (3.2.2)
10:30 enterprise guest Zhao, booked 10:00-11:00, PCR 90 h old, scans at A -> staff pcr_too_old
