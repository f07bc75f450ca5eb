story: who needs no mask is the rulebook's data; a terminal may see one, and a veto stops the gate for a moment
clause: 3.1.2c
lane: A, entry, for visitor and minor and cleaner, sentinel
rulebook: class.visitor.mask = "terminal"
rulebook: class.minor.mask = "attest"
rulebook: class.cleaner.mask = "veto"
rulebook: mask.exempt_under_years = 6
rulebook: mask.veto_seconds = 2

10:00 Wang, booked all day, PCR 5 h old, sentinel mask on, scans -> admit
10:00 Wang passes
10:01 Li, booked all day, PCR 5 h old, sentinel mask off, scans -> wait mask_asked (3.1.2c)
10:02 time passes -> refuse mask_not_attested
10:03 minor Zhao, booked all day, 5 years old, PCR 5 h old, scans -> admit
10:03 Zhao passes
10:04 minor Qian, booked all day, 7 years old, PCR 5 h old, scans -> wait mask_asked
10:05:50 time passes -> refuse mask_not_attested
10:06:00 cleaner Sun, booked all day, PCR 5 h old, scans -> wait mask_veto
10:06:04 time passes -> admit; gate opens
10:06:06 Sun passes
10:07:00 cleaner Zhou, booked all day, PCR 5 h old, scans -> wait mask_veto
10:07:01 staff Chen, badges and presses at A -> refuse no_mask (3.1.2c); gate stays shut
