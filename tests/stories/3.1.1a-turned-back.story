story: a permit is a passage - who steps back has not used the booking
clause: 3.1.1a

10:00 Wang, booked 10:00-11:00, PCR 20 h old, scans -> admit; gate opens
10:00 Wang turns back -> 0 inside
10:01 Wang scans -> admit
10:01 Wang passes -> 1 inside
10:02 Wang scans -> refuse used
