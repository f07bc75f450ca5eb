story: anti-passback tells or waits, and every recount forgives
clause: 3.2.3, 3.1.4a
rulebook: anti_passback.minutes = 600
rulebook: class.agent.re_entries = 9

10:00 agent Wu, booked all day, booked 10:00-17:00, PCR 5 h old, scans -> admit
10:00 Wu passes
10:10 Wu scans -> admit; alarm passback
10:10 Wu turns back
10:20 new rulebook: anti_passback.mode = "timed" -> taken
10:21 Wu scans -> staff passback (3.2.3); gate stays shut
10:30 1 counted inside -> done
10:31 Wu scans -> admit; no alarm
10:31 Wu passes
10:40 Wu scans -> staff passback
10:45 power fails and comes back
10:51 2 counted inside -> done
10:52 Wu scans -> admit
