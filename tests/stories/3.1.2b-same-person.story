story: health proof and booking belong to the same person, where the rulebook asks
clause: 3.1.2b
rulebook: class.visitor.same_person = true

10:00 Wang, booked all day, PCR 5 h old, scans -> admit
10:00 Wang passes
10:01 Li, booked all day, somebody else's PCR 5 h old, scans -> staff other_person (3.1.2b); gate stays shut
