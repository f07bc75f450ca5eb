story: doors and windows open, the central air conditioning off, fire doors shut
clause: 3.1.5c
rulebook: air.windows = "open"
rulebook: air.doors = "open"
rulebook: air.conditioning = "off"
rulebook: air.grace_minutes = 10

08:30 window is shut at A
08:50 air conditioning is switched on at A
08:55 door leaf is opened at A
08:55:20 time passes -> alarm forced
08:56 door leaf is shut at A -> alarm over forced
08:59 time passes -> no alarm
09:00 time passes -> alarm conditioning_on
09:09 time passes -> no alarm
09:10 time passes -> alarm window_shut
09:11 window is opened at A -> alarm over window_shut
09:12 air conditioning is switched off at A -> alarm over conditioning_on
09:20 door leaf is opened at A
10:20 time passes -> no alarm
10:30 Wang, booked all day, PCR 5 h old, scans -> admit
10:30 Wang passes
11:00 fire door is opened at A
11:00:20 time passes -> alarm fire_door_open
11:01 fire door is shut at A -> alarm over fire_door_open
