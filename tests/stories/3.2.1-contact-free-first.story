story: who is refused hears of the way that needs no visit, and that it could have been online is on record
clause: 3.2.1
rulebook: place.permits.online_zh = "一网通办企业开办"

10:00 Wang, booked all day, for service permits, PCR 5 h old, scans -> admit; could have been online
10:00 Wang passes
10:02 Wang scans -> refuse used; voice: 可用一网通办企业开办网上办理; could have been online
10:04 Li, booked for another hall, PCR 5 h old, scans -> refuse wrong_hall; voice: 可用一网通办网上办理
10:05 time passes -> idle sign: 网上办 一网通办
