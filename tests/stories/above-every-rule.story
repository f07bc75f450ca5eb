story: nobody is held in - a cut fire loop opens everything, and only a named person ends it
clause: 3.1.3a

10:00 2 people come in
10:05 fire loop opens at A -> gate stands open; alarm fire; sign: 紧急疏散 由此离开
10:06 2 people leave -> 0 inside
10:07 attendant holds the button at A -> order refused fire_loop_open
10:08 fire loop closes at A
10:09 attendant holds the button at A -> done
10:10 Wang, booked all day, PCR 5 h old, scans -> wait recount
