story: a queue too close for too long is asked aloud, and not again before the cool-down; a party is not two metres apart
clause: 3.1.3b
lane: A, entry, for visitor and assisted, range sensor
rulebook: spacing.close_seconds = 10
rulebook: spacing.voice_cooldown_seconds = 60

10:00:00 queue is 1.0 m apart
10:00:15 time passes -> voice: 请安静排队，保持二米间距; alarm too_close
10:00:30 time passes -> nothing shows: 保持二米间距
10:00:50 time passes -> nothing shows: 保持二米间距
10:01:20 time passes -> voice: 保持二米间距
10:01:30 Wang, booked all day, PCR 5 h old, scans -> wait too_close (3.1.3b)
10:01:35 assisted visitor Li, booked all day, with a helper, PCR 5 h old, scans -> admit; gate opens for 3.0 s
10:01:36 nobody in the queue -> alarm over too_close
10:01:40 Li passes -> 2 inside
