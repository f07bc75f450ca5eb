story: entry pauses for disinfection; exits do not know of it
clause: 3.1.5a
rulebook: hold = [{ span = "12:00-12:30", weekdays = ["friday"] }]
date: 2022-06-10

11:59 1 people come in
12:01 Wang, booked all day, PCR 5 h old, scans -> wait held (3.1.5a); sign: 暂停进入 12:30恢复
12:10 1 people leave -> 0 inside
12:30 Wang scans -> admit
