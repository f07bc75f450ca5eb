story: what a courier hands over is disinfected and signed, else nothing more is taken there
clause: 3.1.5b, 3.2.4
lane: G, entry, for courier and staff, hatch
rulebook: rounds = { point = [{ name = "goods", lane = "G", after_hand_over_minutes = 30, who = ["staff"], hold = true }] }

10:00 courier Feng, booked all day, scans at G -> staff hand_over (3.2.4); gate opens; no round
10:05 courier Jiang, booked all day, scans at G -> staff hand_over; gate opens; voice: 私人寄递物品不得送入
10:20:05 time passes -> round goods due
10:40 staff Chen, badges and signs the round at G -> round goods done; done
11:00 courier Ma, booked all day, scans at G -> staff hand_over; gate opens
12:01 time passes -> round goods red; alarm round_overdue
12:02 courier Lu, booked all day, scans at G -> wait round_overdue (3.1.5b); gate stays shut
12:03 Wang, booked all day, PCR 5 h old, scans at A -> admit
12:03 Wang passes
12:05 hub signs off round goods -> done; alarm over round_overdue
12:06 Lu scans at G -> staff hand_over; gate opens
