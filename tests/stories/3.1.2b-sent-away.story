story: whoever is sent away with a forged booking leaves no proof behind for the next one's booking
clause: 3.1.2b

10:00:00 Wang, PCR 5 h old, scans -> wait booking_missing
10:00:05 Wang, forged booking, scans -> refuse bad_signature; sign: 此码无效
10:00:12 Li, booked all day, scans -> wait pcr_asked; gate stays shut
10:01:00 Zhao, PCR 5 h old, scans -> wait booking_missing
10:01:05 Zhao, number that is not in the roster, scans -> refuse not_in_roster
10:01:12 Qian, booked all day, scans -> wait pcr_asked; gate stays shut
