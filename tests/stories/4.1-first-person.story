story: the day is opened by a named person
clause: 4.1
rulebook: opening.first_person = ["staff"]

09:00 Wang, booked all day, PCR 5 h old, scans -> wait first_person (4.1); sign: 暂停进入 请稍候
09:05 staff Chen, PCR 5 h old, antigen 5 h old, antigen 29 h old, scans at S -> admit
09:06 Wang scans -> admit
