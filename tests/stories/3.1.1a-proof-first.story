story: whoever shows the proof first and the booking second is one visit, whatever the booking changes
clause: 3.1.1a, 3.2.6, 2.1, 2.2
rulebook: base_visits_per_day = 0
rulebook: class.visitor.booking = "optional"
rulebook: class.agent.proof = ["antigen"]
rulebook: class.agent.antigen_days = 1
rulebook: class.agent.slot_required = false
rulebook: walk_in = true
lane: B, entry, for visitor
lane: C, entry, for visitor and cleaner
date: 2022-05-30

# the phase receives no visitors; a cleaner's booking says who this is
10:00 cleaner Zhou, PCR 5 h old, no antigen, scans at B -> refuse class_not_in_phase (2.1)
10:01 Zhou scans at C -> wait booking_missing; sign: 请再出示预约码
10:01:08 Zhou, booked all day, no PCR, scans at C -> admit
10:01:10 Zhou passes through C

# the day is full for walk-ins, never for a booking
date: 2022-06-10
10:00 Wang, PCR 5 h old, scans at B -> wait booking_missing
10:00:08 Wang, booked 10:00-10:30, no PCR, scans at B -> admit
10:00:10 Wang passes through B
10:01 Li, PCR 5 h old, scans at B -> wait booking_missing
10:01:30 time passes -> refuse quota (2.2)

# an antigen test is the wrong proof of a visitor, and the right one of an agent
10:02 agent Qian, antigen 5 h old, scans at A -> wait booking_missing
10:02:08 Qian, booked all day, no antigen, scans at A -> admit
10:02:10 Qian passes through A

# the hall is closed, the service of this booking is open; later nothing is
17:30 Zhao, PCR 5 h old, scans at B -> wait booking_missing
17:30:08 Zhao, booked all day, for service permits, no PCR, scans at B -> admit
17:30:10 Zhao passes through B
17:31 Sun, PCR 5 h old, scans at B -> wait booking_missing
17:31:30 time passes -> refuse closed (3.2.6)
20:00 Wu, PCR 5 h old, scans at B -> refuse closed (3.2.6)

# no booking helps who is positive, wherever that leads
date: 2022-06-13
10:00 new rulebook: class.visitor.on_fail.positive = "refuse" -> taken
10:01 Zheng, PCR positive 5 h old, scans at A -> refuse positive (3.1.2e)
