story: in the limited phase a class that is not listed has to wait for the next one
clause: 2.2
date: 2022-06-02
rulebook: phase.limited.classes = ["visitor", "staff"]

10:00 agent Zhou, booked all day, PCR 5 h old, scans -> refuse class_not_in_phase (2.2)
10:01 Wang, booked 10:00-10:30, PCR 5 h old, scans -> admit
