story: only with a mask may one enter: the attendant attests it by badge and button
clause: 3.1.2c
rulebook: class.visitor.mask = "attest"

10:00 Wang, booked all day, PCR 5 h old, scans -> wait mask_asked (3.1.2c); sign: 请佩戴口罩; gate stays shut
10:00 attendant confirms -> admit; gate opens
10:00 Wang passes
10:02 Li, booked all day, PCR 5 h old, scans -> wait mask_asked
10:02 attendant holds the button -> refuse no_mask (3.1.2c); gate stays shut
10:05 Zhao, booked all day, PCR 5 h old, scans -> wait mask_asked
10:06 time passes -> refuse mask_not_attested
