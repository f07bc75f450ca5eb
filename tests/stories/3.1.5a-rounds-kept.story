story: the rounds of two hours are walked and signed, by badge and button or by order
clause: 3.1.5a

09:00 time passes -> no round
10:50:10 time passes -> round door-handles due; round toilets due; round hall-devices due
10:55 cleaner Sun, booked all day, PCR 5 h old, scans at A -> admit
10:56 Sun badges and presses at A -> round door-handles done; done; sign: 消毒已登记
10:58 hub signs off round toilets -> done; round toilets done
10:58 hub signs off round public-area -> done
10:58 hub signs off round lift-lobbies -> done
10:59 hub signs off round hall-devices -> done
10:59 hub signs off round garden -> order refused no_such_point
11:30 time passes -> no alarm
12:45 time passes -> no round; no alarm
12:49 time passes -> round door-handles due; no alarm
