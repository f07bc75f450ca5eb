story: a yellow code holds the lane, also where a missing proof leads away as well and the lane goes on
clause: 3.1.2e
rulebook: class.visitor.on_fail.pcr = "isolate"
rulebook: class.visitor.sources = ["sentinel"]
lane: B, entry, for visitor, sentinel

10:00 Wang, booked all day, sentinel green, sentinel no PCR, scans at B -> isolate pcr_missing (3.1.2a); incident opened
10:02 Li, booked all day, sentinel green, sentinel PCR 5 h old, scans at B -> admit
10:02 Li passes through B
10:04 Zhao, sentinel yellow, sentinel no PCR, scans at B -> isolate code_not_green (3.1.2e); incident opened
10:06 Qian, booked all day, PCR 5 h old, scans at B -> wait held
