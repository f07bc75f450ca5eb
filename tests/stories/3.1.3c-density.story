story: entry pauses while it is crowded behind the gate
clause: 3.1.3c
lane: A, entry, for visitor, range sensor
rulebook: flow.density_persons_max = 4

10:00 4 people stand behind the gate
10:01 Wang, booked all day, PCR 5 h old, scans -> admit
10:01 Wang passes
10:02 5 people stand behind the gate
10:03 Li, booked all day, PCR 5 h old, scans -> wait dense (3.1.3c); sign: 入口人多 请稍候
10:04 2 people stand behind the gate
10:05 Li scans -> admit
