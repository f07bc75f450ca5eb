story: a registered agent is one body with many cases, and comes by batch and time
clause: 3.2.3
rulebook: class.agent.cases_max = 20

10:00 agent Wu, booked 10:00-11:00, 12 cases, PCR 5 h old, scans -> admit
10:00 Wu passes -> 1 inside
10:10 agent Sun, booked 10:00-11:00, 30 cases, PCR 5 h old, scans -> staff too_many_cases (3.2.3)
