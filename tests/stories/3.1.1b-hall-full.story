story: the hall's live limit; who leaves makes room, and a turn-back gives the place back
clause: 3.1.1b
rulebook: limit_persons = 3

10:00 3 people come in -> 3 inside; 0 places free
10:05 Wang, booked 10:00-11:00, PCR 20 h old, scans -> wait hall_full (3.1.1b); sign: 大厅人数已满 请稍候; gate stays shut
10:10 1 people leave -> 2 inside
10:11 Wang scans -> admit
10:11 Wang turns back -> 1 places free
10:12 Li, booked 10:00-11:00, PCR 20 h old, scans -> admit
10:12 Li passes -> 3 inside
