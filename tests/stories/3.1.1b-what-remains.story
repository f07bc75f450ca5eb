story: day, slot and live limit at once; what remains of each is on every answer
clause: 3.1.1b, 2.2, 3.2.3
rulebook: walk_in = true
rulebook: class.visitor.booking = "optional"
rulebook: base_visits_per_day = 4
rulebook: slot.quota = 2
rulebook: limit_persons = 4
rulebook: quota.cases_per_day = 10
rulebook: class.agent.slot_required = false

10:00 Wang, PCR 5 h old, scans -> admit; 4 numbers left today; 2 numbers left in this slot; 10 cases left today
10:00 Wang passes -> 3 places free; idle sign: 大厅余位 3; idle sign: 今日余号 3; idle sign: 本时段余号 1; idle sign: 今日余件 9
10:05 Li, PCR 5 h old, scans -> admit; 3 numbers left today; 1 numbers left in this slot; 9 cases left today
10:05 Li passes
10:10 Zhao, PCR 5 h old, scans -> wait booking_missing
10:10:30 time passes -> refuse slot_quota (3.1.1b); sign: 本时段已满
10:31 Zhao scans -> admit; 2 numbers left today
10:31 Zhao turns back
10:33 agent Wu, booked by phone with a short number, booked all day, 9 cases, PCR 5 h old, scans -> refuse case_quota (3.2.3); 8 cases left today
10:34 agent Sun, booked by phone with a short number, booked all day, 7 cases, PCR 5 h old, scans -> admit
10:34 Sun passes
10:36 Qian, PCR 5 h old, scans -> admit; 1 numbers left today; 0 places free
10:36 Qian passes
10:40 Zhou, booked 10:30-11:00, PCR 5 h old, scans -> wait hall_full (3.1.1b); 0 numbers left today
10:45 1 people leave
10:46 Feng, PCR 5 h old, scans -> wait booking_missing
10:46:30 time passes -> refuse quota (2.2)
10:47 Zhou scans -> admit
