story: who is refused is told whom to ask, the department where it has a phone of its own
clause: 3.2.5
rulebook: place.permits.phone = "021-99999"

10:00 Wang, booked 10:00-10:30, PCR 5 h old, scans -> admit
10:00 Wang passes
10:20 Wang scans -> refuse used; sign: 咨询021-12345; voice: 咨询电话零二幺幺二三四五
10:21 Li, booked 09:00-09:30, for service permits, PCR 5 h old, scans -> refuse late; sign: 咨询021-99999
10:22 time passes -> idle sign: 咨询021-12345
