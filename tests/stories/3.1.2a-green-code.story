story: where the rulebook asks for a green code, a sentinel knows it or the attendant saw it; another one leads to isolation and nothing shows why
clause: 3.1.2a, 3.1.2e
rulebook: class.visitor.code = "green"

10:00 Wang, booked all day, PCR 5 h old, sentinel green, scans -> admit
10:00 Wang passes
10:01 Li, booked all day, PCR 5 h old, scans -> wait code_asked (3.1.2a)
10:01 attendant confirms -> admit
10:01 Li passes
10:03 Zhao, booked all day, PCR 5 h old, scans -> wait code_asked
10:03 attendant holds the button -> isolate code_not_green (3.1.2e); sign: 请稍候; nothing shows: 黄; gate stays shut
