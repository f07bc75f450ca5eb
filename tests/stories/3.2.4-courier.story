story: a courier hands over at the lane and never comes in; a hatch opens for the goods
clause: 3.2.4
lane: H, entry, for courier, hatch

10:00 courier Feng, booked all day, scans at A -> staff hand_over (3.2.4); gate stays shut; 0 inside
10:05 courier Jiang, booked all day, scans at H -> staff hand_over (3.2.4); gate opens; 0 inside
10:10 Wang, booked all day, PCR 5 h old, scans at A -> admit
